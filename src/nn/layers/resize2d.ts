import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { broadcastTo, constant, matmul, type Node, pad, reshape, transpose } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { asImages, pairOf, requireImages, sizePair } from './window.js';

/** [size, size * factor]: column j holds the shares of the pixels in output j, the centres of the corner pixels half a pixel in. */
function linearShares(size: number, factor: number): Node {
  const outputs = size * factor;
  const shares = new Array<number>(size * outputs).fill(0);
  for (let j = 0; j < outputs; j++) {
    const at = Math.min(Math.max((j + 0.5) / factor - 0.5, 0), size - 1);
    const low = Math.floor(at);
    const high = Math.min(low + 1, size - 1);
    shares[low * outputs + j] += 1 - (at - low);
    shares[high * outputs + j] += at - low;
  }
  return constant(shares, [size, outputs]);
}

/** x with its last axis enlarged. */
const stretchLast = (x: Node, factor: number): Node => {
  const [a, b, c, size] = x.shape;
  return reshape(matmul(reshape(x, [a * b * c, size]), linearShares(size, factor)), [a, b, c, size * factor]);
};

export const upsample1d = defineLayer({
  description: 'Repeats every element of a sequence.',
  schema: z.object({ size: atoms.positiveInt.default(2).describe('how often') }),
  build(_context, { size }, x) {
    asImages(x);
    const [batch, length, channels] = x.shape;
    const spread = broadcastTo(reshape(x, [batch, length, 1, channels]), [batch, length, size, channels]);
    return reshape(spread, [batch, length * size, channels]);
  },
});

export const upsample2d = defineLayer({
  description: 'Enlarges every image by a whole factor.',
  schema: z.object({
    size: sizePair.default(2).describe('factor of height and width'),
    interpolation: z
      .enum(['nearest', 'bilinear'])
      .default('nearest')
      .describe('nearest: every pixel repeated; bilinear: values in between'),
  }),
  build(_context, { size, interpolation }, x) {
    requireImages(x);
    const [batch, height, width, channels] = x.shape;
    const [vertical, horizontal] = pairOf(size);
    if (interpolation === 'nearest') {
      const spread = broadcastTo(reshape(x, [batch, height, 1, width, 1, channels]), [
        batch,
        height,
        vertical,
        width,
        horizontal,
        channels,
      ]);
      return reshape(spread, [batch, height * vertical, width * horizontal, channels]);
    }
    const wide = stretchLast(transpose(x, [0, 1, 3, 2]), horizontal);
    return transpose(stretchLast(transpose(wide, [0, 2, 3, 1]), vertical), [0, 3, 2, 1]);
  },
});

export const zeroPad2d = defineLayer({
  description: 'Pads every image with zeros.',
  schema: z.object({
    padding: z
      .union([
        atoms.nonNegativeInt,
        z.tuple([atoms.nonNegativeInt, atoms.nonNegativeInt]),
        z.tuple([
          z.tuple([atoms.nonNegativeInt, atoms.nonNegativeInt]),
          z.tuple([atoms.nonNegativeInt, atoms.nonNegativeInt]),
        ]),
      ])
      .default(1)
      .describe('rows and columns of zeros: a number, [vertical, horizontal] or [[above, below], [left, right]]'),
  }),
  build(_context, { padding }, x) {
    requireImages(x);
    const both = typeof padding === 'number' ? [padding, padding] : padding;
    const [rows, columns] = both.map((size): [number, number] => (typeof size === 'number' ? [size, size] : size));
    return pad(x, [0, rows[0], columns[0], 0], [0, rows[1], columns[1], 0]);
  },
});
