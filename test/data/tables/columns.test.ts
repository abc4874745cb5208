import { describe, expect, it } from 'vitest';
import { ColumnBuilder, type ColumnUse } from '../../../src/data/tables/column.js';
import { describeColumn } from '../../../src/data/tables/describe.js';
import { missingValues } from '../../../src/data/tables/missing.js';
import { murmur3 } from '../../../src/data/tables/murmur3.js';
import { indexOfEachValue, parseNumber } from '../../../src/data/labels.js';
import { hostRandom } from '../../../src/tensor/random.js';
import { type DataInput, dataErrorOf, load, sample, tempFolder } from '../files.js';

const { dir, write } = tempFolder();
type Csv = Extract<DataInput['source'], { csv: unknown }>['csv'];
const csv = (params: Partial<Csv>): DataInput['source'] => ({ csv: { path: 'a.csv', target: 'k', ...params } });

const built = (use: ColumnUse, cells: readonly (string | number)[]) => {
  const builder = new ColumnBuilder('a', 1, use, 'a.csv', missingValues(undefined));
  for (const cell of cells) {
    if (typeof cell === 'number') builder.pushNumber(cell);
    else builder.push(cell);
  }
  return builder.build();
};

describe('a column', () => {
  const many = Array.from({ length: 40_000 }, (_, i) => (i % 100 === 7 ? '' : i === 33_333 ? 'oops' : String(i / 8)));

  it('of many numbers keeps them as such, and the texts among them', () => {
    const column = built('auto', many);
    expect(column.values).toEqual(['', 'oops']);
    many.forEach((text, row) => {
      expect(column.text(row)).toBe(text);
      if (text !== '' && text !== 'oops') expect(column.numberAt(row)).toBe(Number(text));
    });
    expect(column.select(Int32Array.of(33_333, 7, 8)).labels()).toEqual({
      values: ['oops', '', '1'],
      codes: Int32Array.of(0, 1, 2),
    });
  });

  it('that must keep its texts does', () => {
    const column = built('texts', ['1.0', '1', ...many]);
    expect([column.text(0), column.text(1), column.text(10)]).toEqual(['1.0', '1', '1']);
    expect(column.values.length).toBeGreaterThan(30_000);
  });

  it('of numbers in binary is numbers from the start', () => {
    const column = built('auto', [0.1, NaN, 2, 'x']);
    expect([0, 1, 2, 3].map((row) => column.code(row))).toEqual([-1, 0, -1, 1]);
    expect(column.numberAt(0)).toBe(0.1);
  });

  it('with a million different texts is refused', async () => {
    const builder = new ColumnBuilder('name', 1, 'texts', 'a.csv', missingValues(undefined));
    const error = await dataErrorOf(
      Promise.resolve().then(() => {
        for (let i = 0; i < 1e6; i++) builder.push(`n${i}`);
      }),
    );
    expect(error.message).toBe('a.csv: column "name" has more than 524287 different texts');
  });
});

describe('a number in a file', () => {
  it('is the very float64 that JavaScript makes of it', () => {
    const random = hostRandom(1, 'numbers');
    for (let i = 0; i < 20_000; i++) {
      const digits = String(random.below(10 ** (1 + random.below(9)))) + String(random.below(10 ** random.below(9)));
      const at = random.below(digits.length + 1);
      const exponent = random.below(4) === 0 ? `e${random.below(40) - 20}` : '';
      const text = `${['', '-', '+'][random.below(3)]}${digits.slice(0, at)}${random.below(3) === 0 ? '' : '.'}${digits.slice(at)}${exponent}`;
      expect(parseNumber(text)).toBe(Number(text));
    }
  });

  it.each(['', '-', '.', '+.', '1.2.3', '1 ', '0x1', 'Infinity', '1e999', 'e5', '١', '1-', '-.'])(
    'is not %j',
    (text) => {
      expect(parseNumber(text)).toBeNaN();
    },
  );
});

describe('murmur3', () => {
  // From sklearn.utils.murmurhash3_32(text, seed=0, positive=True).
  it.each([
    ['', 0],
    ['a', 1009084850],
    ['hello', 613153351],
    ['Grüße', 1791607040],
    ['abcd', 1139631978],
  ])('of %j is %i, as in scikit-learn', (text, hash) => {
    expect(murmur3(Buffer.from(text))).toBe(hash);
  });
});

