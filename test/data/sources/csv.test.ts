import { describe, expect, it } from 'vitest';
import { fittedPreprocessingSchema, loadData, loadSplit, dataSchema } from '../../../src/data/index.js';
import { load, sample, tempFolder, type DataInput } from '../files.js';

const { dir, write } = tempFolder();
type Csv = Extract<DataInput['source'], { csv: unknown }>['csv'];
const csv = (params: Csv): DataInput['source'] => ({ csv: params });

describe('a CSV source', () => {
  it('takes all columns but the target and the dropped ones, numbers as they are and text one-hot', async () => {
    write('mixed.csv', 'id,size,colour,kind\n1,1.5,red,a\n2,-2e1,blue,b\n3,.25,red,b\n');
    const data = await load(dir, { source: csv({ path: 'mixed.csv', target: 'kind', drop: ['id'] }) });
    expect(data.classes).toEqual(['a', 'b']);
    expect(data.train.fields.features.shape).toEqual([3]);
    expect([...data.train.fields.features.values]).toEqual([1.5, 0, 1, -20, 1, 0, 0.25, 0, 1]);
    expect(data.train.fields.targets).toEqual({ shape: [], dtype: 'i32', values: Int32Array.of(0, 1, 1) });
    expect(data.affine).toBeUndefined();
    expect(data.preprocessing.encoding).toEqual({
      kind: 'table',
      columns: [
        { kind: 'numeric', name: 'size' },
        { kind: 'categorical', name: 'colour', categories: ['blue', 'red'], exact_names: true },
      ],
      targets: ['kind'],
      classes: ['a', 'b'],
      exact_names: true,
    });
  });

  it('takes several targets in regression, and the features in the order asked for', async () => {
    write('two.csv', 'a,b,y,z\n1,2,3,4\n5,6,7,8\n');
    const source = csv({ path: 'two.csv', target: ['z', 'y'], features: ['b', 'a'] });
    const { train, classes } = await load(dir, { source }, { target: 'numbers' });
    expect([...train.fields.features.values]).toEqual([2, 1, 6, 5]);
    expect(train.fields.targets).toEqual({ shape: [2], dtype: 'f32', values: Float32Array.of(4, 3, 8, 7) });
    expect(classes).toBeUndefined();
  });

  it.each([
    ['semicolons', 'a;k\n1;x\n2;y\n', { delimiter: ';' }],
    ['a byte order mark', '\uFEFFa,k\n1,x\n2,y\n', {}],
    ['Windows line ends', 'a,k\r\n1,x\r\n2,y\r\n', {}],
    ['old Macintosh line ends', 'a,k\r1,x\r2,y', {}],
    ['no line end at the end', 'a,k\n1,x\n2,y', {}],
    ['empty lines and spaces around fields', 'a, k\n\n 1 ,x \n  \n2,\ty\n\n', {}],
    ['quotes', '"a","k"\n"1","x"\n"2",y\n', {}],
    ['another quote', "'a','k'\n'1','x'\n2,y\n", { quote: "'" }],
    ['no header', '1,x\n2,y\n', { header: false, target: 1 }],
    ['no header, and names', '1,x\n2,y\n', { header: false, target: 'c1' }],
    ['a column without a name', ',a,k\n8,1,x\n9,2,y\n', { drop: ['c0'] }],
    ['a file asked for as train', 'a,k\n1,x\n2,y\n', { path: undefined, train: 'dialect.csv' }],
  ] as const)('reads %s', async (_, text, params) => {
    write('dialect.csv', text);
    const source = csv({ path: 'dialect.csv', target: 'k', ...params } as Csv);
    const data = await load(dir, { source });
    expect([...data.train.fields.features.values]).toEqual([1, 2]);
    expect(data.classes).toEqual(['x', 'y']);
  });

  it('keeps delimiters, quotes and line ends inside of quotes', async () => {
    write('quoted.csv', 'a,k\n1,"x, ""y""\nz"\n2,w\n');
    expect((await load(dir, { source: csv({ path: 'quoted.csv', target: 'k' }) })).classes).toEqual(['w', 'x, "y"\nz']);
  });

  it('reads a file of many pieces, cut anywhere', async () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => `${i},"${'ä'.repeat(i % 7)}",${i % 2}`);
    write('long.csv', `a,text,k\n${rows.join('\n')}\n`);
    const { train } = await load(dir, { source: csv({ path: 'long.csv', target: 'k', missing: 'mean' }) });
    expect(train.size).toBe(40_000);
    expect(sample(train.fields.features, 39_999)).toEqual([39_999, 1, 0, 0, 0, 0, 0]);
  });

  it('names classes as they are written, sorted by number where all are numbers, else by code point', async () => {
    write('numbers.csv', 'a,k\n1,10\n2,9\n3,-1\n4,9.0\n5,09\n');
    const numbers = await load(dir, { source: csv({ path: 'numbers.csv', target: 'k' }) });
    expect(numbers.classes).toEqual(['-1', '09', '9', '9.0', '10']);
    expect([...(numbers.train.fields.targets?.values ?? [])]).toEqual([4, 2, 0, 3, 1]);
    write('words.csv', 'a,k\n1,b\n2,10\n3,ä\n4,B\n5,9\n');
    expect((await load(dir, { source: csv({ path: 'words.csv', target: 'k' }) })).classes).toEqual([
      '10',
      '9',
      'B',
      'b',
      'ä',
    ]);
  });

  it('encodes numbers one-hot where they are listed as categorical', async () => {
    write('sex.csv', 'sex,y\n2,1.5\n1,2.5\n2,3.5\n');
    const source = csv({ path: 'sex.csv', target: 'y', categorical: ['sex'] });
    const { train } = await load(dir, { source, preprocess: ['standardize'] }, { target: 'numbers' });
    expect([...train.fields.features.values]).toEqual([0, 1, 1, 0, 0, 1]);
  });
});

