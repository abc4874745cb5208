/** Every derivative, first and second order, against finite differences; and the rules of `grad` itself. */
import { describe, expect, it } from 'vitest';
import {
  add,
  cast,
  constant,
  div,
  erf,
  exp,
  grad,
  gt,
  hostRandom,
  type HostRandom,
  input,
  log,
  matmul,
  maximum,
  mul,
  neg,
  type Node,
  pow,
  reduceMax,
  reduceSum,
  reshape,
  slice,
  stopGradient,
  sub,
  tanh,
  topologicalOrder,
  withScope,
} from '../../src/tensor/index.js';
import { expectGradient, valuesAt } from './helpers/expect-gradient.js';
import { type CaseName, cases, type GraphCase, type GraphInput, type MakeCase } from './helpers/random-graph.js';
import { seeds, uniformValues } from './helpers/random-values.js';

/** Cases whose derivative finite differences cannot see, each with the reason. */
const leftOut: Partial<Record<CaseName, string>> = {
  stop_gradient: 'its derivative is zero by definition',
  'reduce_max with ties': 'a corner',
  'pad with minus infinity': 'its projection is infinite',
  'pool_max_gather with ties': 'a corner',
  'pool_max_scatter with ties': 'a jump',
};

/** Cases that have nothing of float32 to differentiate, or to differentiate by. */
const withoutDerivative: Partial<Record<CaseName, string>> = {
  constant: 'depends on nothing',
  iota: 'depends on nothing',
  random_bits: 'whole numbers of whole numbers',
  'unary not': 'of bools',
  'binary and': 'of whole numbers',
  'binary or': 'of whole numbers',
  'binary xor': 'of whole numbers',
  'binary shl': 'of whole numbers',
  'binary shr': 'of whole numbers',
  'compare eq': 'gives bools',
  'compare ne': 'gives bools',
  'compare lt': 'gives bools',
  'compare le': 'gives bools',
  'compare gt': 'gives bools',
  'compare ge': 'gives bools',
  cast: 'to or from whole numbers',
  argmax: 'gives whole numbers',
  'argmax with ties': 'gives whole numbers',
};

/** A case of float32 with something to differentiate by, or undefined where there is none. */
function differentiableCase(make: MakeCase, random: HostRandom): GraphCase | undefined {
  for (let attempt = 0; attempt < 60; attempt++) {
    const made = make(random, 48);
    if (made.output.dtype === 'f32' && made.inputs.some((i) => i.node.dtype === 'f32')) return made;
  }
  return undefined;
}

describe('the first and second derivative is that of finite differences', () => {
  for (const [name, make] of Object.entries(cases)) {
    if (name in leftOut || name in withoutDerivative) continue;
    it(name, () => {
      for (const seed of seeds(25)) {
        const random = hostRandom(seed, name);
        const made = differentiableCase(make, random);
        if (!made) throw new Error(`seed ${seed}: nothing to differentiate, and no reason given why`);
        try {
          expectGradient(made.output, made.inputs, random);
        } catch (error) {
          const message = error instanceof Error ? error.message : error;
          throw new Error(`seed ${seed}: ${made.name}: ${message}`, { cause: error });
        }
      }
    });
  }
});

it.each(Object.keys(withoutDerivative) as CaseName[])('%s has no derivative', (name) => {
  for (const seed of seeds(25)) {
    const made = differentiableCase(cases[name], hostRandom(seed, name));
    expect(made?.name, `seed ${seed} has one, and is not tested`).toBeUndefined();
  }
});

const of = (name: string, shape: readonly number[], values: readonly number[]): GraphInput => ({ node: input(name, shape), values }); // prettier-ignore
const gradients = (loss: Node, variables: readonly GraphInput[], given = variables): number[][] =>
  valuesAt(grad(loss, variables.map((v) => v.node)), given).map((v) => [...v]); // prettier-ignore

