import { describe, expect, it } from 'vitest';
import { type Hyperparameters, type Named, type OptimizerConfig, optimizerOf, optimizers, optimizerSchema, statePerWeight } from '../../../src/nn/optimizers/index.js'; // prettier-ignore
import { add, constant, div, evaluate, grad, input, matmul, mul, type Node, reduceSum, referenceBackend, sub, tanh, topologicalOrder, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore
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

const mapped = <T, U>(named: Named<T>, f: (value: T, name: string) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(named).map(([name, value]) => [name, f(value, name)]));
const initialState = (config: OptimizerConfig, shapes: Named<readonly number[]>): Named<Node> =>
  mapped(optimizerOf(config).init(config, shapes), ({ shape, initial }) => constant(initial, shape));

type Steered = Hyperparameters<OptimizerConfig>;

/** The hyperparameter called `rate`, `momentum` or `betas.1`. */
function valueAt(hyperparameters: Steered, key: string): number {
  const [name, i] = key.split('.');
  const value = (hyperparameters as unknown as Record<string, number | readonly number[]>)[name];
  return typeof value === 'number' ? value : value[Number(i)];
}

/** `hyperparameters` with nodes in the place of those called `keys`. */
function withNodes(hyperparameters: Steered, keys: readonly string[], nodes: readonly Node[]): Steered {
  const replaced: Record<string, unknown> = { ...hyperparameters };
  keys.forEach((key, n) => {
    const [name, i] = key.split('.');
    replaced[name] = i === undefined ? nodes[n] : Object.assign([...(replaced[name] as Node[])], { [i]: nodes[n] });
  });
  return replaced as unknown as Steered;
}

/** Runs `config` on the problem of the golden file and returns the loss and weights of every step. */
async function train(config: OptimizerConfig, factors: readonly number[]): Promise<OptimizerCase['steps']> {
  const [weight, bias] = [input('weight', [3, 2]), input('bias', [2])];
  const [rate, step] = [input('rate', []), input('step', [])];
  const parameters = { weight, bias };
  const residual = sub(tanh(add(matmul(constant(problem.x, [6, 3]), weight), bias)), constant(problem.y, [6, 2]));
  const loss = div(reduceSum(mul(residual, residual)), 12);
  const gradients = grad(loss, [weight, bias]);
  const session = referenceBackend.open({ threads: 1 });
  const optimizer = optimizerOf(config);
  const specs = optimizer.init(config, { weight: [3, 2], bias: [2] });
  const state = mapped(specs, ({ shape }, name) => input(name, shape));
  for (const [name, { initial }] of Object.entries(specs)) {
    session.write(state[name], (await session.read(state[name])).fill(initial));
  }
  const result = optimizer.update(
    { weight: gradients[0], bias: gradients[1] },
    state,
    parameters,
    mapped(parameters, () => ({ ...config, rate })),
    step,
  );
  const updates = [
    ...Object.entries(parameters).map(([name, node]): [Node, Node] => [node, result.parameters[name]]),
    ...Object.entries(state).map(([name, node]): [Node, Node] => [node, result.state[name]]),
  ];
  const executable = session.compile({ name: 'step', outputs: [loss], updates });
  session.write(weight, problem.weight);
  session.write(bias, problem.bias);
  const steps: OptimizerCase['steps'] = [];
  for (const [t, factor] of factors.entries()) {
    session.write(rate, [config.lr * factor]);
    session.write(step, [t + 1]);
    executable.run();
    const [[loss]] = await executable.read();
    steps.push({ loss, weight: [...(await session.read(weight))], bias: [...(await session.read(bias))] });
  }
  return steps;
}

describe('optimizers', () => {
  it('has a golden trajectory for each', () => {
    expect(new Set(problem.cases.map((c) => c.optimizer))).toEqual(new Set(Object.keys(optimizers)));
  });

  it.each(problem.cases.map((c) => ({ ...c, title: `${c.optimizer} ${JSON.stringify(c.params)}` })))(
    '$title takes the ten steps of PyTorch, or of its paper',
    async ({ optimizer, params, factors, steps }) => {
      (await train(parse(optimizer, params), factors)).forEach((step, t) => {
        expect(Math.abs(step.loss - steps[t].loss), `loss of step ${t + 1}`).toBeLessThan(1e-9);
        expect(difference(step.weight, steps[t].weight), `weights after step ${t + 1}`).toBeLessThan(1e-9);
        expect(difference(step.bias, steps[t].bias), `bias after step ${t + 1}`).toBeLessThan(1e-9);
      });
    },
  );

  it.each(Object.keys(optimizers))('%s does not move the weights at a rate of zero', async (name) => {
    const [first] = await train(parse(name, { lr: 0 }), [1]);
    expect(first.weight).toEqual(problem.weight);
  });

  it.each(Object.keys(optimizers))('%s stays finite where the gradient is always zero', (name) => {
    const config = parse(name);
    const state = initialState(config, { w: [3] });
    for (const t of [1, 2, 7, 100_000]) {
      const hyperparameters = { w: { ...config, rate: config.lr } };
      const [w, gradient] = [constant(1, [3]), constant(0, [3])];
      const result = optimizerOf(config).update({ w: gradient }, state, { w }, hyperparameters, constant(t));
      const nodes = [...Object.values(result.parameters), ...Object.values(result.state)];
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
    const slots = Object.keys(optimizer.init(config, { w: [3] }));
    // Weights of zero, so that the result is the step itself; running means whose squares are below the mean square.
    const [parameter, gradient] = [given('w', [3], [0, 0, 0]), given('g', [3], [0.3, -0.02, 1.5])];
    const state = slots.map((slot, k) => given(slot, [3], [0.25, 0.5, 0.125].map((v) => v * (slot === 'mean.w' ? 0.1 : 1 + k)))); // prettier-ignore
    for (const t of [1, 2, 3, 4, 5, 6, 7, 20, 200, 5000, 1_000_000]) {
      const [rate, step] = [given('rate', [], [0.01]), given('step', [], [t])];
      const result = optimizer.update(
        { w: gradient.node },
        Object.fromEntries(state.map(({ node }, k) => [slots[k], node])),
        { w: parameter.node },
        { w: { ...config, rate: rate.node } },
        step.node,
      );
      const inputs = [parameter, gradient, ...state, rate, step];
      const [rounded] = float32ValuesAt([result.parameters.w], inputs);
      const [exact] = valuesAt([result.parameters.w], inputs);
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
    const slots = (config: OptimizerConfig) => Object.keys(optimizerOf(config).init(config, { w: [2] }));
    expect(slots(parse('sgd'))).toEqual([]);
    expect(slots(parse('sgd', { momentum: 0.9 }))).toEqual(['momentum.w']);
    expect(slots(parse('adam'))).toEqual(['mean.w', 'square.w']);
    expect(slots(parse('rmsprop', { centered: true }))).toEqual(['square.w', 'mean.w']);
  });

  it('lbfgs keeps its history beside the weights, twice, with the last gradient and step', () => {
    expect(statePerWeight(parse('lbfgs', { history_size: 7 }))).toBe(16);
    expect(statePerWeight(parse('adam'))).toBe(2);
  });

  it('lbfgs reaches the minimum of a quadratic function in few steps, where gradient descent creeps', async () => {
    // f(w) = (w0^2 + 30 w1^2) / 2 from (1, 1), in float32 on the compiled backend.
    const session = wasmBackend.open({ threads: 1 });
    const w = input('w', [2]);
    const loss = reduceSum(mul(mul(w, w), constant([0.5, 15], [2])));
    const config = parse('lbfgs');
    const optimizer = optimizerOf(config);
    const state = mapped(optimizer.init(config, { w: [2] }), ({ shape }, name) => input(name, shape));
    const hyperparameters = { w: { ...config, rate: 1 } };
    const result = optimizer.update({ w: grad(loss, [w])[0] }, state, { w }, hyperparameters, constant(1));
    const updates = Object.entries(state).map(([name, node]): [Node, Node] => [node, result.state[name]]);
    const executable = session.compile({
      name: 'step',
      outputs: [loss],
      updates: [[w, result.parameters.w], ...updates],
    });
    session.write(w, [1, 1]);
    for (let step = 0; step < 12; step++) executable.run();
    expect((await executable.read())[0][0]).toBeLessThan(1e-10);
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
      const { parameters } = optimizerOf(config).update(
        { w: gradient },
        initialState(config, { w: gradient.shape }),
        { w: constant(0, gradient.shape) },
        { w: { ...config, rate: 1 } },
        constant(1),
      );
      return [...evaluate([parameters.w], () => new Float64Array())[0]];
    });
    [0, 3, 1, 4, 2, 5].forEach((at, i) => expect(tall[i]).toBeCloseTo(wide[at] / Math.sqrt(3 / 2), 9));
    // Singular values near 1: the rows of the small side are nearly orthonormal.
    const rows = [[0, 1, 2], [3, 4, 5]].map((row) => row.map((i) => wide[i] / Math.sqrt(3 / 2))); // prettier-ignore
    const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * b[i], 0);
    expect(Math.abs(dot(rows[0], rows[1]))).toBeLessThan(0.3);
    for (const row of rows) expect(Math.abs(Math.hypot(...row) - 1)).toBeLessThan(0.3);
  });

  /** Hyperparameters as tensors with an entry for each weight, so that one of a layer or of the run is covered too. */
  const differentiated: [name: string, params: object, keys: string[]][] = [
    ['sgd', { momentum: 0.9 }, ['rate', 'momentum']],
    ['sgd', { momentum: 0.8, nesterov: true, weight_decay: 0.1 }, ['rate', 'momentum', 'weight_decay']],
    ['sgd', { momentum: 0.8, dampening: 0.3 }, ['momentum', 'dampening']],
    ['adam', { weight_decay: 0.1, eps: 0.01 }, ['rate', 'betas.0', 'betas.1', 'eps', 'weight_decay']],
    ['adam', { amsgrad: true }, ['rate', 'betas.0', 'betas.1']],
    ['adamw', { weight_decay: 0.2, eps: 0.01 }, ['rate', 'betas.0', 'betas.1', 'eps', 'weight_decay']],
    ['rmsprop', { momentum: 0.5, centered: true, weight_decay: 0.1, eps: 0.01 }, ['rate', 'alpha', 'momentum', 'eps', 'weight_decay']], // prettier-ignore
    ['adagrad', { weight_decay: 0.1, eps: 0.01 }, ['rate', 'weight_decay', 'eps']],
    ['adadelta', { weight_decay: 0.1, eps: 0.01 }, ['rate', 'rho', 'weight_decay', 'eps']],
    ['lion', { weight_decay: 0.1 }, ['rate', 'weight_decay']],
    ['adamax', { weight_decay: 0.1, eps: 0.01 }, ['rate', 'betas.0', 'betas.1', 'eps', 'weight_decay']],
    ['nadam', { weight_decay: 0.1, eps: 0.01 }, ['rate', 'betas.0', 'betas.1', 'eps', 'weight_decay']],
    [
      'radam',
      { weight_decay: 0.1, eps: 0.01, betas: [0.9, 0.99] },
      ['rate', 'betas.0', 'betas.1', 'eps', 'weight_decay'],
    ],
    ['lamb', { weight_decay: 0.1, eps: 0.01 }, ['rate', 'betas.0', 'betas.1', 'eps', 'weight_decay']],
    ['muon', { weight_decay: 0.1, eps: 0.01 }, ['rate', 'betas.0', 'betas.1', 'eps', 'weight_decay']],
    ['rprop', {}, ['rate']],
  ];
  it.each(differentiated)(
    '%s %j: the derivatives of the weights after eight steps with respect to %j agree with finite differences',
    (name, params, keys) => {
      const config = parse(name, params);
      const optimizer = optimizerOf(config);
      const values = keys.map((key) => valueAt({ ...config, rate: 0.02 }, key));
      /** The sum of the weights after eight steps down sum(w^4) / 4. */
      const trained = (nodes: readonly Node[]): Node => {
        const hyperparameters = { w: withNodes({ ...config, rate: 0.02 }, keys, nodes) };
        let parameters: Named<Node> = { w: constant([0.5, -1, 0.25], [3]) };
        let state = initialState(config, { w: [3] });
        for (let t = 1; t <= 8; t++) {
          const gradients = { w: mul(parameters.w, mul(parameters.w, parameters.w)) };
          ({ parameters, state } = optimizer.update(gradients, state, parameters, hyperparameters, constant(t)));
        }
        return reduceSum(parameters.w);
      };
      const inputs = keys.map((key) => input(key, [3]));
      const result = trained(inputs);
      const at = (point: readonly number[], roots: readonly Node[]) =>
        evaluate(roots, (node) => new Float64Array(3).fill(point[inputs.indexOf(node)]));
      const derivatives = at(values, grad(result, inputs)).map(([x, y, z]) => x + y + z);
      keys.forEach((key, n) => {
        const step = 1e-5 * Math.max(values[n], 1e-3);
        const [above, below] = [step, -step].map((by) => at(values.map((v, k) => (k === n ? v + by : v)), [result])[0][0]); // prettier-ignore
        const slope = (above - below) / (2 * step);
        expect(Math.abs(slope), key).toBeGreaterThan(1e-8);
        expect(Math.abs(derivatives[n] - slope), `${key}: ${derivatives[n]}, ${slope}`).toBeLessThan(1e-5 * Math.abs(slope) + 1e-9); // prettier-ignore
      });
    },
  );

  it('a hyperparameter of one parameter leaves the others as they are', () => {
    const config = parse('adamw');
    const parameters = { a: constant(1, [2]), b: constant(1, [2]) };
    const own = { a: { ...config, rate: 0.1 }, b: { ...config, rate: 0.1, weight_decay: 0 } };
    const state = initialState(config, { a: [2], b: [2] });
    const result = optimizerOf(config).update(parameters, state, parameters, own, constant(1));
    const [a, b] = evaluate([result.parameters.a, result.parameters.b], () => new Float64Array());
    expect(b[0] - a[0]).toBeCloseTo(0.1 * 0.01, 12);
  });

  it('with numbers the graph holds no arithmetic on hyperparameters', () => {
    const config = parse('adam');
    const parameters = { w: input('w', [3]) };
    const { parameters: updated } = optimizerOf(config).update({ w: input('g', [3]) }, initialState(config, { w: [3] }), parameters, { w: { ...config, rate: input('rate', []) } }, input('step', [])); // prettier-ignore
    const constants = topologicalOrder([updated.w]).flatMap((node) =>
      node.op === 'constant' ? [...node.attrs.values] : [],
    );
    expect(constants).toContain(1 - 0.9);
    expect(constants).toContain(Math.log(0.999));
  });
});
