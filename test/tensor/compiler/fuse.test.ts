import { describe, expect, it } from 'vitest';
import { add, broadcastTo, constant, conv, div, exp, grad, input, iota, log, lt, matmul, maximum, maxPool, mul, neg, type Node, randomBits, reduceMax, reduceSum, reshape, select, sqrt, stopGradient, sub, transpose } from '../../../src/tensor/index.js'; // prettier-ignore
import { planKernels } from '../../../src/tensor/compiler/kernels.js';
import { lower } from '../../../src/tensor/compiler/lower.js';
import { showKernels } from '../helpers/show-kernel.js';

const kernelsOf = (...results: Node[]): string[] => showKernels(planKernels(lower(results)));

describe('what is computed in one pass over memory', () => {
  const hidden = maximum(add(matmul(input('x', [64, 100]), input('w', [100, 128])), input('b', [128])), 0);

  it('is a product with its bias and ReLU', () => {
    expect(kernelsOf(hidden)).toEqual(['matmul [64,128] + add max']);
  });

  it('is not the same number everywhere and its product, which reads it from memory', () => {
    const everywhere = broadcastTo(constant([2], [1, 1]), [64, 100]);
    expect(kernelsOf(matmul(everywhere, input('w', [100, 128])))).toEqual(['loop [64,100]', 'matmul [64,128]']);
  });

  it('is a convolution with its bias and ReLU', () => {
    const window = { strides: [1, 1], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 } as const; // prettier-ignore
    const maps = conv(input('images', [8, 14, 14, 16]), input('kernel', [3, 3, 16, 32]), window);
    expect(kernelsOf(maximum(add(maps, input('bias', [32])), 0))).toEqual(['conv [8,14,14,32] + add max']);
  });

  it('is the mask of a ReLU with the product that gives its gradient', () => {
    const w = input('w2', [128, 10]);
    const x = input('before', [64, 128]);
    const [gradient] = grad(reduceSum(mul(matmul(maximum(0, x), w), input('target', [64, 10]))), [x]);
    expect(kernelsOf(gradient)).toEqual(['matmul [64,128] + max gt select']);
  });

  it('is a dense layer with what its gradient takes, each in the products of a step', () => {
    const target = input('target', [64, 10]);
    const [x, w, b, w2] = [input('x', [64, 100]), input('w', [100, 128]), input('b', [128]), input('w2', [128, 10])];
    const logits = matmul(maximum(0, add(matmul(x, w), b)), w2);
    const difference = sub(logits, target);
    const loss = reduceSum(mul(difference, difference));
    expect(kernelsOf(loss, ...grad(loss, [w, b, w2]))).toEqual([
      'matmul [64,128] + add max',
      'matmul [64,10] + sub add -> 2',
      'reduce_sum [] of sub mul',
      'matmul [64,128] + gt select',
      'matmul [100,128]',
      'reduce_sum [128]',
      'matmul [128,10]',
    ]);
  });

  it('is the gradient of max pooling after a ReLU: neither mask is stored', () => {
    const attrs = { window: [2, 2], strides: [2, 2], padding: [[0, 0], [0, 0]] } as const; // prettier-ignore
    const images = input('images', [8, 14, 14, 16]);
    const pooled = maxPool(maximum(images, 0), attrs);
    expect(kernelsOf(...grad(reduceSum(mul(pooled, input('cotangent', pooled.shape))), [images]))).toEqual([
      'loop [8,14,14,16] + max',
      'pool_max_scatter [8,14,14,16] + ge select',
    ]);
  });

  it('is a convolution, each of its batch statistics, and all that follows', () => {
    const window = { strides: [1, 1], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 } as const; // prettier-ignore
    const maps = conv(input('images', [8, 14, 14, 16]), input('kernel', [3, 3, 16, 32]), window);
    const mean = div(reduceSum(maps, [0, 1, 2]), 8 * 14 * 14);
    const centered = sub(maps, mean);
    const variance = div(reduceSum(mul(centered, centered), [0, 1, 2]), 8 * 14 * 14);
    const normalized = div(centered, sqrt(add(variance, 1e-5)));
    const scaled = add(mul(normalized, input('scale', [32])), input('shift', [32]));
    expect(kernelsOf(maximum(0, scaled), mean, variance)).toEqual([
      'conv [8,14,14,32]',
      'reduce_sum [32] + div',
      'reduce_sum [32] of sub mul + div',
      'loop [8,14,14,32] + sub add sqrt div mul add max',
    ]);
  });

  it('is dropout with its gradient: the mask is drawn again where it is wanted', () => {
    const bits = randomBits(input('key', [2], 'u32'), iota([64, 128], 0), 1);
    const [x, w] = [input('x', [64, 128]), input('w', [128, 32])];
    const dropped = select(lt(bits, 2 ** 31), mul(x, 2), 0);
    expect(kernelsOf(...grad(reduceSum(mul(matmul(dropped, w), input('t', [64, 32]))), [x]))).toEqual([
      'matmul [64,128]',
      'loop [64,128] + random_bits lt select mul',
    ]);
  });

  it('is the softmax cross-entropy of a batch, but for its maxima and sums', () => {
    const logits = input('logits', [64, 10]);
    const shifted = sub(logits, reshape(stopGradient(reduceMax(logits, 1)), [64, 1]));
    const logSoftmax = sub(shifted, reshape(log(reduceSum(exp(shifted), 1)), [64, 1]));
    const loss = div(neg(reduceSum(mul(logSoftmax, input('target', [64, 10])))), 64);
    expect(kernelsOf(loss)).toEqual([
      'reduce_max [64]',
      'reduce_sum [64] of stop_gradient sub exp',
      'reduce_sum [] of stop_gradient sub log sub mul + neg div',
    ]);
  });

  it('is a batch normalization in two reductions and a loop', () => {
    const x = input('x', [256, 32]);
    const centered = sub(x, div(reduceSum(x, 0), 256));
    const variance = div(reduceSum(mul(centered, centered), 0), 256);
    const normalized = div(centered, sqrt(add(variance, 1e-5)));
    expect(kernelsOf(add(mul(normalized, input('scale', [32])), input('shift', [32])))).toEqual([
      'reduce_sum [32]',
      'reduce_sum [32] of div sub mul',
      'loop [256,32] + div sub div add sqrt div mul add',
    ]);
  });

  it('is dropout with its random bits, which are not stored', () => {
    const bits = randomBits(input('key', [2], 'u32'), iota([64, 128], 0), 1);
    expect(kernelsOf(select(lt(bits, 2 ** 31), mul(input('h', [64, 128]), 2), 0))).toEqual([
      'loop [64,128] + random_bits lt mul select',
    ]);
  });

  it('is a sum of a transposed and a reshaped tensor: moving elements needs no kernel', () => {
    const sum = add(transpose(input('a', [8, 6])), reshape(input('b', [48]), [6, 8]));
    expect(kernelsOf(add(sum, input('row', [8])))).toEqual(['loop [6,8] + add add']);
  });
});