describe('expectGradient', () => {
  it('notices a first derivative that is wrong', () => {
    const x = of('x', [3], [0.5, -1, 2]);
    expect(() => expectGradient(mul(x.node, stopGradient(x.node)), [x])).toThrow(/first derivative with respect to x in element 0: grad gives .*, finite differences/); // prettier-ignore
  });

  it('notices a second derivative that is wrong', () => {
    const x = of('x', [3], [0.5, -1, 2]);
    // x^3 / 3 with the derivative x * stop(x): right to first order only.
    const frozen = stopGradient(x.node);
    const cube = div(mul(frozen, mul(frozen, frozen)), 3);
    const y = add(cube, mul(mul(frozen, frozen), sub(x.node, frozen)));
    const [first] = gradients(reduceSum(y), [x]);
    expect(first).toEqual([0.25, 1, 4]);
    expect(() => expectGradient(y, [x])).toThrow('second derivative with respect to x');
  });
});

describe('composed expressions have the right first and second derivative', () => {
  const random = hostRandom(7, 'composed');
  const draw = (name: string, shape: readonly number[], low = -1, high = 1): GraphInput => of(name, shape, uniformValues(random, shape, low, high)); // prettier-ignore

  it('softmax cross-entropy of a dense layer', () => {
    const x = draw('x', [4, 3]);
    const w = draw('w', [3, 5]);
    const b = draw('b', [5]);
    const target = draw('target', [4, 5]);
    const logits = add(matmul(x.node, w.node), b.node);
    const shifted = sub(logits, reshape(stopGradient(reduceMax(logits, 1)), [4, 1]));
    const logSoftmax = sub(shifted, reshape(log(reduceSum(exp(shifted), 1)), [4, 1]));
    expectGradient(neg(reduceSum(mul(logSoftmax, target.node), 1)), [x, w, b, target]);
  });

  it('normalization by mean and variance', () => {
    const x = draw('x', [6, 4]);
    const centered = sub(x.node, div(reduceSum(x.node, 0), 6));
    const variance = div(reduceSum(mul(centered, centered), 0), 6);
    expectGradient(mul(centered, pow(add(variance, 1e-3), -0.5)), [x]);
  });

  it('GELU and an attention-like product of one tensor with itself', () => {
    const x = draw('x', [3, 4]);
    const gelu = mul(mul(x.node, 0.5), add(erf(div(x.node, Math.SQRT2)), 1));
    expectGradient(matmul(tanh(gelu), reshape(gelu, [4, 3])), [x]);
  });
});

