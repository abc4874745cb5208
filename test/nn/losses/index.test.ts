import { describe, expect, it } from 'vitest';
import { resolveClassWeights } from '../../../src/nn/losses/class-weights.js';
import {
  type LossConfig,
  lossMismatch,
  lossOf,
  losses,
  lossSchema,
  predictionOf,
  resolveLoss,
} from '../../../src/nn/losses/index.js';
import { type DType, grad, hostRandom, mul, reduceSum, type Shape, ShapeError } from '../../../src/tensor/index.js';
import { expectGradient, valuesAt } from '../../tensor/helpers/expect-gradient.js';
import type { GraphInput } from '../../tensor/helpers/random-graph.js';
import { float32ValuesAt } from '../helpers/float32.js';
import { difference, given, golden } from '../helpers/golden.js';

interface LossCase {
  loss: string;
  params: Record<string, unknown>;
  shape: Shape;
  output: number[];
  targetShape: Shape;
  targetType: DType;
  target: number[];
  values: number[];
  gradient: number[];
}
const { cases } = golden<{ cases: LossCase[] }>('losses');

const parse = (name: string, params: object = {}): LossConfig => lossSchema.parse({ [name]: params });
const inputsOf = (c: LossCase): [GraphInput, GraphInput] => [
  given('output', c.shape, c.output),
  given('target', c.targetShape, c.target, c.targetType),
];
const perSample = (c: LossCase, output: GraphInput, target: GraphInput) => {
  const config = parse(c.loss, c.params);
  return lossOf(config).perSample(output.node, target.node, config);
};
const titled = cases.map((c) => ({ ...c, title: `${c.loss} ${JSON.stringify(c.params)} on ${c.shape.join('x')}` }));

