import { describe, expect, it } from 'vitest';
import { add, broadcastTo, concat, conv, exp, input, matmul, mul, type Node, pad, reduceSum, reverse, tanh, transpose } from '../../../src/tensor/index.js'; // prettier-ignore
import { KernelFormer, MOST_DEPTH } from '../../../src/tensor/compiler/form.js';
import { showKernels } from '../helpers/show-kernel.js';

/** The kernels before any are fused: each is a tensor that is stored. */
const formed = (...results: Node[]): string[] => showKernels(new KernelFormer(results).form());

const a = input('a', [64, 128]);

describe('which nodes get a buffer', () => {
  it('is no cheap operation, even where two kernels need it', () => {
    const shifted = add(a, 1);
    expect(formed(reduceSum(shifted, 0), reduceSum(shifted, 1))).toEqual([
      'reduce_sum [128] of add',
      'reduce_sum [64] of add',
    ]);
  });

  it('is a dear one that two kernels need', () => {
    const powers = exp(a);
    expect(formed(reduceSum(powers, 0), reduceSum(powers, 1))).toEqual([
      'loop [64,128] + exp',
      'reduce_sum [128]',
      'reduce_sum [64]',
    ]);
  });

  it('is a dear one whose elements a broadcast would compute again and again', () => {
    const [row, spread] = [input('row', [128]), (node: Node) => mul(a, broadcastTo(node, [64, 128]))];
    expect(formed(spread(tanh(exp(row))))).toEqual(['loop [128] + exp tanh', 'loop [64,128] + mul']);
    expect(formed(spread(add(row, 1)))).toEqual(['loop [64,128] + add mul']);
  });

  it('is what lies under an operand of a product, which takes any positive strides', () => {
    expect(formed(matmul(transpose(a), a))).toEqual(['matmul [128,128]']);
    expect(formed(matmul(transpose(add(a, 1)), a))).toEqual(['loop [64,128] + add', 'matmul [128,128]']);
    expect(formed(matmul(transpose(a), reverse(a, [0])))).toEqual(['loop [64,128]', 'matmul [128,128]']);
  });

  it('is what a convolution slides over', () => {
    const window = { strides: [1, 1], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 } as const; // prettier-ignore
    const images = mul(input('images', [2, 4, 4, 4]), 2);
    expect(formed(conv(images, input('kernel', [3, 3, 4, 4]), window))).toEqual([
      'loop [2,4,4,4] + mul',
      'conv [2,4,4,4]',
    ]);
  });

  it('is what is put together, part by part, with what is computed of each part', () => {
    expect(formed(concat([exp(a), add(a, 1)], 1))).toEqual(['concat [64,256] + exp add']);
    expect(formed(pad(exp(a), [0, 1], [0, 1]))).toEqual(['pad [64,130] + exp']);
  });

  it('is every so many operations of a long chain', () => {
    let y: Node = a;
    for (let i = 0; i < 2 * MOST_DEPTH; i++) y = tanh(y);
    expect(formed(y)).toHaveLength(2);
  });
});
