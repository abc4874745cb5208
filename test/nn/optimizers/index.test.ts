import { describe, expect, it } from 'vitest';
import { applyOptimizer, slotsPerWeight } from '../../../src/nn/optimizers/apply.js';
import { type OptimizerConfig, optimizerOf, optimizers, optimizerSchema } from '../../../src/nn/optimizers/index.js';
import { add, constant, div, evaluate, grad, input, matmul, mul, type Node, reduceSum, referenceBackend, sub, tanh, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore
import { valuesAt } from '../../tensor/helpers/expect-gradient.js';
import { float32ValuesAt } from '../helpers/float32.js';
import { difference, given, golden } from '../helpers/golden.js';

interface OptimizerCase {
  optimizer: string;
  params: Record<string, unknown>;
  factors: number[];
  steps: { loss: number; weight: number[]; bias: number[] }[];
}
interface OptimizerGolden {
  x: number[];
  y: number[];
  weight: number[];
  bias: number[];
  cases: OptimizerCase[];
}
const problem = golden<OptimizerGolden>('optimizers');

const parse = (name: string, params: object = {}): OptimizerConfig => optimizerSchema.parse({ [name]: params });

/** Runs `config` on the problem of the golden file and returns the loss and weights of every step. */
function train(config: OptimizerConfig, factors: readonly number[]): OptimizerCase['steps'] {
  const [weight, bias, rate, step] = [
    input('weight', [3, 2]),
    input('bias', [2]),
    input('rate', []),
    input('step', []),
  ];
  const residual = sub(tanh(add(matmul(constant(problem.x, [6, 3]), weight), bias)), constant(problem.y, [6, 2]));
  const loss = div(reduceSum(mul(residual, residual)), 12);
  const gradients = grad(loss, [weight, bias]);
  const session = referenceBackend.open({ threads: 1 });
  const due = [weight, bias].map((node, i) => ({
    name: String(i),
    node,
    gradient: gradients[i],
    rate,
    params: config,
  }));
  const result = applyOptimizer(config, due, step, (name, shape, initial) => {
    const node = input(name, shape);
    session.write(node, session.read(node).fill(initial));
    return node;
  });
  const updates = [...due.map(({ node }, i): [Node, Node] => [node, result.parameters[i]]), ...result.slots];
  const executable = session.compile({ name: 'step', outputs: [loss], updates });
  session.write(weight, problem.weight);
  session.write(bias, problem.bias);
  return factors.map((factor, t) => {
    session.write(rate, [config.lr * factor]);
    session.write(step, [t + 1]);
    executable.run();
    return { loss: executable.output(0)[0], weight: [...session.read(weight)], bias: [...session.read(bias)] };
  });
}

describe('optimizers', () => {
  it('has a golden trajectory for each', () => {
    expect(new Set(problem.cases.map((c) => c.optimizer))).toEqual(new Set(Object.keys(optimizers)));
  });

  it.each(problem.cases.map((c) => ({ ...c, title: `${c.optimizer} ${JSON.stringify(c.params)}` })))(
    '$title takes the ten steps of PyTorch, or of its paper',
    ({ optimizer, params, factors, steps }) => {
      train(parse(optimizer, params), factors).forEach((step, t) => {
        expect(Math.abs(step.loss - steps[t].loss), `loss of step ${t + 1}`).toBeLessThan(1e-9);
        expect(difference(step.weight, steps[t].weight), `weights after step ${t + 1}`).toBeLessThan(1e-9);
        expect(difference(step.bias, steps[t].bias), `bias after step ${t + 1}`).toBeLessThan(1e-9);
      });
    },
  );

  it.each(Object.keys(optimizers))('%s does not move the weights at a rate of zero', (name) => {
    const [first] = train(parse(name, { lr: 0 }), [1]);
    expect(first.weight).toEqual(problem.weight);
  });

  it.each(Object.keys(optimizers))('%s stays finite where the gradient is always zero', (name) => {
    const config = parse(name);
    const [node, gradient, rate] = [constant(1, [3]), constant(0, [3]), constant(config.lr)];
    for (const t of [1, 2, 7, 100_000]) {
      const due = [{ name: 'w', node, gradient, rate, params: config }];
      const result = applyOptimizer(config, due, constant(t), (_, shape, initial) => constant(initial, shape));
      const nodes = [...result.parameters, ...result.slots.map(([, value]) => value)];
      const values = evaluate(nodes, () => new Float64Array());
      expect(values.every((v) => [...v].every(Number.isFinite))).toBe(true);
    }
  });

  it.each(
    problem.cases
      .filter((c) => c.optimizer !== 'lbfgs')
      .map((c) => ({ ...c, title: `${c.optimizer} ${JSON.stringify(c.params)}` })),
  )('$title keeps the digits of its step in float32, early and late in a run', ({ optimizer: name, params }) => {
    const config = parse(name, params);
    const optimizer = optimizerOf(config);
    if (optimizer.kind === 'joint') throw new Error('its slots are histories');
    const slots = Object.keys(optimizer.state(config));
    // Weights of zero, so that the result is the step itself; running means whose squares are below the mean square.
    const [parameter, gradient] = [given('w', [3], [0, 0, 0]), given('g', [3], [0.3, -0.02, 1.5])];
    const state = slots.map((slot, k) => given(slot, [3], [0.25, 0.5, 0.125].map((v) => v * (slot === 'mean' ? 0.1 : 1 + k)))); // prettier-ignore
    for (const t of [1, 2, 3, 4, 5, 6, 7, 20, 200, 5000, 1_000_000]) {
      const [rate, step] = [given('rate', [], [0.01]), given('step', [], [t])];
      const result = optimizer.update({
        parameter: parameter.node,
        gradient: gradient.node,
        state: Object.fromEntries(state.map(({ node }, k) => [slots[k], node])),
        rate: rate.node,
        step: step.node,
        params: config,
      });
      const inputs = [parameter, gradient, ...state, rate, step];
      const [rounded] = float32ValuesAt([result.parameter], inputs);
      const [exact] = valuesAt([result.parameter], inputs);
      exact.forEach((e, i) => {
        expect(Math.abs(rounded[i] - e), `step ${t}`).toBeLessThan(2e-5 * Math.abs(e) + 1e-12);
      });
    }
  });

  it('starts from the defaults of PyTorch', () => {
    expect(parse('adam')).toEqual({ type: 'adam', lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, amsgrad: false }); // prettier-ignore
    expect(optimizerSchema.parse('sgd')).toEqual({ type: 'sgd', lr: 0.01, momentum: 0, dampening: 0, nesterov: false, weight_decay: 0 }); // prettier-ignore
  });

  it('keeps no slot that nothing reads', () => {
    const slots = (config: OptimizerConfig): string[] => {
      const optimizer = optimizerOf(config);
      return Object.keys(optimizer.kind === 'each' ? optimizer.state(config) : optimizer.slots(config, [2]));
    };
    expect(slots(parse('sgd'))).toEqual([]);
    expect(slots(parse('sgd', { momentum: 0.9 }))).toEqual(['momentum']);
    expect(slots(parse('adam'))).toEqual(['mean', 'square']);
    expect(slots(parse('rmsprop', { centered: true }))).toEqual(['square', 'mean']);
  });

  it('lbfgs keeps its history beside the weights, twice, with the last gradient and step', () => {
    expect(slotsPerWeight(parse('lbfgs', { history_size: 7 }))).toBe(16);
    expect(slotsPerWeight(parse('adam'))).toBe(2);
  });

  it('lbfgs reaches the minimum of a quadratic function in few steps, where gradient descent creeps', () => {
    // f(w) = (w0^2 + 30 w1^2) / 2 from (1, 1), in float32 on the compiled backend.
    const session = wasmBackend.open({ threads: 1 });
    const w = input('w', [2]);
    const loss = reduceSum(mul(mul(w, w), constant([0.5, 15], [2])));
    const config = parse('lbfgs');
    const due = [{ name: 'w', node: w, gradient: grad(loss, [w])[0], rate: constant(1), params: config }];
    const result = applyOptimizer(config, due, constant(1), (name, shape) => input(`slot.${name}`, shape));
    const executable = session.compile({ name: 'step', outputs: [loss], updates: [[w, result.parameters[0]], ...result.slots] }); // prettier-ignore
    session.write(w, [1, 1]);
    for (let step = 0; step < 12; step++) executable.run();
    expect(executable.output(0)[0]).toBeLessThan(1e-10);
    session.close();
  });

  it('refuses what cannot work', () => {
    expect(optimizerSchema.safeParse({ sgd: { nesterov: true } }).error?.issues[0].path).toEqual(['nesterov']);
    expect(optimizerSchema.safeParse({ adam: { betas: [0.9, 1] } }).success).toBe(false);
    expect(optimizerSchema.safeParse({ adam: { lr: -1 } }).success).toBe(false);
    expect(optimizerSchema.safeParse({ rprop: { step_sizes: [1, 0.1] } }).success).toBe(false);
    expect(optimizerSchema.safeParse({ adam: { momentum: 0.9 } }).success).toBe(false);
  });

  it('muon takes the same step for a matrix and its transpose, longer where there are more outputs', () => {
    const config = parse('muon', { lr: 1, nesterov: false, momentum: 0 });
    const gradients = [constant([1, 2, 3, -4, 5, -6], [2, 3]), constant([1, -4, 2, 5, 3, -6], [3, 2])];
    const [wide, tall] = gradients.map((gradient) => {
      const optimizer = optimizerOf(config);
      if (optimizer.kind === 'joint') throw new Error('muon updates each tensor by itself');
      const { parameter } = optimizer.update({
        parameter: constant(0, gradient.shape),
        gradient,
        state: { mean: constant(0, gradient.shape) },
        rate: constant(1),
        step: constant(1),
        params: config,
      });
      return [...evaluate([parameter], () => new Float64Array())[0]];
    });
    [0, 3, 1, 4, 2, 5].forEach((at, i) => expect(tall[i]).toBeCloseTo(wide[at] / Math.sqrt(3 / 2), 9));
    // Singular values near 1: the rows of the small side are nearly orthonormal.
    const rows = [[0, 1, 2], [3, 4, 5]].map((row) => row.map((i) => wide[i] / Math.sqrt(3 / 2))); // prettier-ignore
    const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * b[i], 0);
    expect(Math.abs(dot(rows[0], rows[1]))).toBeLessThan(0.3);
    for (const row of rows) expect(Math.abs(Math.hypot(...row) - 1)).toBeLessThan(0.3);
  });
});
