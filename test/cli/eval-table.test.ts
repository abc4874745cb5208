/** A model of the raw penguins table, measured on tables that look a little different. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { trained } from './circle.js';
import { nnHere, tempFolder } from './helpers.js';

const folder = tempFolder();
const [header, ...lines] = readFileSync('datasets/penguins/penguins.csv', 'utf8').trimEnd().split('\n');
const names = header.split(',');

/** Writes every third penguin with its fields put through `change`, and evaluates the model on them. */
async function measured(
  checkpoint: string,
  change: (rows: string[][]) => string[][],
): Promise<{ code: number | null; err: string; figures?: unknown }> {
  const rows = [names, ...lines.filter((_, i) => i % 3 === 0).map((line) => line.split(','))];
  const file = join(folder, 'new.csv');
  writeFileSync(file, change(rows).map((fields) => `${fields.join(',')}\n`).join('')); // prettier-ignore
  const { code, out, err } = await nnHere('eval', checkpoint, '--json', `data.source.test=${file}`); // prettier-ignore
  return { code, err, ...(code === 0 ? { figures: JSON.parse(out) as unknown } : {}) };
}

describe('nn eval on a new table', () => {
  let checkpoint = '';
  let whole: unknown;
  beforeAll(async () => {
    const args = ['--runs-dir', join(folder, 'runs'), 'train.max_epochs=8', 'data.fold=1'];
    const { run_dir } = await trained('configs/penguins.yaml', ...args);
    checkpoint = join(run_dir, 'checkpoints', 'best.safetensors');
    whole = (await measured(checkpoint, (rows) => rows)).figures;
  });

  it('matches columns by their names, whatever their order, and passes over new ones', async () => {
    const moved = await measured(checkpoint, (rows) => rows.map(([species, ...rest]) => ['7', ...rest.reverse(), species].map((v, i) => (i === 0 && rest.includes('sex') ? 'id' : v)))); // prettier-ignore
    expect(moved.code, moved.err).toBe(0);
    expect(moved.figures).toEqual(whole);
    expect((moved.figures as { accuracy: number }).accuracy).toBeGreaterThan(0.95);
  });

  it('takes a category that training had not for none of the known ones', async () => {
    const column = names.indexOf('island');
    const at = (value: string) => measured(checkpoint, (rows) => rows.map((row, i) => (i === 1 ? row.with(column, value) : row))); // prettier-ignore
    const [fresh, missing, known] = [await at('Atlantis'), await at(''), await at('Dream')];
    expect(fresh.code, fresh.err).toBe(0);
    expect(fresh.figures).toEqual(missing.figures);
    expect(fresh.figures).not.toEqual(known.figures);
  });

  it('fills missing numbers in with the median of the training split', async () => {
    const column = names.indexOf('body_mass_g');
    const at = (value: string) => measured(checkpoint, (rows) => rows.map((row, i) => (i === 1 ? row.with(column, value) : row))); // prettier-ignore
    const filled = await at('NA');
    expect(filled.figures).toEqual((await at('4050')).figures);
    expect(filled.figures).not.toEqual(whole);
  });

  it('says which column is missing', async () => {
    const without = await measured(checkpoint, (rows) => rows.map((row) => row.slice(0, -1)));
    expect(without.code).toBe(2);
    expect(without.err.split('\n').slice(1).join('\n')).toBe(
      `${folder}/new.csv: no column "sex"; the columns are species, island, bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g\n` +
        '  hint: training had this column\n',
    );
  });

  it('says where a class is unknown and where a number is none', async () => {
    const at = (name: string, value: string) => measured(checkpoint, (rows) => rows.map((row, i) => (i === 2 ? row.with(names.indexOf(name), value) : row))); // prettier-ignore
    expect((await at('species', 'Adelei')).err).toContain(`${folder}/new.csv:3:1: class "Adelei" does not occur`);
    expect((await at('bill_depth_mm', 'wide')).err).toContain(
      `${folder}/new.csv:3:4: expected a number in column "bill_depth_mm", got "wide"`,
    );
  });
});