describe('losses', () => {
  it('has PyTorch values for every loss', () => {
    expect(new Set(cases.map((c) => c.loss))).toEqual(new Set(Object.keys(losses)));
  });

  it.each(titled)('$title gives the values and gradients of PyTorch', (c) => {
    const [output, target] = inputsOf(c);
    const values = perSample(c, output, target);
    const weights = given('weights', [c.shape[0]], c.values.map((_, i) => i + 1)); // prettier-ignore
    const [gradient] = grad(reduceSum(mul(values, weights.node)), [output.node]);
    const [v, g] = valuesAt([values, gradient], [output, target, weights]);
    expect(difference(v, c.values)).toBeLessThan(1e-12);
    expect(difference(g, c.gradient)).toBeLessThan(1e-12);
  });

  it.each(titled)('$title has the first and second derivatives of finite differences', (c) => {
    const [whole, target] = inputsOf(c);
    const random = hostRandom(1, c.title);
    // Away from bounds, where a derivative jumps or (least variance) is deliberately not that of the value.
    const output = { ...whole, values: whole.values.map(() => 3 * random.uniform() - 1.5) };
    expectGradient(perSample(c, output, target), [output, target]);
  });

  it.each(titled)('$title stays finite in float32 for outputs of +-1e4', (c) => {
    const [, target] = inputsOf(c);
    for (const pattern of [[1e4], [-1e4], [1e4, -1e4], [-1e4, 1e4], [0], [1e4, -1e4, 0, -1e4, 1e4, 0, 0]]) {
      const output = given('output', c.shape, c.output.map((_, i) => pattern[i % pattern.length])); // prettier-ignore
      const values = perSample(c, output, target);
      const first = grad(reduceSum(values), [output.node])[0];
      const second = grad(reduceSum(mul(first, first)), [output.node])[0];
      for (const numbers of float32ValuesAt([values, first, second], [output, target])) {
        expect(numbers.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it.each(titled)('$title keeps its digits in float32', (c) => {
    const inputs = inputsOf(c);
    const values = perSample(c, ...inputs);
    const [v, g] = float32ValuesAt([values, grad(reduceSum(values), [inputs[0].node])[0]], inputs);
    const [exactV, exactG] = valuesAt([values, grad(reduceSum(values), [inputs[0].node])[0]], inputs);
    expect(difference(v, [...exactV])).toBeLessThan(3e-6);
    expect(difference(g, [...exactG])).toBeLessThan(3e-6);
  });

  it('has the derivatives of the logistic loss at a logit of exactly 0', () => {
    const config = parse('binary_cross_entropy');
    const output = given('output', [2, 1], [0, 0]);
    const labels = given('labels', [2], [0, 1], 'i32');
    const first = grad(reduceSum(lossOf(config).perSample(output.node, labels.node, config)), [output.node])[0];
    const second = grad(reduceSum(first), [output.node])[0];
    const [d, dd] = valuesAt([first, second], [output, labels]);
    expect([...d]).toEqual([0.5, -0.5]);
    expect([...dd]).toEqual([0.25, 0.25]);
  });

  it('continues the Poisson rate on its tangent for huge logits', () => {
    const output = given('output', [2, 1], [30, 32]);
    const [rate] = valuesAt([predictionOf(parse('poisson'), output.node, 'numbers')], [output]);
    expect(difference(rate, [Math.exp(30), 3 * Math.exp(30)])).toBeLessThan(1e-12);
  });

  it('predicts the mean where the output also has variances', () => {
    const output = given('output', [2, 4], [1, 2, 9, 9, 3, 4, 9, 9]);
    const [mean] = valuesAt([predictionOf(parse('gaussian_nll'), output.node, 'numbers')], [output]);
    expect([...mean]).toEqual([1, 2, 3, 4]);
    expect(predictionOf(parse('huber'), output.node, 'numbers')).toBe(output.node);
  });

  it('predicts the quantile nearest to the median of several', () => {
    const output = given('output', [2, 6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const config = parse('quantile', { q: [0.1, 0.4, 0.9] });
    const [median] = valuesAt([predictionOf(config, output.node, 'numbers')], [output]);
    expect([...median]).toEqual([3, 4, 9, 10]);
    expect(lossMismatch(config, { kind: 'numbers', size: 2 }, [6])).toBeUndefined();
    expect(lossMismatch(parse('gaussian_nll', { variance: 2 }), { kind: 'numbers', size: 2 }, [2])).toBeUndefined();
  });

  it('predicts probabilities where features from 0 to 1 are reconstructed, logits where labels are decided', () => {
    const output = given('output', [1, 2], [0, Math.log(3)]);
    const bce = parse('binary_cross_entropy');
    const [p] = valuesAt([predictionOf(bce, output.node, 'features')], [output]);
    expect(difference(p, [0.5, 0.75])).toBeLessThan(1e-12);
    expect(predictionOf(bce, output.node, 'labels')).toBe(output.node);
  });

  it('bounds the variance at 1e-6, and the gradient still lets it grow again', () => {
    const config = parse('gaussian_nll');
    const [output, target] = [given('output', [1, 2], [0.5, -20]), given('target', [1, 1], [0])];
    const loss = lossOf(config).perSample(output.node, target.node, config);
    const [value, gradient] = valuesAt([loss, grad(reduceSum(loss), [output.node])[0]], [output, target]);
    expect(value[0]).toBeCloseTo(0.5 * (Math.log(1e-6) + 0.25e6), 5);
    expect(gradient[1]).toBeCloseTo(0.5 * (1 - 0.25e6), 5);
  });

  it('names both shapes where output and targets do not fit', () => {
    const output = given('output', [4, 3], []).node;
    const target = given('target', [4, 2], []).node;
    const mse = parse('mean_squared_error');
    expect(() => lossOf(mse).perSample(output, target, mse)).toThrow(ShapeError);
    expect(() => lossOf(mse).perSample(output, target, mse)).toThrow(
      'mean_squared_error: output [4, 3] and targets [4, 2] must have the same number of values per sample',
    );
    const ce = parse('softmax_cross_entropy');
    expect(() => lossOf(ce).perSample(output, target, ce)).toThrow(
      'needs logits [batch, classes] and i32 labels [batch]',
    );
  });
});

describe('weights that the data decide', () => {
  const counts = { names: ['cat', 'dog', 'owl'], counts: [2, 6, 4], samples: 12 };
  const resolved = (name: string, params: object, kind: 'classes' | 'labels' = 'classes', by = counts) =>
    resolveLoss(parse(name, params), by, kind);

  it.each(['softmax_cross_entropy', 'focal', 'hinge'])('are balanced as scikit-learn does it (%s)', (name) => {
    // compute_class_weight('balanced', classes=[0, 1, 2], y=[0]*2 + [1]*6 + [2]*4)
    expect(resolved(name, { class_weights: 'balanced' })).toMatchObject({ class_weights: [2, 12 / 18, 1] });
  });

  it('takes classes of any name for what they are, also those that objects have', () => {
    const counts = { names: ['constructor', '__proto__', 'toString'], counts: [1, 1, 1], samples: 3 };
    expect(resolveClassWeights({ toString: 2 }, counts)).toEqual([1, 1, 2]);
    expect(resolveClassWeights({ valueOf: 2 }, counts)).toContain('there is no class "valueOf"');
  });

  it('are found by name, 1 where no number is given', () => {
    expect(resolved('softmax_cross_entropy', { class_weights: { owl: 3 } })).toMatchObject({
      class_weights: [1, 1, 3],
    });
    expect(resolved('focal', { class_weights: { dot: 3 } })).toBe(
      'class_weights: there is no class "dot"; did you mean "dog"?',
    );
    expect(resolved('hinge', {})).toMatchObject({ type: 'hinge' });
  });

  it('cannot be balanced without samples', () => {
    const without = { ...counts, counts: [0, 8, 4] };
    expect(resolved('hinge', { class_weights: 'balanced' }, 'classes', without)).toContain('has none of "cat"');
  });

  it('of positives are the negatives by the positives, for each label', () => {
    const balanced = { pos_weight: 'balanced' };
    expect(resolved('binary_cross_entropy', balanced, 'labels')).toMatchObject({ pos_weight: [5, 1, 2] });
    const two = { names: ['no', 'yes'], counts: [9, 3], samples: 12 };
    expect(resolved('binary_cross_entropy', balanced, 'classes', two)).toMatchObject({ pos_weight: [3] });
    expect(resolved('binary_cross_entropy', { class_weights: [1, 2, 3] }, 'labels')).toBe('class_weights needs class labels; for yes-or-no labels use pos_weight'); // prettier-ignore
    expect(resolved('binary_cross_entropy', { pos_weight: [1, 2] }, 'labels')).toBe('pos_weight has 2 values, and the data has 3 labels'); // prettier-ignore
  });
});

describe('the head that a loss needs', () => {
  const tenClasses = { kind: 'classes', classes: 10, size: 1 } as const;
  const twoClasses = { kind: 'classes', classes: 2, size: 1 } as const;
  const labels = { kind: 'labels', size: 5 } as const;
  const pixels = { kind: 'features', size: 12 } as const;
  const numbers = { kind: 'numbers', size: 3 } as const;
  const none = undefined;

  it.each([
    ['softmax_cross_entropy', tenClasses, [10], none],
    ['softmax_cross_entropy', tenClasses, [3], 'the last layer gives 3 units, softmax_cross_entropy over 10 classes needs 10'],
    ['softmax_cross_entropy', tenClasses, [1], 'the last layer gives 1 unit, softmax_cross_entropy over 10 classes needs 10'],
    ['softmax_cross_entropy', tenClasses, [4, 4, 8], 'the last layer gives the shape [4, 4, 8], softmax_cross_entropy over 10 classes needs 10 units: end with flatten and dense'],
    ['binary_cross_entropy', twoClasses, [1], none],
    ['binary_cross_entropy', twoClasses, [2], 'the last layer gives 2 units, binary_cross_entropy over 2 classes needs 1'],
    ['binary_cross_entropy', tenClasses, [10], 'binary_cross_entropy needs 2 classes, and the data has 10; softmax_cross_entropy takes any number'],
    ['binary_cross_entropy', labels, [5], none],
    ['softmax_cross_entropy', labels, [5], 'softmax_cross_entropy does not fit yes-or-no labels; use one of binary_cross_entropy, focal, hinge'],
    ['binary_cross_entropy', labels, [4], 'the last layer gives 4 units, binary_cross_entropy for 5 targets needs 5'],
    ['hinge', labels, [5], none],
    ['mean_squared_error', pixels, [12], none],
    ['binary_cross_entropy', pixels, [2, 3, 2], none],
    ['mean_squared_error', pixels, [2, 3, 3], 'the last layer gives the shape [2, 3, 3], mean_squared_error for 12 targets needs 12 units: end with flatten and dense'],
    ['hinge', twoClasses, [1], none],
    ['hinge', twoClasses, [2], none],
    ['hinge', twoClasses, [3], 'the last layer gives 3 units, hinge over 2 classes needs 1 or 2'],
    ['focal', tenClasses, [10], none],
    ['mean_squared_error', numbers, [3], none],
    ['gaussian_nll', numbers, [6], none],
    ['quantile', numbers, [3], none],
    ['gaussian_nll', numbers, [3], 'the last layer gives 3 units, gaussian_nll for 3 targets needs 6'],
    ['mean_squared_error', tenClasses, [10], 'mean_squared_error does not fit class labels; use one of softmax_cross_entropy, binary_cross_entropy, focal, hinge'],
  ] as const)('%s for %j with output %j: %s', (name, target, shape, message) => {
    expect(lossMismatch(parse(name), target, shape)?.message).toBe(message);
  }); // prettier-ignore

  it('counts the class weights', () => {
    const config = parse('softmax_cross_entropy', { class_weights: [1, 2, 3] });
    const counts = { names: [...'0123456789'], counts: Array<number>(10).fill(5), samples: 50 };
    expect(resolveLoss(config, counts, 'classes')).toBe('class_weights has 3 values, and the data has 10 classes');
  });
});
