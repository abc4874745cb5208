/**
 * What a hostile folder can hold: devices and pipes where files are expected, control characters in names, tables of thousands of
 * columns. Every command answers in words with a documented exit code, and nothing steers the terminal. `npm run fuzz` does more.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type HostRandom, hostRandom } from '../../src/tensor/index.js';
import { nnHere, tempFolder } from './helpers.js';

const { NN_FUZZ: count = 200, NN_FUZZ_SEED: seed = 1 } = process.env;
const folder = tempFolder();
const random = (name: string): HostRandom => hostRandom(Number(seed), name);
const pick = <T>(from: readonly T[], by: HostRandom): T => from[by.below(from.length)];

const config = (source: string, rest = ''): string =>
  `task: classification\ndata:\n  source: ${source}\n${rest}model: {layers: [flatten, {dense: {units: 2}}]}\ntrain: {max_epochs: 1}\n`;

/** Runs a command; it must end as documented, and write nothing that a terminal obeys. */
async function expectWords(shown: string, ...args: string[]): Promise<string> {
  const { code, out, err } = await nnHere(...args);
  expect([0, 1, 2, 3], `${shown}: ${err}`).toContain(code);
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  expect(out + err, shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  expect(err, shown).not.toMatch(/internal error|\n {4}at /);
  return err;
}

it.skipIf(process.platform === 'win32')(
  'special files are refused wherever a file is expected',
  async () => {
    const pipe = join(folder, 'pipe');
    expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
    const by = random('special files');
    const table = join(folder, 't.csv');
    writeFileSync(table, 'a,k\n1,x\n2,y\n3,x\n4,y\n');
    for (let i = 0; i < Number(count) / 10; i++) {
      const special = pick(
        ['/dev/zero', '/dev/null', '/dev/random', '/dev/stdin', '/dev/tty', pipe, folder, '/proc/self/mem'],
        by,
      );
      // Sometimes behind a link.
      const link = join(folder, 'link');
      rmSync(link, { force: true });
      symlinkSync(special, link);
      const file = pick([special, link], by);
      const sources = [`{csv: {path: "${file}", target: k}}`, `{csv: {train: t.csv, test: "${file}", target: k}}`, `{jsonl: {path: "${file}", target: k}}`, `{parquet: {path: "${file}", target: k}}`, `{npy: {train: {features: "${file}", targets: "${file}"}}}`, `{npz: {path: "${file}", train: {features: x, targets: y}}}`, `{idx: {train: {features: "${file}", targets: "${file}"}}}`]; // prettier-ignore
      const written = join(folder, 'special.yaml');
      const source = pick(sources, by);
      writeFileSync(written, config(source));
      const shown = `seed ${seed}, case ${i}: ${source}`;
      const err = await expectWords(shown, pick(['check', 'data'], by), written);
      expect(err, shown).not.toBe('');
      await expectWords(`${shown} as a config`, 'check', file);
      await expectWords(`${shown} as a checkpoint`, 'eval', file);
    }
  },
  600_000,
);

it('control characters in keys, labels and names of files and columns are spelled out', async () => {
  const by = random('control characters');
  const steering = [
    '\u001b[31m',
    '\u001b]0;title\u0007',
    '\u009b2J',
    '\u202e',
    '\r',
    '\b',
    '\u007f',
    '\u2066',
    '\u0000',
  ];
  for (let i = 0; i < Number(count) / 20; i++) {
    const at = (): string => `x${pick(steering, by)}${by.below(10)}`;
    const name = at().replaceAll('\u0000', '');
    const quoted = JSON.stringify(name);
    const own = join(folder, `case${i}`);
    mkdirSync(own);
    writeFileSync(join(own, `${name}.csv`), `"${at()}","${name}"\n${Array.from({ length: 12 }, (_, k) => `${k},"${at()}"`).join('\n')}\n`); // prettier-ignore
    const file = join(own, 'c.yaml');
    const texts = [
      config(`{csv: {path: ${JSON.stringify(`${name}.csv`)}, target: ${quoted}}}`),
      config(`{csv: {path: ${JSON.stringify(`${name}.csv`)}, target: ${JSON.stringify(at())}}}`),
      config(`{csv: {path: ${JSON.stringify(at())}, target: k}}`),
      `${quoted}: 1\n`,
      `task: ${quoted}\n`,
    ];
    writeFileSync(file, pick(texts, by));
    await expectWords(`seed ${seed}, case ${i}`, pick(['check', 'data', 'train'], by), file, ...(by.below(2) === 0 ? [`${name}=1`] : [])); // prettier-ignore
    copyFileSync(file, join(own, `${name}.yaml`));
    await expectWords(`seed ${seed}, case ${i}`, 'check', join(own, `${name}.yaml`));
  }
});

it('tables of many columns are described, or refused', async () => {
  const by = random('wide tables');
  for (let i = 0; i < Number(count) / 50; i++) {
    const columns = 1 + by.below(4000);
    const cells = ['1', '2.5', '', 'NA', 'red', 'blue', '1,5', '007', '1e300', 'x'.repeat(50)];
    const names = Array.from({ length: columns }, (_, c) => (by.below(500) === 0 ? 'same' : `c${c}`));
    const row = (k: number): string => `${names.map(() => `"${pick(cells, by)}"`).join(',')},${'ab'[k % 2]}`;
    writeFileSync(join(folder, 'wide.csv'), `${names.join(',')},k\n${Array.from({ length: 8 }, (_, k) => row(k)).join('\n')}\n`); // prettier-ignore
    const file = join(folder, 'wide.yaml');
    writeFileSync(file, config('{csv: {path: wide.csv, target: k, missing: mean}}'));
    await expectWords(`seed ${seed}, case ${i}, ${columns} columns`, pick(['check', 'data'], by), file);
  }
});
