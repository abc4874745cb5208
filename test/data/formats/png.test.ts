import { describe, expect, it } from 'vitest';
import { decodePng } from '../../../src/data/formats/png.js';
import { hostRandom } from '../../../src/tensor/random.js';
import { dataErrorOf } from '../files.js';
import { chunk, greyPng, pngBytes, type PngParts } from '../png-bytes.js';

const place = { file: 'a.png' };
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]]; // prettier-ignore

/** A byte of a line as filter 0 to 4 stores it (PNG, section 9.2), given those to its left, above it, and above those. */
function filtered(filter: number, byte: number, [left, up, corner]: readonly number[]): number {
  const distances = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  const nearest = [left, up, corner][distances.indexOf(Math.min(...distances))];
  return (byte - [0, left, up, (left + up) >> 1, nearest][filter]) & 255;
}

/** An image of random samples, and its lines with every filter among them. */
function randomImage(width: number, height: number, depth: number, colourType: number, interlace = 0) {
  const random = hostRandom(width * 100 + height, `png ${depth} ${colourType}`);
  const channels = CHANNELS[colourType];
  const samples = Array.from({ length: width * height * channels }, () => random.below(2 ** depth));
  const lines: number[] = [];
  for (const [x, y, dx, dy] of interlace === 1 ? ADAM7 : [[0, 0, 1, 1]]) {
    const step = Math.max(1, (depth * channels) / 8);
    let above: number[] = [];
    for (let row = y; row < height && x < width; row += dy) {
      let bits = '';
      for (let column = x; column < width; column += dx) {
        for (let c = 0; c < channels; c++) {
          bits += samples[(row * width + column) * channels + c].toString(2).padStart(depth, '0');
        }
      }
      const line = (bits.match(/.{1,8}/g) ?? []).map((byte) => parseInt(byte.padEnd(8, '0'), 2));
      const filter = random.below(5);
      const around = (i: number): number[] => [line[i - step] ?? 0, above[i] ?? 0, above[i - step] ?? 0];
      lines.push(filter, ...line.map((byte, i) => filtered(filter, byte, around(i))));
      above = line;
    }
  }
  const parts: PngParts = { width, height, depth, colourType, interlace, lines: Uint8Array.from(lines) };
  return { parts, samples };
}

describe('decodePng', () => {
  it.each(
    [[0, 1], [0, 2], [0, 4], [0, 8], [0, 16], [2, 8], [2, 16], [3, 1], [3, 2], [3, 4], [3, 8], [4, 8], [4, 16], [6, 8], [6, 16]], // prettier-ignore
  )('gives the samples of colour type %i of %i bits, with and without interlacing', (colourType, depth) => {
    const palette = Array.from({ length: 3 * 2 ** Math.min(8, depth) }, (_, i) => (i * 37) & 255);
    for (const interlace of [0, 1]) {
      for (const [width, height] of [
        [1, 1],
        [5, 3],
        [17, 9],
        [8, 20],
      ]) {
        // prettier-ignore
        const { parts, samples } = randomImage(width, height, depth, colourType, interlace);
        const image = decodePng(pngBytes({ ...parts, ...(colourType === 3 && { palette }) }), place);
        expect(image).toMatchObject({ width, height, channels: colourType === 3 ? 3 : CHANNELS[colourType] });
        const expected =
          colourType === 3
            ? samples.flatMap((index) => palette.slice(3 * index, 3 * index + 3))
            : samples.map((value) => (depth === 16 ? value >> 8 : (value * 255) / (2 ** depth - 1)));
        expect([...image.values]).toEqual(expected);
      }
    }
  });

  it('takes the bits of 16 that are used', () => {
    const parts = { width: 2, height: 1, depth: 16, colourType: 0, lines: Uint8Array.of(0, 0x0f, 0xff, 0x01, 0x20) };
    expect(decodePng(pngBytes(parts), place)).toMatchObject({ values: Uint8Array.of(15, 1), largest16: 4095 });
    expect(decodePng(pngBytes(parts), place, 12).values).toEqual(Uint8Array.of(255, 18));
    expect(() => decodePng(pngBytes(parts), place, 10)).toThrow('a value of 4095 has more than 10 bits');
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
    ['of gigapixels', header(100_000, 100_000), '100000 x 100000 pixels exceed the limit of'],
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
      'no palette',
    ],
    [
      'beyond its palette',
      pngBytes({ width: 1, height: 1, depth: 8, colourType: 3, lines: Uint8Array.of(0, 1), palette: [1, 2, 3] }),
      'damaged: Incorrect index of palette color',
    ],
    [
      'with a bad filter',
      pngBytes({ width: 1, height: 1, depth: 8, colourType: 0, lines: Uint8Array.of(5, 1) }),
      'damaged: Unsupported filter: 5',
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