describe('missing values', () => {
  const text = 'a,c,k\n1,u,x\n,u,y\n3,?,x\n3,v,y\n8,v,x\n4,,y\n';

  it('are filled in by the most frequent number and category', async () => {
    write('a.csv', text);
    const { train } = await load(dir, { source: csv({ missing: 'most_frequent' }) });
    expect([1, 2, 5].map((row) => sample(train.fields.features, row))).toEqual([[3, 1, 0], [3, 1, 0], [4, 1, 0]]); // prettier-ignore
  });

  it('are filled in by a constant', async () => {
    write('a.csv', text);
    const { train } = await load(dir, { source: csv({ missing: { constant: -1 } }) });
    expect(sample(train.fields.features, 1)).toEqual([-1, 1, 0]);
  });

  it('are marked by a feature of their own, which preprocessing leaves alone', async () => {
    write('a.csv', text);
    const source = csv({ missing: 'mean', missing_indicator: true });
    const { train, preprocessing } = await load(dir, { source, preprocess: ['standardize'] });
    expect(train.fields.features.shape).toEqual([4]);
    expect(Array.from({ length: 6 }, (_, row) => sample(train.fields.features, row)[1])).toEqual([0, 1, 0, 0, 0, 0]);
    expect(preprocessing.encoding).toMatchObject({ columns: [{ kind: 'numeric', fill: 3.8, indicator: true }, {}] });
    expect(preprocessing.affine.scale[1]).toBe(1);
  });
});

describe('hashed categories', () => {
  it('have a feature for each bucket, also those that training had not', async () => {
    write('a.csv', 'city,k\nhello,x\na,y\nhello,x\n');
    write('b.csv', 'city,k\nabcd,x\n,y\n');
    const source = csv({ path: undefined, train: 'a.csv', test: 'b.csv', hash: { city: 5 }, missing: 'mean' });
    const { train, test } = await load(dir, { source });
    expect(train.fields.features.shape).toEqual([5]);
    const bucket = (of: string): number[] =>
      Array.from({ length: 5 }, (_, i) => Number(i === murmur3(Buffer.from(of)) % 5));
    expect([0, 1, 2].map((row) => sample(train.fields.features, row))).toEqual([
      bucket('hello'),
      bucket('a'),
      bucket('hello'),
    ]);
    expect([0, 1].map((row) => sample(test?.fields.features ?? train.fields.features, row))).toEqual([
      bucket('abcd'),
      [0, 0, 0, 0, 0],
    ]);
  });

  it('are columns of the file', async () => {
    write('a.csv', 'city,k\nhello,x\na,y\n');
    expect((await dataErrorOf(load(dir, { source: csv({ hash: { town: 5 } }) }))).message).toContain(
      'no column "town"',
    );
  });
});

describe('a column of numbers', () => {
  const rows = (cells: readonly string[]): string =>
    `a,k\n${cells.map((cell, i) => `"${cell}",${'xy'[i % 2]}`).join('\n')}\n`;
  const numbers = ['1', '2', '3', '4', '5', '6'];

  it.each(['NA', 'N/A', 'nan', 'None', 'null', 'NULL', '#N/A', '?', ''])(
    'may have %j for a missing value',
    async (text) => {
      write('a.csv', rows([...numbers, text, text, text, text, text, text, text]));
      const { preprocessing } = await load(dir, { source: csv({ missing: 'mean' }) });
      expect(preprocessing.encoding).toMatchObject({ columns: [{ kind: 'numeric', fill: 3.5 }] });
    },
  );

  it('has the missing values that the config names, and no others but empty fields', async () => {
    write('a.csv', rows([...numbers, '-999', '']));
    const { preprocessing } = await load(dir, { source: csv({ missing: 'mean', missing_values: ['-999'] }) });
    expect(preprocessing.encoding).toMatchObject({ columns: [{ kind: 'numeric', fill: 3.5 }] });
    write('a.csv', rows([...numbers, 'NA']));
    const error = await dataErrorOf(load(dir, { source: csv({ missing: 'mean', missing_values: [] }) }));
    expect(error.format()).toContain(
      'got "NA"\n  hint: if "NA" stands for a missing value, list it under data.source.missing_values',
    );
  });

  it('may have a class called NA as its target, where the config says so', async () => {
    write('a.csv', 'a,k\n1,NA\n2,US\n3,NA\n');
    expect((await load(dir, { source: csv({ missing_values: [] }) })).classes).toEqual(['NA', 'US']);
    expect((await dataErrorOf(load(dir, { source: csv({}) }))).message).toContain('missing value');
  });

  it.each([
    ['1,5', 'write decimals with a point, and thousands without a separator'],
    ['1,161', 'write decimals with a point, and thousands without a separator'],
    ['1,161,000.5', 'separators in a number'],
    ['1.161.000', 'separators in a number'],
    ['$5.50', 'an amount of money'],
    ['5.50 €', 'an amount of money'],
    ['12%', 'a percentage'],
    ['inf', 'an infinite value'],
    ['-Infinity', 'an infinite value'],
  ])('that are written like %s is refused, and not taken for categories', async (text, hint) => {
    for (const cells of [
      Array<string>(8).fill(text),
      [...numbers, text],
      [...numbers, ...Array<string>(20).fill(text)],
    ]) {
      write('a.csv', rows(cells));
      const error = await dataErrorOf(load(dir, { source: csv({ missing: 'mean' }) }));
      expect(error.format()).toContain(`expected a number in column "a", got "${text}"`);
      expect(error.format()).toContain(hint);
      expect(error.format()).not.toMatch(/write 1\.161/);
    }
    expect(await load(dir, { source: csv({ categorical: ['a'] }) })).toBeDefined();
  });

  it('with one text again and again is refused: that is a missing value by another name', async () => {
    write('a.csv', rows([...numbers, ...Array<string>(20).fill('-')]));
    const error = await dataErrorOf(load(dir, { source: csv({ missing: 'mean' }) }));
    expect(error.format()).toContain('if "-" stands for a missing value, list it under data.source.missing_values');
  });

  it('is read as such in tables of thousands of columns', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => `c${i}`);
    write('a.csv', `${names.join(',')},k\n${['x', 'y', 'x'].map((k, i) => `${names.map((_, j) => i + j).join(',')},${k}`).join('\n')}\n`); // prettier-ignore
    const { train } = await load(dir, { source: csv({}) });
    expect(train.fields.features.shape).toEqual([3000]);
    expect(sample(train.fields.features, 2).slice(0, 3)).toEqual([2, 3, 4]);
  });
});

