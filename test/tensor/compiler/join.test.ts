import { describe, expect, it } from 'vitest';
import { exp, input, mul, type Node, tanh } from '../../../src/tensor/index.js';
import { MOST_OUTPUTS } from '../../../src/tensor/compiler/fuse.js';
import { planKernels } from '../../../src/tensor/compiler/kernels.js';
import { adamStep } from '../helpers/adam-step.js';
import { showKernels } from '../helpers/show-kernel.js';

const kernelsOf = (...results: Node[]): string[] => showKernels(planKernels(results));

describe('loops that are joined', () => {
  it('are the updates of a parameter and its moments: Adam is one sweep over memory', () => {
    const { updated, mean, square } = adamStep([128, 256]);
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
