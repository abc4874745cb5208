import { describe, expect, it } from 'vitest';
import { add, div, exp, input, mul, type Node, pow, sqrt, sub, tanh } from '../../../src/tensor/index.js';
import { MOST_OUTPUTS } from '../../../src/tensor/compiler/fuse.js';
import { planKernels } from '../../../src/tensor/compiler/kernels.js';
import { showKernels } from '../helpers/show-kernel.js';

const kernelsOf = (...results: Node[]): string[] => showKernels(planKernels(results));

describe('loops that are joined', () => {
  it('are the updates of a parameter and its moments: Adam is one sweep over memory', () => {
    const [p, m, v, g] = ['p', 'm', 'v', 'g'].map((name) => input(name, [128, 256]));
    const step = input('step', []);
    const mean = add(mul(m, 0.9), mul(g, 0.1));
    const square = add(mul(v, 0.999), mul(mul(g, g), 0.001));
    const root = sqrt(div(square, sub(1, pow(0.999, step))));
    const updated = sub(p, div(mul(div(mean, sub(1, pow(0.9, step))), 0.001), add(root, 1e-8)));
    expect(kernelsOf(updated, mean, square)).toEqual([
      // The two corrections of the bias are numbers.
      'loop [] + pow sub pow sub -> 2',
      'loop [128,256] + mul mul mul add mul mul add add div mul add div sqrt add div sub -> 3',
    ]);
  });

  it('read a tensor of their own size in common', () => {
    const [a, b, row] = [input('a', [8, 4]), input('b', [8, 4]), input('row', [4])];
    expect(kernelsOf(exp(a), tanh(a))).toEqual(['loop [8,4] + exp tanh -> 2']);
    expect(kernelsOf(exp(a), tanh(b))).toEqual(['loop [8,4] + exp', 'loop [8,4] + tanh']);
    expect(kernelsOf(mul(a, row), mul(b, row))).toEqual(['loop [8,4] + mul', 'loop [8,4] + mul']);
  });

  it('fill no more buffers than one kernel may', () => {
    const a = input('a', [8, 4]);
    const many = Array.from({ length: MOST_OUTPUTS + 3 }, (_, i) => exp(mul(a, i + 2)));
    const kernels = planKernels(many);
    expect(kernels.map((kernel) => kernel.outputs.length)).toEqual([MOST_OUTPUTS, 3]);
  });
});
