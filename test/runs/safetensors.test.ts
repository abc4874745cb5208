import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/runs/checkpoint-error.js';
import { readSafetensors, writeSafetensors, type StoredTensor } from '../../src/runs/safetensors.js';
import { hostRandom } from '../../src/tensor/random.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nn-safetensors-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const path = () => join(folder, 'model.safetensors');

/** A file of the format by hand: length, header text, data. */
function fileBytes(header: string | Uint8Array, data: Uint8Array = new Uint8Array(0), length?: bigint): Buffer {
  const text = Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, data]);
}

function problemOf(bytes: Uint8Array): string {
  writeFileSync(path(), bytes);
  try {
    readSafetensors(path());
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    expect(error.file).toBe(path());
    expect(error.hint).not.toBe('');
    return error.problem;
  }
  return 'none';
}

const f32 = (shape: number[], begin: number, end: number) =>
  JSON.stringify({ dtype: 'F32', shape, data_offsets: [begin, end] });

describe('writeSafetensors', () => {
  it('writes exactly the bytes of the format', () => {
    const tensors = new Map<string, StoredTensor>([
      ['b', { dtype: 'U8', shape: [3], values: Uint8Array.of(1, 2, 3) }],
      ['w', { dtype: 'F32', shape: [1, 2], values: Float32Array.of(1, -2) }],
      ['a', { dtype: 'I32', shape: [], values: Int32Array.of(258) }],
    ]);
    writeSafetensors(path(), tensors, new Map([['step', '7']]));

    // 258 = 0x102; 1 and -2 in float32 are 0x3f800000 and 0xc0000000; then the bytes 1, 2, 3.
    const data = Buffer.from('02010000' + '0000803f' + '000000c0' + '010203', 'hex');
    const header = (digest: string) =>
      (
        '{"__metadata__":{' +
        `"header_sha256":"${digest}","sha256":"${createHash('sha256').update(data).digest('hex')}","step":"7"},` +
        '"a":{"dtype":"I32","shape":[],"data_offsets":[0,4]},' +
        '"w":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},' +
        '"b":{"dtype":"U8","shape":[3],"data_offsets":[12,15]}}'
      ).padEnd(352);
    const headerDigest = createHash('sha256')
      .update(header('0'.repeat(64)))
      .digest('hex');
    expect(readFileSync(path()).toString('latin1')).toBe(fileBytes(header(headerDigest), data).toString('latin1'));
    expect(header(headerDigest).length % 8).toBe(0);
  });

  it('writes the same bytes whatever the order of the maps', () => {
    const tensors: [string, StoredTensor][] = [
      ['2', { dtype: 'F32', shape: [1], values: Float32Array.of(1) }],
      ['10', { dtype: 'F32', shape: [1], values: Float32Array.of(2) }],
      ['x', { dtype: 'F64', shape: [1], values: Float64Array.of(3) }],
    ];
    const metadata: [string, string][] = [['p', '1'], ['q', '2']]; // prettier-ignore
    writeSafetensors(path(), new Map(tensors), new Map(metadata));
    const first = readFileSync(path());
    writeSafetensors(path(), new Map(tensors.reverse()), new Map(metadata.reverse()));
    expect(readFileSync(path())).toEqual(first);
  });

  it('refuses values that do not fit the shape or the dtype, and reserved names', () => {
    const write =
      (name: string, tensor: StoredTensor, key = 'k') =>
      () => {
        writeSafetensors(path(), new Map([[name, tensor]]), new Map([[key, '']]));
      };
    expect(write('w', { dtype: 'F32', shape: [3], values: new Float32Array(2) })).toThrow(
      '2 values do not make F32 [3]',
    );
    expect(write('w', { dtype: 'F64', shape: [2], values: new Float32Array(2) })).toThrow(TypeError);
    expect(write('__metadata__', { dtype: 'U8', shape: [0], values: new Uint8Array(0) })).toThrow(TypeError);
    expect(write('w', { dtype: 'U8', shape: [0], values: new Uint8Array(0) }, 'sha256')).toThrow('reserved');
  });

  it('stores a view of a larger array, and of shared memory, without what lies around it', () => {
    const shared = new Float32Array(new SharedArrayBuffer(40), 8, 3).fill(5);
    writeSafetensors(path(), new Map([['w', { dtype: 'F32', shape: [3], values: shared }]]), new Map());
    expect(readSafetensors(path()).tensors.get('w')?.values).toEqual(Float32Array.of(5, 5, 5));
  });
});

