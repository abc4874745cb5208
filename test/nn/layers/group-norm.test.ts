import { describe, expect, it } from 'vitest';
import { expectDerivatives, expectValues, network, outputOf, wave } from '../helpers/network.js';

// Expected numbers are from PyTorch 1.13 in float64, on the values of helpers/network.ts.
const scale = (channels: number) => ({ 'layers.0.weight': wave(channels, 0.9, 0.4).map((v) => 1 + v / 2) });

describe('group_norm', () => {
  it('gives the values of PyTorch on images and on vectors', () => {
    const images = network([{ group_norm: { groups: 2 } }], [2, 1, 4], { batch: 2 });
    expectValues(
      outputOf(images, scale(4)),
      [
        -1.4043704, 0.181304156, 1.29917984, 1.92477659, 1.53703829, 2.0808718, 1.10075048, -0.925569217, 1.92127208,
        1.67153132, 2.17925555, -0.45705203, -0.860751508, -0.560156532, -0.270489856, 1.81330177,
      ],
    );
    const vectors = network([{ group_norm: { groups: 2 } }], [4], { batch: 2 });
    expectValues(
      outputOf(vectors, scale(4)),
      [-0.898996168, 2.32837181, -0.414562962, 1.67325283, 1.48595932, -0.629651163, 2.39282183, -0.367519767],
    );
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network([{ group_norm: { groups: 2 } }], [2, 4], { batch: 2 }));
  });

  it('names groups that do not divide the channels', () => {
    expect(() => network([{ group_norm: { groups: 3 } }], [2, 2, 4])).toThrow(
      "layers.0 (group_norm): groups (3) must divide the input's channels (4 of [2, 2, 4])",
    );
  });
});

describe('instance_norm', () => {
  it('gives the values of PyTorch', () => {
    const expected = [-1.66011055, -0.528301071, 0.677022621, 2.3684887, 1.58249102, 2.28420536, 0.582677737, -0.737065608]; // prettier-ignore
    expectValues(outputOf(network(['instance_norm'], [2, 2, 2]), scale(2)), expected);
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network(['instance_norm'], [2, 2, 2]));
  });

  it('refuses vectors, which it would always make 0', () => {
    expect(() => network(['instance_norm'], [4])).toThrow('needs channels at several positions per sample, got [4]');
  });
});
