/** Sources of tables other than CSV: the same samples, whatever the format. */
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { dataSchema, loadSplit } from '../../../src/data/index.js';
import { type DataInput, dataErrorOf, load, sample, tempFolder } from '../files.js';

const { dir, write } = tempFolder();

const CSV = 'size,colour,big,kind\n1.5,red,true,a\n-20,blue,false,b\n,red,true,b\n';
const JSONL = [
  { size: 1.5, colour: 'red', big: true, kind: 'a' },
  { kind: 'b', colour: 'blue', big: false, size: -20 },
  { colour: 'red', big: true, kind: 'b', size: null },
];
const parquet = (codec?: 'SNAPPY' | 'GZIP' | 'UNCOMPRESSED'): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'size', data: [1.5, -20, null], type: 'DOUBLE', nullable: true },
        { name: 'colour', data: ['red', 'blue', 'red'], type: 'STRING' },
        { name: 'big', data: [true, false, true], type: 'BOOLEAN' },
        { name: 'kind', data: ['a', 'b', 'b'], type: 'STRING' },
      ],
      rowGroupSize: [2],
      compressors: { GZIP: (bytes) => gzipSync(bytes) },
      ...(codec === undefined ? {} : { codec }),
    }),
  );
const keys = { target: 'kind', missing: 'median' } as const;

describe('a table', () => {
  it('gives the same samples as CSV, JSON lines and Parquet', async () => {
    write('t.csv', CSV);
    write('t.jsonl', `${JSONL.map((row) => JSON.stringify(row)).join('\n')}\n`);
    const expected = await load(dir, { source: { csv: { path: 't.csv', ...keys } } });
    expect(sample(expected.train.fields.features, 2)).toEqual([-9.25, 0, 1, 0, 1]);
    const same = async (source: DataInput['source']): Promise<void> => {
      const { files: _, ...data } = await load(dir, { source });
      const { files: __, ...theirs } = expected;
      expect(data).toEqual(theirs);
    };
    await same({ jsonl: { path: 't.jsonl', ...keys } });
    for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP'] as const) {
      write('t.parquet', parquet(codec));
      await same({ parquet: { path: 't.parquet', ...keys } });
    }
  });

  it('leaves out the index of pandas unless it is asked for', async () => {
    write('i.csv', '__index_level_0__,x,kind\n0,1.5,a\n1,2.5,b\n');
    const csv = { path: 'i.csv', target: 'kind' };
    const { train } = await load(dir, { source: { csv } });
    expect(sample(train.fields.features, 1)).toEqual([2.5]);
    const asked = await load(dir, { source: { csv: { ...csv, features: ['__index_level_0__', 'x'] } } });
    expect(sample(asked.train.fields.features, 1)).toEqual([1, 2.5]);
  });

  it('of one format is measured by a model trained on another', async () => {
    write('t.csv', CSV);
    write('t.parquet', parquet());
    const { preprocessing: fitted, train } = await load(dir, { source: { csv: { path: 't.csv', ...keys } } });
    const config = dataSchema.parse({ source: { parquet: { path: 't.parquet', ...keys } } });
    const options = { target: 'classes', seed: 1, baseDir: dir, fitted } as const;
    expect((await loadSplit(config, 'train', options)).split).toEqual(train);
    write('x.idx', Buffer.from([0, 0, 8, 1, 0, 0, 0, 1, 0]));
    const pair = { features: 'x.idx', targets: 'x.idx' };
    const other = dataSchema.parse({ source: { idx: { train: pair } } });
    expect((await dataErrorOf(loadSplit(other, 'train', options))).message).toContain(
      'the data are arrays of one shape, but the model was trained on tables of columns',
    );
  });
});

describe('a bad file of JSON lines', () => {
  it.each([
    ['no JSON', '{"a":1,"k":"x"}\n{"a":', ':2: not JSON: '],
    ['a list', '\n[1,2]\n', ':2: expected an object, got [1,2]'],
    ['a nested value', '{"a":{"b":1},"k":"x"}', ':1: the value of "a" is nested'],
    [
      'a number with a typo',
      '{"a":1,"k":"x"}\n{"a":2,"k":"y"}\n{"a":"3,5","k":"x"}\n',
      ':3: expected a number in column "a", got "3,5"',
    ],
    ['no target', '{"a":1}\n', ': no column "k"; the columns are a'],
    ['a target that a line lacks', '{"a":1,"k":"x"}\n{"a":2}\n', ':2: missing value in the target column "k"'],
    ['nothing', '\n \n', ': the file is empty'],
    ['Latin-1', Buffer.from('{"a":1,"k":"ä"}', 'latin1'), ':1: not valid UTF-8'],
  ])('with %s', async (_, content, message) => {
    write('bad.jsonl', content);
    const error = await dataErrorOf(load(dir, { source: { jsonl: { path: 'bad.jsonl', target: 'k' } } }));
    expect(error.message).toContain(`${dir}/bad.jsonl${message}`);
  });
});

describe('a bad Parquet file', () => {
  const good = parquet();
  it.each([
    ['text', Buffer.from('a,b\n1,2\n3,4\n'), 'not a Parquet file: it does not start with PAR1'],
    ['half of the file', good.subarray(0, 100), 'truncated: a Parquet file ends with PAR1'],
    ['a damaged footer', Buffer.from(good).fill(255, good.length - 60, good.length - 8), 'damaged: '],
  ])('of %s', async (_, bytes, message) => {
    write('bad.parquet', bytes);
    const error = await dataErrorOf(load(dir, { source: { parquet: { path: 'bad.parquet', ...keys } } }));
    expect(error.message).toContain(`${dir}/bad.parquet: ${message}`);
  });

  it('that repeats a level billions of times is refused before that happens', async () => {
    // The levels of a column stand before its packed values: 02 02 00 01 ... becomes a run of a billion.
    const bytes = parquet('GZIP');
    const levels = bytes.indexOf(Buffer.from([0x1f, 0x8b])) - 2;
    write('bad.parquet', Buffer.from(bytes).fill(0xf0, levels, levels + 3));
    const error = await dataErrorOf(load(dir, { source: { parquet: { path: 'bad.parquet', ...keys } } }));
    expect(error.message).toMatch(/bad\.parquet: damaged: column "size": /);
  });

  it('says which row is wrong', async () => {
    const data = [1, 2, 3];
    const columnData = [
      { name: 'a', data: ['1', '2', 'x'], type: 'STRING' as const },
      { name: 'k', data, type: 'INT32' as const },
    ];
    write('bad.parquet', Buffer.from(parquetWriteBuffer({ columnData })));
    const error = await dataErrorOf(load(dir, { source: { parquet: { path: 'bad.parquet', target: 'k' } } }));
    expect(error.message).toBe(`${dir}/bad.parquet: row 3, column 1: expected a number in column "a", got "x"`);
  });
});
