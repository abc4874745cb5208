import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DataReport } from '../../src/data/index.js';
import { nnHere, tempFolder } from './helpers.js';

const folder = tempFolder();
const reportOf = async (...args: string[]): Promise<DataReport> => {
  const { code, out, err } = await nnHere('data', ...args, '--json', '--quiet');
  expect(code, err).toBe(0);
  return JSON.parse(out) as DataReport;
};
const config = (csv: string, text: string): string => {
  const file = join(folder, 'config.yaml');
  writeFileSync(join(folder, 'a.csv'), text);
  writeFileSync(file, `task: classification\ndata: {source: {csv: {${csv}}}}\nmodel: {layers: [dense: {units: 2}]}\n`);
  return file;
};

describe('nn data', () => {
  it('counts what its README says of the penguins', async () => {
    const { files, splits, classes } = await reportOf('configs/penguins.yaml');
    expect(files).toMatchObject([{ role: 'train', rows: 344 }]);
    const column = (name: string) => files[0].columns?.find((one) => one.name === name);
    expect(column('sex')).toMatchObject({ kind: 'categorical', missing: 11, distinct: 2 });
    expect(column('bill_length_mm')).toMatchObject({ kind: 'numeric', missing: 2 });
    expect(column('species')?.values).toEqual([['Adelie', 152], ['Gentoo', 124], ['Chinstrap', 68]]); // prettier-ignore
    expect((splits.train ?? 0) + (splits.test ?? 0)).toBe(344);
    expect(classes?.map(({ name }) => name)).toEqual(['Adelie', 'Chinstrap', 'Gentoo']);
  });

  it('finds constant columns, repeated samples and leaks between splits', async () => {
    writeFileSync(join(folder, 'b.csv'), 'a,c,k\n1,7,x\n9,7,y\n2,7,x\n');
    const file = config('train: a.csv, test: b.csv, target: k', 'a,c,k\n1,7,x\n2,7,y\n1,7,x\n');
    expect(await reportOf(file)).toMatchObject({
      splits: { train: 3, test: 3 },
      constant: ['c'],
      repeated: 1,
      leaks: [{ from: 'train', into: 'test', samples: 2, contradicting: 1 }],
      classes: [
        { name: 'x', counts: { train: 2, test: 2 } },
        { name: 'y', counts: { train: 1, test: 1 } },
      ],
    });
    const { out } = await nnHere('data', file);
    expect(out).toContain('constant in the training split: c\n');
    expect(out).toContain('leak: 2 samples of test are in train as well, 1 of them with another target\n');
    expect(out).toMatch(/\na +numeric +0 +2 +1 +1\.333 +2 +█ {8}▅\n/);
  });

  it('shows the columns before it says what keeps the data from loading', async () => {
    const { code, out, err } = await nnHere('data', config('path: a.csv, target: k', 'a,k\n1,x\n,y\n'));
    expect(code).toBe(2);
    expect(out).toMatch(/\na +numeric +1 /);
    expect(err).toContain('a.csv:3:1: missing value in column "a"');
  });

  it('shows the first image', async () => {
    const { code, out } = await nnHere('data', 'configs/digit-images.yaml', 'data.split={}');
    expect(code).toBe(0);
    const picture = out.split('the first training sample:\n')[1].split('\n');
    expect(picture.slice(0, 7).join('')).toMatch(/[@%#]/);
    // The picture is a 0: its middle is empty.
    expect(picture[3].slice(6, 8)).not.toMatch(/[@%#]/);
  });
});
