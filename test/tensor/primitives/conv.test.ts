import { describe, expect, it } from 'vitest';
import { type ConvAttrs } from '../../../src/tensor/graph.js';
import { constant, conv, convInput, convWeight, grad, input, mul, type Node, reduceSum, samePadding, type Shape, sizeOf, windowedSize } from '../../../src/tensor/index.js'; // prettier-ignore
import { valueOf } from '../helpers/value-of.js';

/** i % period, shifted to be about zero. */
const ramp = (shape: Shape, period: number): Node =>
  constant(
    Array.from({ length: sizeOf(shape) }, (_, i) => (i % period) - Math.floor(period / 2)),
    shape,
  );

/** torch.nn.functional.conv2d and its backward in float64 (PyTorch 1.13), permuted to NHWC and HWIO. */
const golden: readonly {
  x: Shape;
  w: Shape;
  y: Shape;
  attrs: ConvAttrs;
  value: number[];
  dx: number[];
  dw: number[];
}[] = [
  {
    x: [1, 3, 4, 2],
    w: [2, 2, 2, 2],
    y: [1, 2, 3, 2],
    attrs: {
      strides: [1, 1],
      padding: [
        [0, 0],
        [0, 0],
      ],
      dilation: [1, 1],
      groups: 1,
    },
    value: [6, -2, 6, -6, -1, -3, 6, -4, -8, 6, -1, 16],
    dx: [2, 0, -3, 0, 3, 0, -2, 0, 1, 2, -4, -3, 4, 3, -1, -2, -1, 2, -1, -3, 1, 3, 1, -2],
    dw: [4, 4, 4, 4, 4, -3, 4, -10, 4, 4, 4, -3, 4, -10, -3, -3],
  },
  {
    x: [1, 4, 5, 2],
    w: [3, 2, 2, 2],
    y: [1, 2, 4, 2],
    attrs: {
      strides: [2, 1],
      padding: [
        [1, 1],
        [0, 0],
      ],
      dilation: [1, 1],
      groups: 1,
    },
    value: [-2, -2, 10, 2, -6, 6, 6, 10, 7, 7, -11, 0, 6, -7, -5, 0],
    dx: [
      -1, 2, -1, -3, 1, 3, 0, 0, 0, -2, 0, -2, 4, -1, -1, 1, -3, 0, 6, -1, -1, -1, 1, 3, 0, 0, -1, -3, -1, 4, -1, -1,
      -1, 1, 0, 0, 1, -1, -1, -1,
    ],
    dw: [2, 3, 3, 2, 4, -6, 5, -7, 4, -5, 4, 1, -3, 7, -3, -1, -3, -1, 4, -2, -3, 4, -3, -4],
  },
  {
    x: [2, 5, 4, 2],
    w: [2, 2, 1, 4],
    y: [2, 3, 3, 4],
    attrs: {
      strides: [2, 2],
      padding: [
        [1, 1],
        [1, 1],
      ],
      dilation: [2, 1],
      groups: 2,
    },
    value: [
      0, -2, -2, 2, 0, 2, 4, -7, -3, -6, 4, 2, -4, 4, 3, -2, 6, -3, -13, 2, 5, 1, 0, -2, 0, 0, -1, 0, -10, 4, 2, 3, 2,
      1, 0, 0, 0, 3, -6, 6, -2, -4, 4, -1, 2, 4, -6, -3, 6, -8, 1, 2, 4, 4, 3, -8, -7, -8, 4, 5, -4, 4, 1, 0, 4, -4, -3,
      1, 6, 3, 0, -2,
    ],
    dx: [
      0, 0, 0, 0, 0, 0, 0, 0, -2, 3, 1, 2, -1, -1, -2, 0, 0, 0, 0, 0, 0, 0, 0, 0, -2, 3, 1, 2, -1, -1, -2, 0, 0, 0, 0,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -2, 3, 1, 2, -1, -1, -2, 0, 0, 0, 0, 0, 0, 0, 0, 0, -2, 3, 1, 2, -1, -1,
      -2, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ],
    dw: [-5, 5, -4, -1, 1, 1, -9, 4, -5, 5, -4, -1, 1, 1, -9, 4],
  },
];

const plain: ConvAttrs = { strides: [1, 1], padding: [[0, 0], [0, 0]], dilation: [1, 1], groups: 1 }; // prettier-ignore

