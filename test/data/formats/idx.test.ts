import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseIdx } from '../../../src/data/formats/idx.js';
import { idxBytes, idxHeader } from '../files.js';

describe('parseIdx', () => {
  it('reads bytes as they are, without a copy', async () => {
    const bytes = idxBytes([2, 3], [1, 2, 3, 253, 254, 255]);
    const { type, dims, values } = await parseIdx(bytes, 'a.idx');
    expect({ type, dims, values: [...values] }).toEqual({ type: 'u8', dims: [2, 3], values: [1, 2, 3, 253, 254, 255] });
    expect(values.buffer).toBe(bytes.buffer);
  });

  it('puts bytes into the memory that it is given, unpacked or not', async () => {
    const bytes = Buffer.concat([idxHeader(0x08, [2, 3]), Buffer.from([1, 2, 3, 4, 5, 6])]);
    for (const content of [bytes, gzipSync(bytes)]) {
      const memory = new Uint8Array(100);
      const { values } = await parseIdx(content, 'a.idx', (size) => memory.subarray(8, 8 + size));
      expect(values.buffer).toBe(memory.buffer);
      expect([...memory.subarray(7, 15)]).toEqual([0, 1, 2, 3, 4, 5, 6, 0]);
    }
  });

  it('reads the same from gzip, told by its first bytes and not by the name', async () => {
    const bytes = idxBytes([3, 2, 2], [...Array(12).keys()]);
    expect(await parseIdx(gzipSync(bytes), 'a.idx')).toEqual(await parseIdx(bytes, 'a.idx'));
  });

  it.each([
    ['i8', 0x09, [-128, 0, 127], (b: Buffer, v: number, i: number) => b.writeInt8(v, i), 1],
    ['i16', 0x0b, [-32768, 258, 32767], (b: Buffer, v: number, i: number) => b.writeInt16BE(v, i), 2],
    ['i32', 0x0c, [-(2 ** 31), 16909060, 2 ** 31 - 1], (b: Buffer, v: number, i: number) => b.writeInt32BE(v, i), 4],
    ['f32', 0x0d, [-1.5, 0, 2 ** -20], (b: Buffer, v: number, i: number) => b.writeFloatBE(v, i), 4],
    ['f64', 0x0e, [-0.1, Math.PI, 1e300], (b: Buffer, v: number, i: number) => b.writeDoubleBE(v, i), 8],
  ] as const)('reads big-endian %s exactly', async (type, code, numbers, write, size) => {
    const content = Buffer.alloc(numbers.length * size);
    numbers.forEach((value, i) => write(content, value, i * size));
    const array = await parseIdx(Buffer.concat([idxHeader(code, [3]), content]), 'a.idx');
    expect(array.type).toBe(type);
    expect([...array.values]).toEqual(numbers);
  });
});
