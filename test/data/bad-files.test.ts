/** Everything that can be wrong with a data file, each with the message that a user sees. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hostRandom } from '../../src/tensor/random.js';
import { DataError } from '../../src/data/index.js';
import { dataErrorOf, idxBytes, idxHeader, load, tempFolder, type DataInput } from './files.js';

const { dir, write } = tempFolder();

const images = idxBytes([4, 2, 2], [...Array(16).keys()]);
const labels = idxBytes([4], [0, 1, 0, 1]);
const packed = gzipSync(images);
const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] ^= 0x55;
  return copy;
};
const floats = (...values: number[]): Buffer => {
  const content = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => content.writeFloatBE(value, 4 * i));
  return Buffer.concat([idxHeader(0x0d, [values.length]), content]);
};
const small: DataInput['source'] = {
  idx: { train: { features: 'images.idx', targets: 'labels.idx' } },
};

describe('a bad idx file', () => {
  const damaged = 'the file is damaged or was not downloaded whole';
  it.each<[string, { images?: Buffer; labels?: Buffer }, string, string | undefined]>([
    [
      'empty',
      { images: Buffer.alloc(0) },
      'images.idx: truncated: an idx file has at least 4 bytes, this one 0',
      damaged,
    ],
    [
      'text',
      { images: Buffer.from('a,b\n1,2\n') },
      'images.idx: not an idx file: it starts with 61 2c 62 0a, not with 00 00, an element type and a rank',
      'for tables use data.source: csv',
    ],
    [
      'of an unknown element type',
      { images: flipped(images, 2) },
      'images.idx: not an idx file: it starts with 00 00 5d 03',
      undefined,
    ],
    [
      'of rank 0',
      { images: Buffer.of(0, 0, 8, 0) },
      'images.idx: not an idx file: it starts with 00 00 08 00',
      undefined,
    ],
    [
      'cut in the header',
      { images: images.subarray(0, 10) },
      'images.idx: truncated: a header of rank 3 has 16 bytes, but there are 10',
      damaged,
    ],
    [
      'cut in the values',
      { images: images.subarray(0, 20) },
      'images.idx: truncated: the header promises 4 x 2 x 2 values of type u8, 32 bytes in all, but it has 20',
      damaged,
    ],
    [
      'with bytes at the end',
      { images: Buffer.concat([images, Buffer.alloc(3)]) },
      'images.idx: 3 bytes after the end of the 4 x 2 x 2 values of type u8 that the header promises',
      'the header does not match the content',
    ],
    [
      'with an empty dimension',
      { images: idxHeader(8, [4, 0, 2]) },
      'images.idx: the file is empty: its dimensions are 4 x 0 x 2',
      undefined,
    ],
    [
      'with dimensions that overflow',
      { images: Buffer.concat([idxHeader(8, [2 ** 31, 2 ** 31, 2 ** 31]), images]) },
      'images.idx: damaged: dimensions 2147483648 x 2147483648 x 2147483648 are larger than any file',
      damaged,
    ],
    [
      'with dimensions past the end',
      { images: Buffer.concat([idxHeader(8, [2 ** 31, 28, 28]), images]) },
      'images.idx: truncated: the header promises 2147483648 x 28 x 28 values',
      damaged,
    ],
    [
      'gzip, with dimensions that its size cannot hold',
      { images: gzipSync(idxHeader(8, [2 ** 31, 28, 28])) },
      'this gzip file of',
      damaged,
    ],
    [
      'gzip, cut',
      { images: packed.subarray(0, packed.length - 12) },
      'images.idx: truncated: the gzip data ends early',
      damaged,
    ],
    [
      'gzip, cut in its header',
      { images: packed.subarray(0, 6) },
      'images.idx: truncated: an idx file has at least 4 bytes, this one 0',
      damaged,
    ],
    [
      'gzip, with a wrong checksum',
      { images: flipped(packed, packed.length - 6) },
      'images.idx: damaged: the gzip data is not valid (incorrect data check)',
      damaged,
    ],
    [
      'gzip, with a wrong block',
      { images: flipped(packed, 10) },
      'images.idx: damaged: the gzip data is not valid',
      damaged,
    ],
    [
      'gzip, whose content is short',
      { images: gzipSync(images.subarray(0, 20)) },
      'images.idx: truncated: the header promises 4 x 2 x 2 values of type u8, 32 bytes in all, but there are 20',
      damaged,
    ],
    [
      'gzip, whose content is long (a bomb)',
      { images: gzipSync(Buffer.concat([images, Buffer.alloc(1e7)])) },
      'images.idx: extra bytes after the end of the 4 x 2 x 2 values',
      undefined,
    ],
    [
      'of other length than its labels',
      { labels: idxBytes([3], [0, 1, 0]) },
      'labels.idx: 3 targets for 4 samples in',
      'features and targets must come from the same split',
    ],
    [
      'of labels that are images',
      { labels: images },
      'labels.idx: targets of shape [2, 2], but a class is one number',
      'are features and targets swapped?',
    ],
    [
      'of labels with a fraction',
      { labels: floats(0, 1, 0.5, 1) },
      'labels.idx: label 0.5 of sample 2 (counted from 0) is not a whole number',
      'set task: regression',
    ],
    [
      'of labels of one class',
      { labels: idxBytes([4], [7, 7, 7, 7]) },
      'labels.idx: the training split has only one class (7)',
      undefined,
    ],
    [
      'of features that are not finite',
      { images: floats(1, 2, NaN, 4) },
      'images.idx: the feature is NaN',
      'it is in sample 2 (counted from 0)',
    ],
  ])('that is %s', async (_, files, message, hint) => {
    write('images.idx', files.images ?? images);
    write('labels.idx', files.labels ?? labels);
    const error = await dataErrorOf(load(dir, { source: small }));
    expect(error.message).toContain(message);
    expect(error.message.startsWith(error.file)).toBe(true);
    if (hint !== undefined) expect(error.hint).toContain(hint);
  });

  it('for testing of another shape or with a class that training had not', async () => {
    write('images.idx', images);
    write('labels.idx', labels);
    write('wide.idx', idxBytes([4, 1, 4], Array<number>(16).fill(0)));
    write('others.idx', idxBytes([4], [0, 1, 2, 1]));
    const testOn = (features: string, targets: string): Promise<DataError> =>
      dataErrorOf(
        load(dir, {
          source: { idx: { train: { features: 'images.idx', targets: 'labels.idx' }, test: { features, targets } } },
        }),
      );
    expect((await testOn('wide.idx', 'labels.idx')).message).toContain(
      'wide.idx: samples of shape [1, 4, 1], where training had [2, 2, 1]',
    );
    expect((await testOn('images.idx', 'others.idx')).message).toContain(
      'others.idx: class "2" does not occur in the training split (0, 1)',
    );
  });

  it('that is flipped or cut at any place loads or ends in a DataError, never in anything else', async () => {
    const random = hostRandom(1, 'flips');
    const check = async (bytes: Buffer): Promise<void> => {
      write('images.idx', bytes);
      await load(dir, { source: small }).catch((error: unknown) => expect(error).toBeInstanceOf(DataError));
    };
    write('labels.idx', labels);
    for (const whole of [images, packed]) {
      for (let at = 0; at < whole.length; at++) {
        const flip = Buffer.from(whole);
        flip[at] = random.below(256);
        await check(flip);
        await check(whole.subarray(0, at));
      }
    }
  });
});

describe('a bad CSV file', () => {
  const base = { path: 'bad.csv', target: 'k' };
  const regression = { kind: 'numbers' } as const;
  const manyWords = `a,name,k\n${Array.from({ length: 101 }, (_, i) => `1,n${i},${i % 2}`).join('\n')}`;
  it.each<[string, string | Buffer, object, string, string | undefined]>([
    ['empty', '', {}, ': the file is empty', undefined],
    ['a header alone', 'a,k\n', {}, ': the file has a header but no rows', undefined],
    [
      'a row with too few fields',
      'a,b,k\n1,2,x\n1,y\n',
      {},
      ':3:3: expected 3 fields, as in the header, got 2: no field for column "k"',
      undefined,
    ],
    [
      'a row with too many fields',
      'a,k\n\n1,x\n1,5,y\n',
      {},
      ':4:3: expected 2 fields, as in the header, got 3',
      'a field that contains "," must be quoted: "a,b"',
    ],
    ['a bad row after a quoted line break', 'a,k\n1,"x\ny"\n1\n', {}, ':4:2: expected 2 fields', undefined],
    [
      'a number with a typo',
      'a,k\n1,x\n2,y\n3.5x,x\n',
      {},
      ':4:1: expected a number in column "a", got "3.5x"',
      'if "a" is a column of categories, under data.source.categorical',
    ],
    [
      'a decimal comma',
      'a;k\n1;x\n2;y\n"3,5";x\n',
      { delimiter: ';' },
      ':4:1: expected a number in column "a", got "3,5"',
      'write decimals with a point, and thousands without a separator',
    ],
    [
      'hexadecimal and infinite numbers',
      'a,k\n1,x\n2,y\n0x10,x\n',
      {},
      ':4:1: expected a number in column "a", got "0x10"',
      undefined,
    ],
    [
      'a number beyond float32',
      'a,k\n1,x\n1e39,y\n',
      {},
      ':3:1: 1e+39 becomes Infinity as a 32-bit feature',
      undefined,
    ],
    [
      'a missing value',
      'a,k\n1,x\n,y\n',
      {},
      ':3:1: missing value in column "a"',
      'set data.source.missing to drop, mean, median or most_frequent',
    ],
    ['a missing value with a name', 'a,k\n1,x\nNA,y\n', {}, ':3:1: missing value ("NA") in column "a"', undefined],
    ['a missing category', 'a,k\nu,x\n?,y\n', {}, ':3:1: missing value in column "a"', undefined],
    [
      'a missing target',
      'a,k\n1,x\n2,?\n',
      { missing: 'mean' },
      ':3:2: missing value in the target column "k"',
      'remove the row, or set data.source.missing to drop',
    ],
    [
      'nothing but incomplete rows',
      'a,k\n,x\n,y\n',
      { missing: 'drop' },
      ': every one of the 2 rows has a missing value',
      undefined,
    ],
    [
      'a column without any value',
      'a,b,k\n,1,x\n,2,y\n',
      {},
      ': column "a" has no value in the training split',
      'leave it out: drop: [a]',
    ],
    ['a column of names', manyWords, {}, ': column "name" is text with 101 different values', 'drop: [name]'],
    [
      'an unknown target',
      'a,kind\n1,x\n',
      { target: 'knid' },
      ': no column "knid"; the columns are a, kind',
      'data.source.target: did you mean "kind"?',
    ],
    [
      'an unknown feature',
      'width,k\n1,x\n',
      { features: ['widht'] },
      ': no column "widht"',
      'data.source.features: did you mean "width"?',
    ],
    [
      'another delimiter',
      'a;k\n1;x\n',
      {},
      ': no column "k"; the columns are a;k',
      'the fields seem to be separated by ";": set data.source.delimiter',
    ],
    ['no header', '1,x\n2,y\n', {}, ': no column "k"; the columns are 1, x', 'set data.source.header to false'],
    [
      'a column number past the end',
      '1,x\n2,y\n',
      { header: false, target: 2 },
      ': no column "c2"; the columns are c0, c1',
      undefined,
    ],
    [
      'a repeated column',
      'a,a,k\n1,2,x\n',
      {},
      ':1:2: the header has two columns named "a" (columns 1 and 2)',
      undefined,
    ],
    ['the target alone', 'k\nx\ny\n', {}, ': no column is left to predict from', undefined],
    ['a quote that never ends', 'a,k\n1,"x\n2,y\n', {}, ':2: a quote is never closed', undefined],
    [
      'a quote within a field',
      'a,k\n1,x\n5" pipe,y\n',
      {},
      ':3:1: a quote inside an unquoted field',
      'double the quotes',
    ],
    [
      'text after a quote',
      'a,k\n1,x\n"2"b,y\n',
      {},
      ':3:1: text between the closing quote and the delimiter',
      undefined,
    ],
    ['Latin-1', Buffer.from('a,k\n1,x\n2,\xe4\n', 'latin1'), {}, ':3: not valid UTF-8', 'it may be in Latin-1'],
    ['UTF-16', Buffer.from('\uFEFFa,k\n1,x\n', 'utf16le'), {}, ': the file is UTF-16', 'save it as UTF-8'],
    ['a zero byte', 'a,k\n1,x\n2,\0\n', {}, ':3: a zero byte: this is not a text file', undefined],
    ['gzip', gzipSync('a,k\n1,x\n'), {}, ': the file is compressed', 'unpack it'],
    ['one endless line', `a,k${'x'.repeat(5e6)}`, {}, ':1: a line of more than 4194304 bytes', 'is this a text file?'],
    ['one class', 'a,k\n1,x\n2,x\n', {}, ': the training split has only one class (x)', undefined],
    [
      'several targets of a classification',
      'a,k,l\n1,x,y\n',
      { target: ['k', 'l'] },
      ': classification has one target column, but data.source.target lists 2',
      undefined,
    ],
    [
      'a target that is a feature',
      'a,k\n1,x\n',
      { features: ['a', 'k'] },
      ': column "k" is the target and cannot be a feature as well',
      undefined,
    ],
    [
      'a categorical column that is no feature',
      'a,k\n1,x\n',
      { categorical: ['k'] },
      ': column "k" is listed under categorical, but it is no feature',
      undefined,
    ],
    [
      'words as the target of a regression',
      'a,k\n1,2\n2,x\n',
      regression,
      ':3:2: expected a number in column "k", got "x"',
      undefined,
    ],
  ])('with %s', async (_, content, params, message, hint) => {
    write('bad.csv', content);
    const { kind = 'classes', ...source } = { ...params } as { kind?: 'classes' | 'numbers' };
    const error = await dataErrorOf(load(dir, { source: { csv: { ...base, ...source } } }, { target: kind }));
    expect(error.message).toContain(`${dir}/bad.csv${message}`);
    if (hint !== undefined) expect(error.hint).toContain(hint);
    expect(error.format()).not.toMatch(/undefined|\n\s+at /);
  });

  it('with a class in the test file that training had not', async () => {
    write('bad.csv', 'a,k\n1,setosa\n2,other\n');
    write('test.csv', 'k,a\nsetosa,1\nsetosaa,1\n');
    const error = await dataErrorOf(
      load(dir, { source: { csv: { train: 'bad.csv', test: 'test.csv', target: 'k' } } }),
    );
    expect(error.format()).toBe(
      `${dir}/test.csv:3:1: class "setosaa" does not occur in the training split (other, setosa)\n  hint: did you mean "setosa"?`,
    );
  });

  it('with a column missing in the test file', async () => {
    write('bad.csv', 'length,k\n1,x\n2,y\n');
    write('test.csv', 'lenght,k\n1,x\n');
    const error = await dataErrorOf(
      load(dir, { source: { csv: { train: 'bad.csv', test: 'test.csv', target: 'k' } } }),
    );
    expect(error.message).toBe(`${dir}/test.csv: no column "length"; the columns are lenght, k`);
    expect(error.hint).toBe('did you mean "lenght"?');
  });
});

describe('a file that is not there', () => {
  const loadPath = (file: string): Promise<DataError> =>
    dataErrorOf(load(dir, { source: { csv: { path: file, target: 'k' } } }));

  it('is shown with its resolved path and the similar name in its folder', async () => {
    write('iris.csv', 'a,k\n1,x\n');
    expect(await loadPath('./irsi.csv')).toMatchObject({
      message: `${dir}/irsi.csv: no such file`,
      hint: 'did you mean "iris.csv"?',
    });
  });

  it('is shown with what its folder has, or that there is no such folder', async () => {
    expect((await loadPath('quite-another-name.parquet')).hint).toContain('iris.csv');
    expect((await loadPath('no/such/file.csv')).hint).toBe(
      `there is no folder ${dir}/no/such; paths are relative to the config file`,
    );
  });

  it('is told apart from a folder', async () => {
    expect((await loadPath('.')).message).toBe(`${dir}: this is a folder, not a file`);
  });
});
