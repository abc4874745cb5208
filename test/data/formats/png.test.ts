import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { decodePng } from '../../../src/data/formats/png.js';
import { hostRandom } from '../../../src/tensor/random.js';
import { dataErrorOf } from '../files.js';
import { chunk, greyPng, pngBytes, type PngParts } from '../png-bytes.js';

const place = { file: 'a.png' };
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Random bytes as the lines of an image, every filter among them. */
function randomImage(width: number, height: number, depth: number, colourType: number, interlace = 0): PngParts {
  const random = hostRandom(width * 100 + height, `png ${depth} ${colourType}`);
  const passes = interlace === 1 ? [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]] : [[0, 0, 1, 1]]; // prettier-ignore
  const lines: number[] = [];
  for (const [x, y, dx, dy] of passes) {
    const [columns, rows] = [Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)];
    if (columns <= 0) continue;
    for (let row = 0; row < rows; row++) {
      lines.push(random.below(5));
      for (let i = 0; i < Math.ceil((columns * depth * CHANNELS[colourType]) / 8); i++) lines.push(random.below(256));
    }
  }
  return { width, height, depth, colourType, interlace, lines: Uint8Array.from(lines) };
}

describe('decodePng', () => {
  it.each([
    [0, 8],
    [2, 8],
    [4, 8],
    [6, 8],
    [0, 16],
    [2, 16],
    [4, 16],
    [6, 16],
  ])('agrees with another decoder on colour type %i of %i bits, with and without interlacing', (colourType, depth) => {
    for (const interlace of [0, 1]) {
      for (const [width, height] of [
        [1, 1],
        [5, 3],
        [17, 9],
        [8, 20],
      ]) {
        // prettier-ignore
        const bytes = pngBytes(randomImage(width, height, depth, colourType, interlace));
        const theirs = decode(bytes);
        const { values, channels } = decodePng(bytes, place);
        expect(channels).toBe(CHANNELS[colourType]);
        expect([...values]).toEqual(Array.from(theirs.data, (v) => (depth === 16 ? v >> 8 : v)));
      }
    }
  });

  it('stretches grey of few bits to 0 to 255', () => {
    const grey = (depth: number, line: number, width: number): number[] => [
      ...decodePng(pngBytes({ width, height: 1, depth, colourType: 0, lines: Uint8Array.of(0, line) }), place).values,
    ];
    expect(grey(1, 0b10110000, 5)).toEqual([255, 0, 255, 255, 0]);
    expect(grey(2, 0b00011011, 4)).toEqual([0, 85, 170, 255]);
    expect(grey(4, 0x3f, 2)).toEqual([51, 255]);
  });

  it('puts interlaced pixels of few bits in their places', () => {
    // 3 x 1 pixels of 4 bits: passes 1 (x = 0), 4 (x = 2) and 6 (x = 1) have one each.
    const lines = Uint8Array.of(0, 0x10, 0, 0x30, 0, 0x20);
    const { values } = decodePng(
      pngBytes({ width: 3, height: 1, depth: 4, colourType: 0, interlace: 1, lines }),
      place,
    );
    expect([...values]).toEqual([17, 34, 51]);
  });

  it('looks colours up in a palette, with their transparency', () => {
    const palette = [1, 2, 3, 40, 50, 60];
    const parts = { width: 2, height: 1, depth: 1, colourType: 3, lines: Uint8Array.of(0, 0b01000000), palette };
    expect(decodePng(pngBytes(parts), place)).toMatchObject({
      channels: 3,
      values: Uint8Array.of(1, 2, 3, 40, 50, 60),
    });
    expect(decodePng(pngBytes({ ...parts, transparency: [7] }), place)).toMatchObject({
      channels: 4,
      values: Uint8Array.of(1, 2, 3, 7, 40, 50, 60, 255),
    });
  });

  it('makes the colour transparent that is declared so', () => {
    const lines = Uint8Array.of(0, 5, 6);
    const grey = pngBytes({ width: 2, height: 1, depth: 8, colourType: 0, lines, transparency: [0, 6] });
    expect(decodePng(grey, place)).toMatchObject({ channels: 2, values: Uint8Array.of(5, 255, 6, 0) });
  });

  const good = greyPng(2, 2, [1, 2, 3, 4]);
  const header = (width: number, height: number, depth = 8, colourType = 0): Buffer =>
    pngBytes({ width, height, depth, colourType, lines: Uint8Array.of(0, 1) });
  it.each<[string, Buffer, string]>([
    ['cut off', good.subarray(0, 40), 'truncated: the image has no end'],
    ['without its end', good.subarray(0, good.length - 12), 'truncated: the image has no end'],
    ['with a flipped bit', Buffer.from(good).fill(0, 45, 46), 'the checksum of the chunk "IDAT" at byte 33 is wrong'],
    ['of no pixels', header(0, 2), 'the image is empty: 0 x 2 pixels'],
    ['of gigapixels', header(100_000, 100_000), '100000 x 100000 pixels are more than nn takes'],
    ['of an unknown kind', header(1, 1, 4, 2), 'no PNG file has colour type 2 of 4 bits'],
    ['with too few pixels', header(9, 1), 'the header promises 10 bytes of pixels, and there are 2'],
    [
      'without a header',
      Buffer.concat([good.subarray(0, 8), chunk('IDAT', Uint8Array.of(1))]),
      'the first chunk is IDAT',
    ],
    ['of nothing', good.subarray(0, 8), 'truncated'],
    [
      'without a palette',
      pngBytes({ width: 1, height: 1, depth: 8, colourType: 3, lines: Uint8Array.of(0, 0) }),
      'there is no palette',
    ],
    [
      'beyond its palette',
      pngBytes({ width: 1, height: 1, depth: 8, colourType: 3, lines: Uint8Array.of(0, 1), palette: [1, 2, 3] }),
      'a pixel has colour 1 of a palette of 1',
    ],
    [
      'with a bad filter',
      pngBytes({ width: 1, height: 1, depth: 8, colourType: 0, lines: Uint8Array.of(5, 1) }),
      'no filter 5',
    ],
    [
      'with a bomb',
      pngBytes({ width: 1, height: 1, depth: 8, colourType: 0, lines: new Uint8Array(1e7) }),
      'the header promises 2 bytes of pixels, and there are more',
    ],
  ])('refuses a file %s', async (_, bytes, message) => {
    const error = await dataErrorOf(Promise.resolve().then(() => decodePng(bytes, place)));
    expect(error.message).toMatch(/^a\.png: /);
    expect(error.message).toContain(message);
  });
});