describe('a round trip', () => {
  for (let seed = 1; seed <= 40; seed++) {
    it(`keeps every bit of random tensors and metadata (seed ${seed})`, () => {
      const random = hostRandom(seed, 'test/runs/safetensors');
      const tensors = new Map<string, StoredTensor>();
      const names = ['layers.0.weight', '__proto__', 'constructor', 'a"b\\c\n', 'ключ 🔑', '', '7', 'toString'];
      for (const name of names.slice(0, random.below(names.length + 1))) tensors.set(name, randomTensor(random));
      const metadata = new Map(names.slice(random.below(names.length)).map((name, i) => [name, `${name}{"${i}":\\`]));
      writeSafetensors(path(), tensors, metadata);

      const read = readSafetensors(path());
      expect(new Map([...read.tensors].sort())).toEqual(new Map([...tensors].sort()));
      for (const [key, value] of metadata) expect(read.metadata.get(key)).toBe(value);
      expect(read.metadata.size).toBe(metadata.size + 2);
    });
  }

  it('keeps NaN payloads, infinities and negative zero', () => {
    const bits = Uint32Array.of(0x7fc12345, 0x7f800000, 0xff800000, 0x80000000, 1);
    const values = new Float32Array(bits.buffer);
    writeSafetensors(path(), new Map([['w', { dtype: 'F32', shape: [5], values }]]), new Map());
    const read = readSafetensors(path()).tensors.get('w')?.values.buffer ?? new ArrayBuffer(0);
    expect(new Uint32Array(read)).toEqual(bits);
  });
});

type Random = ReturnType<typeof hostRandom>;

function randomTensor(random: Random): StoredTensor {
  const shape = Array.from({ length: random.below(4) }, () => random.below(5));
  const count = shape.reduce((product, size) => product * size, 1);
  const numbers = Array.from({ length: count }, () => random.uniform() * 2 ** 31);
  switch (random.below(7)) {
    case 0:
      return { dtype: 'F32', shape, values: Float32Array.from(numbers) };
    case 1:
      return { dtype: 'F64', shape, values: Float64Array.from(numbers) };
    case 2:
      return { dtype: 'I32', shape, values: Int32Array.from(numbers) };
    case 3:
      return { dtype: 'U32', shape, values: Uint32Array.from(numbers) };
    case 4:
      return { dtype: 'I64', shape, values: BigInt64Array.from(numbers, (value) => -BigInt(Math.floor(value * 1e6))) };
    case 5:
      return { dtype: 'U8', shape, values: Uint8Array.from(numbers) };
    default:
      return { dtype: 'BOOL', shape, values: Uint8Array.from(numbers, (value) => value % 2) };
  }
}

