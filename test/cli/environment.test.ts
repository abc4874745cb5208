/** Values from the environment may be secrets: what a run leaves refers to them. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Provenance, Summary } from '../../src/runs/index.js';
import { writeCircle } from './circle.js';
import { nnHere, tempFolder } from './helpers.js';

const folder = tempFolder();
const SECRET = 's3cr3t-tok3n';
const runsDir = join(folder, 'runs');

/** An experiment whose data lie in a folder called as the variable says. */
function experiment(path: string): string {
  for (const name of [SECRET, 'other', 'a${b']) {
    mkdirSync(join(folder, name), { recursive: true });
    writeCircle(join(folder, name, 'c.csv'), 60);
  }
  const config = join(folder, 'c.yaml');
  writeFileSync(
    config,
    `name: kept\ntask: classification\ndata: {source: {csv: {path: "${path}", target: side}}, split: {test: 0.2}}\nmodel: {layers: [{dense: {units: 2}}]}\ntrain: {max_epochs: "\${env:NN_TEST_EPOCHS,1}"}\n`,
  );
  return config;
}

afterEach(() => delete process.env.NN_TEST_SECRET);

const filesUnder = (path: string): string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile());

describe('a value from the environment', () => {
  it.each([
    ['a relative path', '${env:NN_TEST_SECRET}/c.csv', SECRET],
    ['an absolute path', `${folder}/\${env:NN_TEST_SECRET}/c.csv`, SECRET],
    ['a whole path', '${env:NN_TEST_SECRET}', join(folder, SECRET, 'c.csv')],
  ])('stays a reference in the run directory and its checkpoints: %s', async (_, path, value) => {
    process.env.NN_TEST_SECRET = value;
    const { code, out, err } = await nnHere('train', experiment(path), '--runs-dir', runsDir, '--json');
    expect(code, err).toBe(0);
    const { run_dir, test } = JSON.parse(out) as Summary;
    for (const file of filesUnder(run_dir)) expect(readFileSync(file, 'latin1'), file).not.toContain(SECRET);
    expect(readFileSync(join(run_dir, 'config.yaml'), 'utf8')).toContain('${env:NN_TEST_SECRET}');
    const { environment } = JSON.parse(readFileSync(join(run_dir, 'provenance.json'), 'utf8')) as Provenance;
    expect(environment).toMatchObject([
      { variable: 'NN_TEST_SECRET', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    ]);
    // Numbers make the run what it is, and stay.
    expect(readFileSync(join(run_dir, 'config.yaml'), 'utf8')).toContain('max_epochs: 1');

    const best = join(run_dir, 'checkpoints', 'best.safetensors');
    expect(JSON.parse((await nnHere('eval', best, '--json')).out)).toMatchObject({ ...test });
    const longer = await nnHere('train', '--resume', run_dir, 'train.max_epochs=2');
    expect(longer.code, longer.err).toBe(0);
    delete process.env.NN_TEST_SECRET;
    const without = await nnHere('eval', best);
    expect([without.code, without.err]).toEqual([1, expect.stringContaining('NN_TEST_SECRET is not set')]);
  });

  it('is said to have changed, where a run goes on with another', async () => {
    process.env.NN_TEST_SECRET = SECRET;
    const { out } = await nnHere('train', experiment('${env:NN_TEST_SECRET}/c.csv'), '--runs-dir', runsDir, '--json');
    const { run_dir } = JSON.parse(out) as Summary;
    process.env.NN_TEST_SECRET = 'other';
    const { code, err } = await nnHere('train', '--resume', run_dir, 'train.max_epochs=2');
    expect(code, err).toBe(0);
    expect(err).toContain('warning: the environment variable NN_TEST_SECRET has changed since the run began');
  });

  it('may hold what looks like an interpolation', async () => {
    process.env.NN_TEST_SECRET = 'a${b';
    const { code, out, err } = await nnHere('train', experiment('${env:NN_TEST_SECRET}/c.csv'), '--runs-dir', runsDir, '--json'); // prettier-ignore
    expect(code, err).toBe(0);
    const resumed = await nnHere('train', '--resume', (JSON.parse(out) as Summary).run_dir, 'train.max_epochs=2');
    expect(resumed.code, resumed.err).toBe(0);
  });
});
