import { describe, expect, it } from 'vitest';
import { grad, input, mul, type Node, reduceSum, type Shape, ShapeError, sizeOf, sub } from '../../src/tensor/index.js';
import { RandomSource } from '../../src/nn/random-source.js';
import { initSchema } from '../../src/nn/initializers.js';
import { modelSchema, traceModel } from '../../src/nn/model.js';
import { cumulativeMean, renamed, runningMean, type Variables, VariableStore } from '../../src/nn/variables.js';
import { expectGradient, valuesAt } from '../tensor/helpers/expect-gradient.js';
import { network, wave } from './helpers/network.js';

const layers = [{ dense: { units: 3, activation: 'tanh' } }, { dense: { units: 2 } }];

/** A network on an input that other networks see too. */
const traced = (x: Node, variables: Variables, written: readonly unknown[] = layers) =>
  traceModel(modelSchema.parse({ layers: written }), x, variables, {
    training: true,
    random: new RandomSource(),
    init: initSchema.parse({}),
  });

const waves = (nodes: readonly Node[]) =>
  nodes.map((node, i) => ({ node, values: wave(sizeOf(node.shape), 0.37 + 0.1 * i, 0.11) }));

describe('a store of variables', () => {
  it('answers an equal name with an equal node', () => {
    const store = new VariableStore();
    expect(store.parameter('w', [2])).toBe(store.parameter('w', [2]));
    expect(store.parameter('w', [2])).not.toBe(store.parameter('v', [2]));
  });

  it('refuses a known name with another shape', () => {
    const store = new VariableStore();
    store.parameter('w', [2]);
    expect(() => store.parameter('w', [3])).toThrow(ShapeError);
    expect(() => store.parameter('w', [3])).toThrow('the variable w is [2], but [3] is asked for');
  });

  it('shares no weight with another store, though names are equal and both networks stand in one program', () => {
    const x = input('x', [2, 2]);
    const [a, b] = [traced(x, new VariableStore()), traced(x, new VariableStore())];
    expect(a.parameters.map((p) => p.name)).toEqual(b.parameters.map((p) => p.name));
    const zeros = b.parameters.map(({ node }) => ({ node, values: new Array<number>(sizeOf(node.shape)).fill(0) }));
    const [ofA, ofB] = valuesAt([a.output, b.output], [...waves([x, ...a.parameters.map((p) => p.node)]), ...zeros]);
    expect([...ofA].every((value) => value !== 0)).toBe(true);
    expect([...ofB]).toEqual([0, 0, 0, 0]);
  });
});

describe('layers that share a weight', () => {
  it('give one parameter, whose gradient is the sum over its uses', () => {
    const shared = { dense: { units: 2, share: 'both', use_bias: false } };
    const { x, model } = network([shared, 'tanh', shared], [2], { batch: 2 });
    expect(model.parameters.map((p) => p.name)).toEqual(['shared.both.weight']);
    expectGradient(model.output, waves([x, model.parameters[0].node]));
  });
});

describe('a tied layer', () => {
  it('has no weight of its own: the gradient of the one it uses transposed sums both uses', () => {
    const bare = { use_bias: false };
    const tied = [{ dense: { units: 3, ...bare } }, 'tanh', { dense: { units: 2, tie: 'layers.0', ...bare } }];
    const { x, model } = network(tied, [2], { batch: 2 });
    expect(model.parameters.map((p) => p.name)).toEqual(['layers.0.weight']);
    expectGradient(model.output, waves([x, model.parameters[0].node]));
  });
});

describe('renamed variables', () => {
  it('are those of the store under other names, such as averages beside the weights', () => {
    const store = new VariableStore();
    const x = input('x', [2, 2]);
    const averaged = traced(
      x,
      renamed(store, (name) => `average.${name}`),
    );
    const trained = traced(x, store);
    expect(averaged.parameters[0].name).toBe('layers.0.weight');
    expect(averaged.parameters[0].node).toBe(store.variable('average.layers.0.weight', [2, 3]));
    expect(averaged.parameters[0].node).not.toBe(trained.parameters[0].node);
  });
});

/** Weights after a step of gradient descent, as nodes that still depend on the weights before it. */
class AfterStep implements Variables {
  private readonly stepped: ReadonlyMap<string, Node>;
  constructor(
    private readonly before: VariableStore,
    model: ReturnType<typeof traced>,
    loss: Node,
    rate: number,
  ) {
    const gradients = grad(loss, model.parameters.map((p) => p.node)); // prettier-ignore
    this.stepped = new Map(model.parameters.map(({ name, node }, i) => [name, sub(node, mul(rate, gradients[i]))]));
  }
  parameter(name: string, shape: Shape): Node {
    return this.stepped.get(name) ?? this.before.parameter(name, shape);
  }
  state(name: string, shape: Shape): Node {
    return this.before.state(name, shape);
  }
}

describe('a resolver that answers θ - α∇θ (MAML, Finn et al. 2017)', () => {
  const RATE = 0.1;
  const lossOf = (output: Node): Node => reduceSum(mul(output, output));
  const [x, query] = [input('x', [4, 2]), input('query', [3, 2])];
  const store = new VariableStore();
  const inner = traced(x, store);
  const innerLoss = lossOf(inner.output);
  const weights = inner.parameters.map((p) => p.node);
  const outerLoss = lossOf(traced(query, new AfterStep(store, inner, innerLoss, RATE)).output);

  it('gives the loss of a network whose weights have made the inner step', () => {
    const inputs = waves([x, query, ...weights]);
    const gradients = valuesAt(grad(innerLoss, weights), inputs);
    const plain = traced(query, store);
    const moved = inputs.slice(2).map(({ node, values }, i) => ({ node, values: values.map((v, k) => v - RATE * gradients[i][k]) })); // prettier-ignore
    const expected = valuesAt([lossOf(plain.output)], [inputs[1], ...moved])[0][0];
    expect(valuesAt([outerLoss], inputs)[0][0]).toBeCloseTo(expected, 12);
    expect(valuesAt([lossOf(plain.output)], inputs)[0][0]).not.toBeCloseTo(expected, 3);
  });

  it('has a gradient through the inner step, second order included, that finite differences confirm', () => {
    expectGradient(outerLoss, waves([x, query, ...weights]));
  });
});

describe('observations of state', () => {
  const [state, value, count] = [input('state', [2]), input('value', [2]), input('count', [])];
  const observation = { state, value, keep: 0.75 };
  const given = [
    { node: state, values: [4, 8] },
    { node: value, values: [0, 16] },
    { node: count, values: [4] },
  ];

  it('move a running mean by the share that is not kept', () => {
    const [target, update] = runningMean(observation);
    expect(target).toBe(state);
    expect([...valuesAt([update], given)[0]]).toEqual([3, 10]);
  });

  it('make a plain mean of all batches so far', () => {
    expect([...valuesAt([cumulativeMean(observation, count)[1]], given)[0]]).toEqual([3, 10]);
  });
});