describe('missing values in a CSV source', () => {
  const text = 'a,c,k\n1,u,x\n,u,y\n3,?,x\nNA,v,y\n8,v,x\n';

  it('drops the rows that lack a value in a column that is used', async () => {
    write('missing.csv', text);
    const source = csv({ path: 'missing.csv', target: 'a', features: ['c'], missing: 'drop' });
    const { train } = await load(dir, { source }, { target: 'numbers' });
    expect([...(train.fields.targets?.values ?? [])]).toEqual([1, 8]);
    expect([...train.fields.features.values]).toEqual([1, 0, 0, 1]);
  });

  it.each([
    ['mean', 4],
    ['median', 3],
  ] as const)('fills in the %s of the training split; a missing category is all zeros', async (missing, fill) => {
    write('missing.csv', text);
    const data = await load(dir, { source: csv({ path: 'missing.csv', target: 'k', missing }) });
    expect([...data.train.fields.features.values]).toEqual([1, 1, 0, fill, 1, 0, 3, 0, 0, fill, 0, 1, 8, 0, 1]);
  });

  it('takes the middle of the two middle values as the median of an even number', async () => {
    write('even.csv', 'a,k\n1,x\n10,y\n,x\n4,y\n2,x\n');
    const data = await load(dir, { source: csv({ path: 'even.csv', target: 'k', missing: 'median' }) });
    expect(data.train.fields.features.values[2]).toBe(3);
  });
});

describe('new files for a fitted CSV source', () => {
  const options = { target: 'classes', seed: 1, baseDir: dir } as const;
  const source = csv({ train: 'fit.csv', test: 'new.csv', target: 'k', missing: 'mean' });
  const config = dataSchema.parse({ source, preprocess: ['standardize'] });
  const fit = 'a,c,k\n1,u,x\n2,v,y\n6,u,x\n';

  it('fits on the training file alone, matches columns by name and ignores new ones', async () => {
    write('fit.csv', fit);
    write('new.csv', 'extra,k,c,a\nq,y,v,100\nq,x,w,\n');
    const { test, preprocessing } = await loadData(config, options);
    const std = Math.sqrt(14 / 3);
    expect(test?.fields.targets?.values).toEqual(Int32Array.of(1, 0));
    // The second row has a new category, all zeros, and a missing number, filled with the training mean: 0.
    expect([...(test?.fields.features.values ?? [])]).toEqual([
      Math.fround(97 / std),
      0,
      1,
      expect.closeTo(0, 6),
      0,
      0,
    ]);
    expect(preprocessing.affine.scale).toEqual([1 / std, 1, 1]);
  });

  it('treats a part the same way later, by JSON from a checkpoint, reading only the file it needs', async () => {
    write('fit.csv', fit);
    write('new.csv', 'a,c,k\n100,v,y\n,w,x\n');
    const first = await loadData(config, options);
    const fitted = fittedPreprocessingSchema.parse(JSON.parse(JSON.stringify(first.preprocessing)));
    const again = await loadSplit(config, 'test', { ...options, fitted });
    expect(again.split).toEqual(first.test);
    expect(again.classes).toEqual(first.classes);
    expect(again.files.map(({ path }) => path)).toEqual([`${dir}/new.csv`]);
    expect(await loadData(config, { ...options, fitted })).toEqual(first);
    // Nothing is fitted again: another training file changes nothing.
    write('fit.csv', 'a,c,k\n7,w,y\n9,w,x\n');
    expect((await loadData(config, { ...options, fitted })).test).toEqual(first.test);
    expect((await loadSplit(config, 'val', { ...options, fitted })).split).toBeUndefined();
  });
});
