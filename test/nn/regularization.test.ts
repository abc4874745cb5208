import { describe, expect, it } from 'vitest';
import { afterUpdate, penalty, regularizationSchema, type Regularized } from '../../src/nn/regularization.js';
import { type RegularizerConfig, regularizers, regularizerSchema } from '../../src/nn/regularizers.js';
import { constant, grad, input, type Node } from '../../src/tensor/index.js';
import { initSchema } from '../../src/nn/initializers.js';
import { modelSchema, traceModel, type TracedModel } from '../../src/nn/model.js';
import { RandomSource } from '../../src/nn/random-source.js';
import { expectGradient, valuesAt } from '../tensor/helpers/expect-gradient.js';
import { given } from './helpers/golden.js';
import { expectValues, valuesOf } from './helpers/network.js';
import { VariableStore } from '../../src/nn/variables.js';

const weight = given('w', [2, 2], [1, -2, 3, -4]);
const other = given('v', [2], [0.5, -0.5]);

const regularized = (node: Node, ...written: unknown[]): Regularized => ({
  node,
  regularizers: written.map((w) => regularizerSchema.parse(w)),
  outputAxis: node.shape.length - 1,
});
const valueOf = (parameters: readonly Regularized[]): number | undefined => {
  const node = penalty(parameters);
  return node && valuesAt([node], [weight, other])[0][0];
};

describe('penalties', () => {
  it('are nothing where nothing is asked for', () => {
    expect(valueOf([regularized(weight.node)])).toBeUndefined();
    expect(valueOf([regularized(weight.node, 'proximal_l1')])).toBeUndefined();
  });

  it('sum squares and absolute values as Keras does', () => {
    expect(valueOf([regularized(weight.node, 'l2'), regularized(other.node, 'l2')])).toBeCloseTo(0.01 * 30.5, 12);
    expect(valueOf([regularized(weight.node, { l1: { strength: 0.1 } })])).toBeCloseTo(1, 12);
    expect(valueOf([regularized(weight.node, { elastic: { l1: 0.1, l2: 0.01 } })])).toBeCloseTo(1 + 0.3, 12);
  });

  it.each(['l1', 'l2', { elastic: { l1: 0.3, l2: 0.2 } }])('%j has the derivative of its value', (written) => {
    const node = penalty([regularized(weight.node, written)]);
    if (node !== undefined) expectGradient(node, [weight]);
    expect(node).toBeDefined();
  });

  it('add 2 l2 w + l1 sign(w) to the gradient', () => {
    const node = penalty([regularized(weight.node, { elastic: { l1: 0.1, l2: 0.01 } })]) ?? constant(0);
    expectValues([...valuesAt(grad(node, [weight.node]), [weight])[0]], [0.12, -0.14, 0.16, -0.18]);
  });

  it('are all here, but for what follows updates', () => {
    expect(Object.keys(regularizers)).toEqual(['l1', 'l2', 'elastic', 'proximal_l1']);
  });

  it('refuse negative strengths', () => {
    expect(regularizationSchema.safeParse({ l1: -1 }).success).toBe(false);
    expect(regularizerSchema.safeParse({ l2: { strength: -1 } }).success).toBe(false);
  });
});

describe('proximal_l1', () => {
  it('moves every weight towards 0 by rate times strength, and not beyond', () => {
    const config: RegularizerConfig = { type: 'proximal_l1', strength: 5 };
    const pulled = regularizers.proximal_l1.proximal?.(weight.node, constant(0.5), config) ?? constant(0);
    expectValues([...valuesAt([pulled], [weight])[0]], [0, 0, 0.5, -1.5]);
  });

  it('comes before the constraint', () => {
    const parameter: Regularized = {
      ...regularized(weight.node, { proximal_l1: { strength: 2 } }),
      constraint: { type: 'non_negative' },
    };
    expectValues([...valuesAt([afterUpdate(weight.node, constant(1), parameter)], [weight])[0]], [0, 0, 1, 0]);
  });
});