describe('conv', () => {
  it.each(golden)('of $x with $w has the values and both derivatives of PyTorch', (expected) => {
    const [x, w] = [ramp(expected.x, 7), ramp(expected.w, 5)];
    const y = conv(x, w, expected.attrs);
    expect(y.shape).toEqual(expected.y);
    expect(valueOf(y)).toEqual(expected.value);
    const [dx, dw] = grad(reduceSum(mul(y, ramp(expected.y, 3))), [x, w]);
    expect(valueOf(dx)).toEqual(expected.dx);
    expect(valueOf(dw)).toEqual(expected.dw);
  });

  it('pads each side by its own amount', () => {
    const attrs: ConvAttrs = { ...plain, padding: [[0, 0], [2, 1]] }; // prettier-ignore
    const y = conv(constant([1, 2, 3], [1, 1, 3, 1]), constant([1, 10], [1, 2, 1, 1]), attrs);
    expect(valueOf(y)).toEqual([0, 10, 21, 32, 3]);
  });

  it('leaves out the rest that strides do not reach', () => {
    const x = constant([1, 2, 3, 4, 5, 6], [1, 1, 6, 1]);
    const w = constant([1, 10], [1, 2, 1, 1]);
    const attrs: ConvAttrs = { ...plain, strides: [1, 3] };
    const y = conv(x, w, attrs);
    expect(valueOf(y)).toEqual([21, 54]);
    expect(valueOf(convInput(constant([1, 2], [1, 1, 2, 1]), w, x.shape, attrs))).toEqual([1, 10, 0, 2, 20, 0]);
    expect(valueOf(convWeight(x, constant([1, 2], [1, 1, 2, 1]), w.shape, attrs))).toEqual([9, 12]);
  });

  const message = (build: () => Node): string => {
    try {
      build();
    } catch (error) {
      if (error instanceof Error) return error.message;
    }
    return 'no error';
  };

  it.each<[string, () => Node]>([
    [
      'convolution needs [batch, height, width, channels], got [3, 8, 8]',
      () => conv(input('x', [3, 8, 8]), input('w', [3, 3, 8, 4]), plain),
    ],
    [
      'convolution needs weights [height, width, channels / groups, filters], got [3, 3, 4]',
      () => conv(input('x', [1, 8, 8, 3]), input('w', [3, 3, 4]), plain),
    ],
    [
      'convolution: 3 channels (input [1, 8, 8, 3]) with weights [3, 3, 2, 4] in 1 groups; channels must be groups x 2, and filters a multiple of the groups',
      () => conv(input('x', [1, 8, 8, 3]), input('w', [3, 3, 2, 4]), plain),
    ],
    [
      'convolution: 4 channels (input [1, 8, 8, 4]) with weights [3, 3, 2, 3] in 2 groups; channels must be groups x 2, and filters a multiple of the groups',
      () => conv(input('x', [1, 8, 8, 4]), input('w', [3, 3, 2, 3]), { ...plain, groups: 2 }),
    ],
    [
      'convolution: a 5x5 kernel does not fit an input of 4x8; use a smaller kernel or padding: same',
      () => conv(input('x', [1, 4, 8, 1]), input('w', [5, 5, 1, 1]), plain),
    ],
    ['convolution needs f32, got u8', () => conv(input('x', [1, 4, 8, 1], 'u8'), input('w', [2, 2, 1, 1]), plain)],
    [
      'conv_input: input [1, 4, 4, 1] with weights [2, 2, 1, 3] gives [1, 3, 3, 3], not [1, 4, 4, 3]',
      () => convInput(input('g', [1, 4, 4, 3]), input('w', [2, 2, 1, 3]), [1, 4, 4, 1], plain),
    ],
    [
      'conv_weight: input [1, 4, 4, 1] with weights [3, 3, 1, 3] gives [1, 2, 2, 3], not [1, 3, 3, 3]',
      () => convWeight(input('x', [1, 4, 4, 1]), input('g', [1, 3, 3, 3]), [3, 3, 1, 3], plain),
    ],
  ])('refuses: %s', (expected, build) => {
    expect(message(build)).toBe(expected);
  });
});

describe('window geometry', () => {
  it('is that of TensorFlow for "same": ceil(size / stride) elements, the odd zero at the end', () => {
    expect(samePadding(28, 3, 1)).toEqual([1, 1]);
    expect(samePadding(28, 2, 1)).toEqual([0, 1]);
    expect(samePadding(5, 3, 2)).toEqual([1, 1]);
    expect(samePadding(6, 3, 2)).toEqual([0, 1]);
    expect(samePadding(6, 1, 3)).toEqual([0, 0]);
    expect(samePadding(9, 3, 1, 2)).toEqual([2, 2]);
    for (let size = 1; size < 12; size++)
      for (let window = 1; window < 5; window++)
        for (let stride = 1; stride < 4; stride++)
          expect(windowedSize(size, window, stride, samePadding(size, window, stride))).toBe(Math.ceil(size / stride));
  });
});
