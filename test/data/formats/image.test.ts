import { readFileSync } from 'node:fs';
import jpeg from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { decodeImage, inColour } from '../../../src/data/formats/image.js';
import { resized, type Filter } from '../../../src/data/formats/resize.js';
import { golden } from '../../nn/helpers/golden.js';
import { dataErrorOf } from '../files.js';
import { greyPng } from '../png-bytes.js';

interface Golden {
  readonly image: { height: number; width: number; channels: number; values: number[] };
  readonly resized: readonly { filter: Filter; size: [number, number]; values: number[] }[];
}
const data = golden<Golden>('arrays');
const place = { file: 'a.jpg' };

describe('resized', () => {
  it.each(data.resized.map((one) => [one.filter, one.size, one] as const))(
    'agrees with PyTorch: %s to %j',
    (_, __, one) => {
      const image = { ...data.image, values: Uint8Array.from(data.image.values) };
      const { values } = resized(image, one.size[0], one.size[1], one.filter);
      expect(values.length).toBe(one.values.length);
      // PyTorch gives floats, we the nearest byte.
      one.values.forEach((value, i) => expect(Math.abs(values[i] - value)).toBeLessThan(0.5 + 1e-3));
    },
  );
});

describe('inColour', () => {
  const of = (channels: number, ...values: number[]) => ({
    width: 1,
    height: 1,
    channels,
    values: Uint8Array.from(values),
  });
  it.each([
    [of(1, 100), 'rgb', [100, 100, 100]],
    [of(3, 255, 0, 0), 'grayscale', [76]],
    [of(3, 10, 20, 30), 'rgba', [10, 20, 30, 255]],
    [of(4, 200, 100, 50, 51), 'rgb', [40, 20, 10]],
    [of(2, 200, 51), 'grayscale', [40]],
    [of(2, 200, 51), 'rgba', [200, 200, 200, 51]],
  ] as const)('turns %j into %s', (image, colour, expected) => {
    expect([...inColour(image, colour).values]).toEqual(expected);
  });
});

describe('decodeImage', () => {
  it('reads JPEG to within what its compression takes', async () => {
    const [width, height] = [16, 8];
    const pixels = Buffer.from(
      Array.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? 255 : 8 * (i >> 5))),
    );
    const bytes = jpeg.encode({ width, height, data: pixels }, 95).data;
    const image = await decodeImage(bytes, place);
    expect([image.width, image.height, image.channels]).toEqual([width, height, 3]);
    image.values.forEach((value, i) => {
      expect(Math.abs(value - pixels[Math.floor(i / 3) * 4 + (i % 3)])).toBeLessThan(12);
    });
  });

  it('tells the format by the first bytes', async () => {
    expect((await decodeImage(greyPng(1, 1, [9]), place)).values).toEqual(Uint8Array.of(9));
  });

  // The .rgb files are what Pillow 12 makes of them.
  it.each([
    ['rgb-no-adobe.jpg', 16, 0],
    ['fill-bytes.jpg', 16, 0],
    ['cmyk-no-adobe.jpg', 16, 1],
    ['orientation-6.png', 12, 0],
  ])('reads %s as Pillow does', async (name, width, tolerance) => {
    const file = (extension: string): Buffer =>
      readFileSync(new URL(`../images/${name.replace(/\.\w+$/, '')}.${extension}`, import.meta.url));
    const image = await decodeImage(file(name.slice(-3)), place);
    const expected = file('rgb');
    expect([image.width, image.channels, image.values.length]).toEqual([width, 3, expected.length]);
    expect(Math.max(...image.values.map((value, i) => Math.abs(value - expected[i])))).toBeLessThanOrEqual(tolerance);
  });

  it('reads a JPEG right after damaged ones', async () => {
    const whole = readFileSync(new URL('../images/fill-bytes.jpg', import.meta.url));
    const before = await decodeImage(whole, place);
    for (let length = 500; length < 600; length += 20) {
      const error = await dataErrorOf(decodeImage(whole.subarray(0, length), place));
      expect(error.message).toContain('the JPEG data cannot be decoded');
      expect(error.hint).toBe('the file is damaged or was not downloaded whole');
    }
    expect(await decodeImage(whole, place)).toEqual(before);
  });

  it('reads grey JPEG as one channel', async () => {
    // A quantization table of ones, and one block whose coefficients are all 0.
    const bytes = Buffer.from(
      `ffd8ffdb004300${'01'.repeat(64)}ffc0000b080008000801011100ffc400140001${'00'.repeat(15)}00` +
        `ffc400141001${'00'.repeat(15)}00ffda0008010100003f003fffd9`,
      'hex',
    );
    expect(await decodeImage(bytes, place)).toEqual({ width: 8, height: 8, channels: 1, values: new Uint8Array(64).fill(128) }); // prettier-ignore
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'the file is empty'],
    ['text', Buffer.from('hello'), 'neither PNG nor JPEG: it starts with 68 65 6c 6c'],
    ['a JPEG without a frame', Buffer.from([0xff, 0xd8, 0xff, 0xd9]), 'a JPEG file without a frame header'],
    [
      'a JPEG of gigapixels',
      Buffer.from([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0xff, 0xff, 0xff, 0xff, 1, 1, 0x11, 0]),
      '65535 x 65535 pixels exceed the limit of',
    ],
    [
      'a JPEG that is too short for its size',
      Buffer.from([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0x1f, 0xff, 0x1f, 0xff, 1, 1, 0x11, 0]),
      'a file of 15 bytes cannot hold 8191 x 8191 pixels',
    ],
    [
      'a JPEG of 12 bits',
      Buffer.from([0xff, 0xd8, 0xff, 0xc1, 0, 11, 12, 0, 8, 0, 8, 1, 1, 0x11, 0]),
      '12 bits per channel; nn reads 8',
    ],
    [
      'a JPEG of a thousand scans',
      Buffer.concat([
        Buffer.from([0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]),
        ...Array.from({ length: 1000 }, () => Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0])),
      ]),
      'more than 500 scans',
    ],
  ])('refuses %s', async (_, bytes, message) => {
    const error = await dataErrorOf(decodeImage(bytes, place));
    expect(error.message).toMatch(/^a\.jpg: /);
    expect(error.message).toContain(message);
  });
});