describe('grad', () => {
  const x = of('x', [2], [3, -2]);

  it('is one for the loss itself and zero for what the loss does not depend on', () => {
    const scalar = of('s', [], [5]);
    const other = of('other', [2, 2], [1, 2, 3, 4]);
    const [one] = gradients(scalar.node, [scalar]);
    const [none] = gradients(scalar.node, [other], [scalar, other]);
    expect(one).toEqual([1]);
    expect(none).toEqual([0, 0, 0, 0]);
  });

  it('is zero through a slice of nothing', () => {
    expect(gradients(reduceSum(slice(x.node, [1], [1], [3])), [x])).toEqual([[0, 0]]);
  });

  it('stops at stop_gradient, and passes beside it', () => {
    const loss = reduceSum(mul(x.node, stopGradient(mul(x.node, x.node))));
    expect(gradients(loss, [x])).toEqual([[9, 4]]);
    expect(gradients(reduceSum(stopGradient(x.node)), [x])).toEqual([[0, 0]]);
  });

  it('sums over all uses of a shared node', () => {
    const square = mul(x.node, x.node);
    expect(gradients(reduceSum(add(mul(square, square), square)), [x])).toEqual([[4 * 27 + 6, -4 * 8 - 4]]);
    expect(gradients(reduceSum(add(x.node, x.node)), [x])).toEqual([[2, 2]]);
    expect(gradients(reduceSum(sub(x.node, x.node)), [x])).toEqual([[0, 0]]);
  });

  it('differentiates by a node in the middle, whatever it was computed from', () => {
    const middle = mul(x.node, 2);
    const [byMiddle, byInput] = valuesAt(grad(reduceSum(mul(middle, middle)), [middle, x.node]), [x]);
    expect([...byMiddle]).toEqual([12, -8]);
    expect([...byInput]).toEqual([24, -16]);
  });

  it('is partial in nodes that are held, whatever these were computed from', () => {
    const [a, b] = [of('held.a', [], [3]), of('held.b', [], [5])];
    const made = mul(a.node, b.node);
    const loss = mul(made, a.node);
    expect(valuesAt(grad(loss, [a.node]), [a, b])[0][0]).toBe(2 * 3 * 5);
    expect(valuesAt(grad(loss, [a.node, made], undefined, new Set([made])), [a, b]).map(([v]) => v)).toEqual([15, 3]);
  });

  it('leaves constants and integer paths alone', () => {
    const mask = cast(gt(x.node, 0), 'f32');
    expect(gradients(reduceSum(mul(constant([2, 5], [2]), mul(mask, x.node))), [x])).toEqual([[2, 0]]);
    expect(gradients(reduceSum(constant(4, [3])), [x])).toEqual([[0, 0]]);
    expect(gradients(reduceSum(cast(cast(x.node, 'i32'), 'f32')), [x])).toEqual([[0, 0]]);
  });

  it('takes a cotangent in place of the seed 1', () => {
    const [g] = grad(mul(x.node, x.node), [x.node], constant([10, 100], [2]));
    expect([...valuesAt([g], [x])[0]]).toEqual([60, -400]);
  });

  it('refuses a loss that is no scalar', () => {
    expect(() => grad(x.node, [x.node])).toThrow('grad needs a scalar, got shape [2]');
  });

  it('gives each tie of maximum to the first operand and shares those of reduceMax', () => {
    const tied = of('tied', [3], [0, 0, -1]);
    expect(gradients(reduceSum(maximum(tied.node, 0)), [tied])).toEqual([[1, 1, 0]]);
    expect(gradients(reduceSum(maximum(0, tied.node)), [tied])).toEqual([[0, 0, 0]]);
    expect(gradients(reduceMax(tied.node), [tied])).toEqual([[0.5, 0.5, 0]]);
  });

  it('has no derivative by the exponent where the base is zero', () => {
    const base = of('base', [2], [0, 2]);
    const exponent = of('exponent', [2], [3, 3]);
    const [byBase, byExponent] = gradients(reduceSum(pow(base.node, exponent.node)), [base, exponent]);
    expect(byBase).toEqual([0, 12]);
    expect(byExponent[0]).toBe(0);
    expect(byExponent[1]).toBeCloseTo(8 * Math.log(2), 12);
  });

  it('works to third order', () => {
    const s = of('s', [], [2]);
    const fifth = pow(s.node, 5);
    const [first] = grad(fifth, [s.node]);
    const [second] = grad(first, [s.node]);
    const [third] = grad(second, [s.node]);
    expect(valuesAt([first, second, third], [s]).map((v) => v[0])).toEqual([80, 160, 240]);
  });

  it('differentiates a chain of 10,000 nodes twice', () => {
    const s = of('s', [], [0.5]);
    let y: Node = s.node;
    for (let i = 0; i < 5000; i++) y = add(mul(y, 0.999), 0.001);
    const [first] = grad(mul(y, y), [s.node]);
    const [second] = grad(first, [s.node]);
    expect(valuesAt([second], [s])[0][0]).toBeCloseTo(2 * 0.999 ** 10000, 10);
  });

  it('attributes derivatives to the layer of the node that they belong to', () => {
    const s = input('scoped', [4]);
    const y = withScope('layers.0 (dense)', () => tanh(mul(s, 3.25)));
    const before = new Set(topologicalOrder([y]));
    const added = topologicalOrder(grad(reduceSum(mul(y, y)), [s])).filter((n) => !before.has(n));
    expect(added.map((n) => n.scope)).toContain('layers.0 (dense) gradient');
  });
});
