/** Small networks written as in a config, evaluated in float64 with given or simple values. */
import { expect } from 'vitest';
import { evaluate, hostRandom, input, type Node, type Shape, sizeOf } from '../../../src/tensor/index.js';
import { initSchema } from '../../../src/nn/initializers.js';
import { modelSchema, traceModel, type TracedModel } from '../../../src/nn/model.js';
import { RandomSource } from '../../../src/nn/random-source.js';
import { type Variables, VariableStore } from '../../../src/nn/variables.js';
import { expectGradient } from '../../tensor/helpers/expect-gradient.js';
import { separatedValues } from '../../tensor/helpers/random-values.js';

export interface Network {
  readonly x: Node;
  readonly random: RandomSource;
  readonly model: TracedModel;
}

export interface NetworkOptions {
  readonly batch?: number;
  readonly training?: boolean;
  readonly stochastic?: boolean;
  readonly init?: unknown;
  /** Default: its own. */
  readonly variables?: Variables;
}

/** A network of layers as they are written in YAML, on samples of the given shape. */
export function network(
  layers: readonly unknown[],
  sample: Shape,
  { batch = 1, training = true, stochastic, init = {}, variables = new VariableStore() }: NetworkOptions = {},
): Network {
  const x = input('x', [batch, ...sample]);
  const random = new RandomSource();
  const options = { training, stochastic, random, init: initSchema.parse(init) };
  return { x, random, model: traceModel(modelSchema.parse({ layers }), x, variables, options) };
}

/** Equal to seven digits after the point. */
export function expectValues(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(actual[i], `element ${i}`).toBeCloseTo(value, 7));
}

/** sin(a * i + b): numbers that another program repeats in one line. */
export const wave = (length: number, a: number, b: number): number[] =>
  Array.from({ length }, (_, i) => Math.sin(a * i + b));

/**
 * Values by the last part of the input's name. The expected numbers of the layer tests were computed by PyTorch 1.13 in float64
 * from these, in our layout (NHWC images, HWIO weights), transposed for PyTorch and back; `same` was padded by hand.
 */
const usual: Record<string, (length: number) => number[]> = {
  x: (n) => wave(n, 0.37, 0.11),
  weight: (n) => wave(n, 0.53, 0.2),
  bias: (n) => wave(n, 0.71, 0.3),
};

/** Values of `nodes`; inputs take `given` by name, or what is usual for x, weight and bias. `rng` is the random key. */
export function valuesOf(nodes: readonly Node[], given: Readonly<Record<string, readonly number[]>> = {}): number[][] {
  const results = evaluate(nodes, (node) => {
    const { name } = node.attrs;
    const values = given[name] ?? usual[name.slice(name.lastIndexOf('.') + 1)]?.(sizeOf(node.shape));
    if (values === undefined) throw new Error(`input ${name} was given no values`);
    return node.dtype === 'u32' ? Uint32Array.from(values) : Float64Array.from(values);
  });
  return results.map((r) => [...r]);
}

export const outputOf = ({ model }: Network, given?: Readonly<Record<string, readonly number[]>>): number[] =>
  valuesOf([model.output], given)[0];

/** First and second derivatives with respect to the input and all parameters. All values differ, away from kinks. */
export function expectDerivatives({ x, random: source, model }: Network): void {
  const nodes = [x, ...model.parameters.map((p) => p.node)];
  const random = hostRandom(7, 'derivatives');
  const inputs = nodes.map((node) => ({ node, values: separatedValues(random, node.shape) }));
  const states = model.states.map(({ node }) => ({
    node,
    values: separatedValues(random, node.shape).map((v) => v * v + 0.5),
  }));
  expectGradient(model.output, [...inputs, ...states, { node: source.key, values: [1, 2] }]);
}