const trace = (layers: unknown[], sample: number[], regularization: object = {}): TracedModel =>
  traceModel(modelSchema.parse({ layers }), input('x', [2, ...sample]), new VariableStore(), {
    training: true,
    random: new RandomSource(),
    init: initSchema.parse({}),
    regularization: regularizationSchema.parse(regularization),
  });

describe('the regularization of a model', () => {
  const section = { l1: 0.1, weights: { l2: { strength: 0.2 } }, bias: 'l1', constraint: { weights: 'max_norm' } };
  const typesOf = ({ parameters }: TracedModel) =>
    Object.fromEntries(
      parameters.map((p) => [p.name, [...p.regularizers, p.constraint].flatMap((c) => c?.type ?? [])]),
    );

  it('is that of all weights and biases, not of scales', () => {
    expect(typesOf(trace([{ dense: { units: 2 } }, 'batch_norm'], [3], section))).toEqual({
      'layers.0.weight': ['l1', 'l2', 'max_norm'],
      'layers.0.bias': ['l1'],
      'layers.1.weight': [],
      'layers.1.bias': ['l1'],
    });
  });

  it('gives way to what a layer says', () => {
    const own = { regularizer: { weights: 'proximal_l1' }, constraint: { bias: 'non_negative' } };
    expect(typesOf(trace([{ dense: { units: 2, ...own } }], [3], section))).toEqual({
      'layers.0.weight': ['proximal_l1', 'max_norm'],
      'layers.0.bias': ['l1', 'non_negative'],
    });
  });

  it('knows which axis of a weight numbers its outputs', () => {
    const axesOf = (layer: unknown, sample: number[]) => trace([layer], sample).parameters[0].outputAxis;
    expect(axesOf({ dense: { units: 2 } }, [3])).toBe(1);
    expect(axesOf({ conv2d: { filters: 2, kernel_size: 3 } }, [5, 5, 1])).toBe(3);
    expect(axesOf({ conv2d_transpose: { filters: 2, kernel_size: 3 } }, [5, 5, 1])).toBe(2);
    expect(axesOf({ embedding: { vocabulary: 5, units: 2 } }, [])).toBe(0);
  });

  it('refuses layers without their own weights', () => {
    const tied = { dense: { units: 3, tie: 'layers.0', constraint: { weights: 'max_norm' } } };
    expect(modelSchema.safeParse({ layers: [tied] }).error?.issues[0].message).toContain('leave out share');
  });
});

describe('penalties on activities', () => {
  const x = [1, -2, 3, 4, 5, 6];
  /** Outputs [1, 0], [0, 1] of relu on a batch of two. */
  const layers = (own: object = {}) => [{ dense: { units: 2, activation: 'relu', ...own } }];
  const of = (model: TracedModel): number =>
    valuesOf([penalty([], model.penalties) ?? constant(0)], {
      x,
      'layers.0.weight': [1, 0, 0, 0, 0, 0.5],
      'layers.0.bias': [0, 0],
    })[0][0];

  it('are averaged over the samples, as in Keras, and come after the activation function', () => {
    // x W = [[1, 1.5], [4, 3]]: squares 1 + 2.25 + 16 + 9, over two samples.
    expect(of(trace(layers({ regularizer: { activity: { l2: { strength: 0.1 } } } }), [3]))).toBeCloseTo(1.4125, 12);
    expect(of(trace(layers(), [3], { activity: { l1: { strength: 0.1 } } }))).toBeCloseTo(0.1 * 4.75, 12);
  });

  it('of any layer’s output are a layer themselves', () => {
    expect(of(trace([{ activity_regularization: { l1: 1, l2: 0.1 } }, ...layers()], [3]))).toBeCloseTo((21 + 9.1) / 2, 12); // prettier-ignore
  });

  it('refuse a regularizer that follows updates', () => {
    expect(regularizationSchema.safeParse({ activity: 'proximal_l1' }).success).toBe(false);
  });
});