describe('a description of a column', () => {
  it('counts the names of a categorical one as they are written', () => {
    const column = built('texts', ['7', '007', '7', '07']);
    expect(describeColumn(column, true)).toMatchObject({ kind: 'categorical', distinct: 3, values: [['7', 2], ['007', 1], ['07', 1]] }); // prettier-ignore
    expect(describeColumn(column, false)).toMatchObject({ kind: 'numeric', distinct: 1 });
  });
});

describe('a target of regression', () => {
  it('that is text is refused with the task that takes it', async () => {
    write('a.csv', 'a,k\n1,red\n2,blue\n3,red\n');
    const error = await dataErrorOf(load(dir, { source: csv({}) }, { target: 'numbers' }));
    expect(error.format()).toContain('the target column "k" is text\n  hint: for class names set task: classification');
  });
});

describe('class names', () => {
  it('of a checkpoint from before that are numbers in their shortest form', () => {
    expect([...indexOfEachValue(['1.0', '02', 'x'], ['1', '2'], false)]).toEqual([0, 1, -1]);
    expect([...indexOfEachValue(['1.0', '2', 'x'], ['1', '2'], true)]).toEqual([-1, 1, -1]);
  });

  const classesOf = async (text: string): Promise<readonly string[] | undefined> => {
    write('a.csv', text);
    return (await load(dir, { source: csv({}) })).classes;
  };

  it('are what is written: versions, postcodes and long identifiers stay apart', async () => {
    expect(await classesOf('a,k\n1,1.1\n2,1.10\n3,2.0\n')).toEqual(['1.1', '1.10', '2.0']);
    expect(await classesOf('a,k\n1,7\n2,007\n3,07\n')).toEqual(['007', '07', '7']);
    expect(await classesOf('a,k\n1,1234567890123456788\n2,1234567890123456789\n')).toHaveLength(2);
  });

  it('stay apart beyond 2^53 in JSON lines, too', async () => {
    write('a.jsonl', '{"a": 1, "k": 1234567890123456788}\n{"a": 2, "k": 1234567890123456789}\n{"a": 12345678901234567.5, "k": -12345678901234567890}\n'); // prettier-ignore
    const { classes, train } = await load(dir, { source: { jsonl: { path: 'a.jsonl', target: 'k' } } });
    expect(classes).toEqual(['-12345678901234567890', '1234567890123456788', '1234567890123456789']);
    expect(sample(train.fields.features, 2)).toEqual([Math.fround(Number('12345678901234567.5'))]);
  });

  it('that spell one number in two ways are pointed out where they are in the way', async () => {
    write('a.csv', `a,k\n${Array.from({ length: 40 }, (_, i) => `${i},${i === 3 ? '1.0' : i % 2}`).join('\n')}\n`);
    for (const config of [{ split: { test: 0.3, stratify: true } }, { folds: 3, split: { stratify: true } }]) {
      const error = await dataErrorOf(load(dir, { source: csv({}), ...config }));
      expect(error.format()).toContain('class "1.0" has');
      expect(error.format()).toContain('class names are compared as written: is it "1"?');
    }
  });
});
