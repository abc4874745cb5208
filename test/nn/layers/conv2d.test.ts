import { describe, expect, it } from 'vitest';
import { expectDerivatives, expectValues, network, outputOf } from '../helpers/network.js';

// Expected numbers are from PyTorch 1.13 in float64, on the values of helpers/network.ts.

describe('conv2d', () => {
  it.each([
    {
      written: { filters: 3, kernel_size: [3, 2] },
      sample: [4, 5, 2],
      shape: [2, 4, 3],
      expected: [
        0.163211941, 0.602829314, 0.700143814, 0.606371648, 1.10341376, 1.1207997, 0.886936504, 1.46978972, 1.4724584,
        0.858153447, 1.51031955, 1.57118029, 0.0866985049, 0.710568949, 0.962574288, -0.252453934, 0.288608379,
        0.573585601, -0.30498144, 0.158633784, 0.401827107, -0.043408823, 0.388630051, 0.537139301,
      ],
    },
    {
      // The odd zero of `same` goes to the end: padding [1, 1] above and below, [0, 1] left and right.
      written: { filters: 2, kernel_size: 3, strides: 2, padding: 'same' },
      sample: [5, 4, 2],
      shape: [3, 2, 2],
      expected: [
        0.64727271, 1.10323875, 0.223802795, 0.964286964, 1.67882734, 2.36160652, -1.2380286, -0.3667077, 0.0817855324,
        0.760328018, 0.182542237, 0.58079714,
      ],
    },
    {
      written: { filters: 1, kernel_size: [3, 2], padding: 'same' },
      sample: [3, 4, 1],
      shape: [3, 4, 1],
      expected: [
        1.84884269, 2.35447969, 2.58144617, 1.50256862, 2.44812272, 2.08374369, 1.477337, 0.258106361, 0.892289632,
        0.078248116, -0.706386642, -0.439890606,
      ],
    },
    {
      written: { filters: 1, kernel_size: 2, dilation: 3 },
      sample: [5, 5, 2],
      shape: [2, 2, 1],
      expected: [-0.0575531593, -0.516611416, 1.02823454, 1.17810767],
    },
    {
      written: { filters: 4, kernel_size: 2, groups: 2 },
      sample: [3, 3, 4],
      shape: [2, 2, 4],
      expected: [
        0.221783658, 1.29042859, 2.19819114, 1.52337908, 1.68346582, 2.19985409, 1.1780244, 0.197534583, -1.03341067,
        -0.542139038, 0.586676257, 0.935737449, -0.270903553, 0.793186651, 2.09095414, 1.65724719,
      ],
    },
    {
      written: { filters: 4, kernel_size: 2, groups: 2, strides: [1, 2] },
      sample: [3, 4, 2],
      shape: [2, 2, 4],
      expected: [
        0.629176975, 0.619341121, 0.576080406, -0.299374492, 1.74680548, 2.0714473, 1.89151488, 0.945957432,
        0.225044224, 1.29639831, 1.5653841, 1.65857446, -1.16854541, -0.296257769, 0.190808004, 0.54247082,
      ],
    },
  ])('$written on $sample gives the values of PyTorch', ({ written, sample, shape, expected }) => {
    const net = network([{ conv2d: written }], sample);
    expect(net.model.rows[0].outputShape).toEqual(shape);
    expectValues(outputOf(net), expected);
  });

  it('has the derivatives of finite differences', () => {
    const conv2d = { filters: 2, kernel_size: [2, 3], strides: [2, 1], padding: 'same', activation: 'silu' };
    expectDerivatives(network([{ conv2d }], [3, 4, 2], { batch: 2 }));
    expectDerivatives(network([{ conv2d: { filters: 4, kernel_size: 2, groups: 2, dilation: 2 } }], [4, 3, 2]));
  });

  it('wants images, and says how to get them', () => {
    expect(() => network([{ conv2d: { filters: 2, kernel_size: 3 } }], [28, 28])).toThrow(
      'layers.0 (conv2d): needs [height, width, channels] per sample, got [28, 28]; put a layer reshape: {shape: [28, 28, 1]} before it',
    );
    expect(() => network([{ conv2d: { filters: 2, kernel_size: 3 } }], [784])).toThrow(
      'got [784]; put a layer reshape',
    );
  });

  it('names a kernel that does not fit', () => {
    expect(() => network([{ conv2d: { filters: 2, kernel_size: 5 } }], [3, 8, 1])).toThrow(
      'layers.0 (conv2d): a kernel of 5x5 does not fit into [3, 8, 1]; it must be at most 3x8, or use padding: same',
    );
    const dilated = { filters: 2, kernel_size: 3, dilation: 4 };
    expect(() => network([{ conv2d: dilated }], [8, 8, 1])).toThrow('a kernel of 3x3 with dilation 4x4 does not fit');
  });

  it('names groups that do not divide the channels', () => {
    expect(() => network([{ conv2d: { filters: 4, kernel_size: 1, groups: 2 } }], [4, 4, 3])).toThrow(
      "layers.0 (conv2d): groups (2) must divide the input's channels (3 of [4, 4, 3]) and the filters (4)",
    );
  });
});
