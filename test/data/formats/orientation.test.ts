import jpeg from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/data/formats/image.js';
import { exifOrientation } from '../../../src/data/formats/jpeg.js';
import { type Orientation, upright } from '../../../src/data/formats/orientation.js';
import { withOrientation } from '../exif-bytes.js';

/** 16 x 8, the left half black, the right half white. */
const pixels = Buffer.from(Array.from({ length: 16 * 8 }, (_, i) => [...Array<number>(3).fill(i % 16 < 8 ? 0 : 255), 255]).flat()); // prettier-ignore
const plain = jpeg.encode({ width: 16, height: 8, data: pixels }, 95).data;

describe('the orientation of a photo', () => {
  // As the table of the Exif standard has it: where the stored row 0 and column 0 are seen.
  it.each<[Orientation, string]>([
    [1, 'ABC DEF'],
    [2, 'CBA FED'],
    [3, 'FED CBA'],
    [4, 'DEF ABC'],
    [5, 'AD BE CF'],
    [6, 'DA EB FC'],
    [7, 'FC EB DA'],
    [8, 'CF BE AD'],
  ])('%i turns ABC DEF into %s', (orientation, seen) => {
    const stored = { width: 3, height: 2, channels: 2, values: Uint8Array.from(Buffer.from('A1B2C3D4E5F6')) };
    const { width, height, channels, values } = upright(stored, orientation);
    const lines = seen.split(' ');
    expect({ width, height, channels }).toEqual({ width: lines[0].length, height: lines.length, channels: 2 });
    const number = { A: 1, B: 2, C: 3, D: 4, E: 5, F: 6 } as Record<string, number>;
    expect(Buffer.from(values).toString()).toBe(
      [...lines.join('')].map((letter) => `${letter}${number[letter]}`).join(''),
    );
  });

  it.each(['II', 'MM'] as const)('is read from Exif in the byte order %s, and applied', async (order) => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      expect(exifOrientation(withOrientation(plain, orientation, order))).toBe(orientation);
    }
    const { width, height, values } = await decodeImage(withOrientation(plain, 6, order), { file: 'a.jpg' });
    expect([width, height]).toEqual([8, 16]);
    const at = (x: number, y: number): number => values[3 * (8 * y + x)];
    // What was left is above now.
    expect([at(0, 2), at(7, 2)].every((value) => value < 20)).toBe(true);
    expect([at(0, 13), at(7, 13)].every((value) => value > 235)).toBe(true);
  });

  it('is upright where there is no Exif, or one that says nothing', () => {
    expect(exifOrientation(plain)).toBe(1);
    for (const odd of [0, 9, 255]) expect(exifOrientation(withOrientation(plain, odd))).toBe(1);
    const whole = withOrientation(plain, 6);
    for (let end = 0; end < 64; end++) {
      const cut = whole.subarray(0, end);
      expect([1, 6]).toContain(exifOrientation(cut));
    }
  });
});