describe('readSafetensors', () => {
  it('reads files of other writers, with any order of members and white space, and no digests', () => {
    const data = Buffer.from(Float32Array.of(1, 2, 3).buffer);
    const header = `{ "b" : {"shape":[1], "data_offsets":[8, 12], "dtype":"F32"},\n "a":${f32([2], 0, 8)}}   `;
    writeFileSync(path(), fileBytes(header, data));
    const { tensors, metadata } = readSafetensors(path());
    expect(tensors.get('a')?.values).toEqual(Float32Array.of(1, 2));
    expect(tensors.get('b')?.values).toEqual(Float32Array.of(3));
    expect(metadata.size).toBe(0);
  });

  it('finds a wrong digest of the tensors', () => {
    const header = `{"__metadata__":{"sha256":"${'0'.repeat(64)}"},"w":${f32([1], 0, 4)}}`;
    expect(problemOf(fileBytes(header, new Uint8Array(4)))).toContain('sha256');
  });

  const four = new Uint8Array(4);
  const eight = new Uint8Array(8);
  const w = f32([1], 0, 4);
  const cases: Record<string, readonly [bytes: Uint8Array, problem: string]> = {
    'an empty file': [new Uint8Array(0), 'too few'],
    'a file of seven bytes': [new Uint8Array(7), 'too few'],
    'an empty header': [fileBytes(''), 'it is not JSON'],
    'a header length of 2^64 - 1': [
      fileBytes('{}', four, 2n ** 64n - 1n),
      'is not a safetensors file: its first 8 bytes, the length of a header, say 18446744073709551615; at most',
    ],
    'a header length above the limit': [fileBytes('{}', four, 100_000_001n), 'at most 100000000'],
    'a header longer than the file': [fileBytes('{}', four, 7n), 'the file ends after 14'],
    'a header that is not UTF-8': [fileBytes(Buffer.from([0x7b, 0x22, 0xff, 0x22])), 'not valid UTF-8'],
    'a byte order mark': [fileBytes('\ufeff{}'), 'at character 0'],
    'text that is not JSON': [fileBytes('hello'), 'at character 0'],
    'a list for the header': [fileBytes('[]'), 'the header is not an object'],
    'a header cut short': [fileBytes(`{"w":${w}`, four), 'it is not JSON'],
    'a string that does not end': [fileBytes('{"w\\"'), 'does not end'],
    'a bad escape': [fileBytes('{"\\x":1}'), 'it is not JSON: Bad escaped character'],
    'a control character in a name': [fileBytes('{"a\nb":1}'), 'it is not JSON: Bad control character'],
    'a trailing comma': [fileBytes(`{"w":${w},}`, four), 'it is not JSON'],
    'text after the header': [fileBytes(`{"w":${w}} x`, four), 'at character 55'],
    'a second root': [fileBytes(`{"w":${w}}{}`, four), 'it is not JSON'],
    'a duplicate tensor': [fileBytes(`{"w":${w},"w":${w}}`, four), 'a key appears twice'],
    'a duplicate name written with an escape': [fileBytes(`{"w":${w},"\\u0077":${w}}`, four), 'a key appears twice'],
    'a duplicate __proto__': [fileBytes(`{"__proto__":${w},"__proto__":${w}}`, four), 'a key appears twice'],
    'two metadata objects': [fileBytes('{"__metadata__":{},"__metadata__":{}}'), 'appears twice'],
    'a duplicate metadata key': [fileBytes('{"__metadata__":{"a":"1","a":"2"}}'), 'a key appears twice'],
    'a duplicate field': [fileBytes('{"w":{"dtype":"F32","dtype":"F32"}}'), 'a key appears twice'],
    'an unknown field': [fileBytes(`{"w":${w.slice(0, -1)},"__proto__":1}}`, four), 'Unrecognized key: "__proto__"'],
    'metadata that is not a string': [fileBytes('{"__metadata__":{"step":7}}'), 'the metadata "step" is not a string'],
    'a tensor that is null': [fileBytes('{"w":null}'), 'expected a string, or a whole number'],
    'a tensor without dtype': [fileBytes('{"w":{"shape":[1],"data_offsets":[0,4]}}', four), 'tensor "w": dtype: '],
    'one offset': [fileBytes('{"w":{"dtype":"F32","shape":[1],"data_offsets":[4]}}', four), 'two data_offsets'],
    'three offsets': [fileBytes('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}', four), 'two data_offsets'],
    'a negative size': [fileBytes('{"w":{"shape":[-1]}}'), 'whole number'],
    'a fractional size': [fileBytes('{"w":{"shape":[1.5]}}'), 'whole number'],
    'an exponent': [fileBytes('{"w":{"shape":[1e3]}}'), 'whole number'],
    'a leading zero': [fileBytes('{"w":{"shape":[01]}}'), 'it is not JSON'],
    'a size above 2^53': [
      fileBytes('{"w":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,0]}}'),
      'whole number',
    ],
    'a size of 40 digits': [
      fileBytes(`{"w":{"dtype":"F32","shape":[${'9'.repeat(40)}],"data_offsets":[0,0]}}`),
      'whole number',
    ],
    'an unknown dtype': [fileBytes('{"w":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}', four), 'dtype "F33"'],
    'a dtype that every object has': [
      fileBytes('{"w":{"dtype":"constructor","shape":[1],"data_offsets":[0,4]}}', four),
      'dtype "constructor"',
    ],
    'offsets past the end': [fileBytes(`{"w":${f32([2], 0, 8)}}`, four), 'claims bytes 0 to 8 of 4'],
    'offsets in reverse': [fileBytes(`{"w":${f32([1], 4, 0)}}`, four), 'claims bytes 4 to 0'],
    'overlapping tensors': [fileBytes(`{"v":${f32([2], 0, 8)},"w":${f32([1], 4, 8)}}`, eight), '"w" overlaps'],
    'two tensors at one place': [fileBytes(`{"v":${w},"w":${w}}`, four), 'overlaps'],
    'a gap before a tensor': [fileBytes(`{"w":${f32([1], 4, 8)}}`, eight), 'gap'],
    'bytes after the last tensor': [fileBytes(`{"w":${w}}`, eight), 'has 8 bytes of tensors; its header describes 4'],
    'bytes and no tensor': [fileBytes('{}', four), 'header describes 0'],
    'a shape too small for its bytes': [fileBytes(`{"w":${f32([1], 0, 8)}}`, eight), 'needs 4'],
    'a shape too large for its bytes': [fileBytes(`{"w":${f32([3], 0, 8)}}`, eight), 'needs 12'],
    'a product that overflows 64 bits to the right size': [
      fileBytes(`{"w":${f32([2 ** 32, 2 ** 32], 0, 0)}}`),
      'has 0 bytes',
    ],
    'a product that is infinite': [
      fileBytes(`{"w":${f32(Array<number>(32).fill(2 ** 52), 0, 4)}}`, four),
      'needs Infinity',
    ],
    'an infinite product times zero': [
      fileBytes(`{"w":${f32([...Array<number>(31).fill(2 ** 52), 0], 0, 4)}}`, four),
      'needs 0',
    ],
    'a shape of 33 sizes': [fileBytes(`{"w":${f32(Array<number>(33).fill(1), 0, 4)}}`, four), 'more than 32'],
    'ten thousand nested lists': [fileBytes(`{"w":{"shape":${'['.repeat(10_000)}`), 'deeper than any header'],
    'more keys than memory should be spent on': [
      fileBytes(`{"__metadata__":{${Array.from({ length: 100_001 }, (_, i) => `"${i}":""`).join(',')}}}`),
      'more than 100000 keys',
    ],
  };
  for (const [name, [bytes, problem]] of Object.entries(cases)) {
    it(`refuses ${name}`, () => expect(problemOf(bytes)).toContain(problem));
  }

  it('refuses a file cut off at any byte', () => {
    const tensors = new Map<string, StoredTensor>([
      ['w', { dtype: 'F32', shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) }],
      ['m', { dtype: 'BOOL', shape: [3], values: Uint8Array.of(0, 1, 1) }],
    ]);
    writeSafetensors(path(), tensors, new Map([['step', '7']]));
    const whole = readFileSync(path());
    for (let length = 0; length < whole.length; length++) {
      expect(problemOf(whole.subarray(0, length)), `cut off after ${length} bytes`).not.toBe('none');
    }
    expect(problemOf(whole)).toBe('none');
  });

  it('refuses a large hostile file without taking memory for it', () => {
    const size = 60 * 2 ** 30;
    const header = `{"w":${f32([size / 4 + 1], 0, size + 4)}}`;
    writeFileSync(path(), fileBytes(header));
    truncateSync(path(), 8 + header.length + size);
    const before = process.memoryUsage().rss;
    expect(() => readSafetensors(path())).toThrow(CheckpointError);

    // The rest of the file is a header of the largest size, of zeros, then of nested lists.
    truncateSync(path(), 0);
    truncateSync(path(), 8 + 100_000_000);
    const descriptor = openSync(path(), 'r+');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(100_000_000n);
    writeSync(descriptor, length, 0, 8, 0);
    expect(() => readSafetensors(path())).toThrow(CheckpointError);
    writeSync(descriptor, Buffer.alloc(100_000_000, '{"w":{"shape":[['), 0, 100_000_000, 8);
    closeSync(descriptor);
    expect(() => readSafetensors(path())).toThrow(CheckpointError);
    expect(process.memoryUsage().rss - before).toBeLessThan(1e9);
    rmSync(path());
  });

  it('names a missing file and a folder', () => {
    expect(() => readSafetensors(join(folder, 'missing'))).toThrow(/missing: cannot be read: no such file.*ENOENT/);
    expect(() => readSafetensors(folder)).toThrow(`${folder}: cannot be read: this is a folder, not a file`);
  });
});
