import { describe, expect, it } from 'vitest';
import type { Split } from '../../../src/data/index.js';
import { modelSchema } from '../../../src/nn/model.js';
import { optimizerSchema } from '../../../src/nn/optimizers/index.js';
import { RandomSource } from '../../../src/nn/random-source.js';
import { VariableStore } from '../../../src/nn/variables.js';
import { add, constant, div, grad, hostRandom, input, mul, type Node, reduceSum, referenceBackend, reshape, sub, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore
import { checkGradients } from '../../../src/train/checks/gradcheck.js';
import { datasetOf, upload } from '../../../src/train/step/dataset.js';
import { type Batch, passOf } from '../../../src/train/step/network.js';
import { RunInputs } from '../../../src/train/step/run-inputs.js';
import { diagnosisStep, evaluationStep, trainingStep } from '../../../src/train/step/step.js';
import { Sums } from '../../../src/train/step/sums.js';
import { takeStep, variablesOf } from '../../../src/train/step/training-step.js';
import { type ExperimentConfig, planOf, taskOf } from '../../../src/train/index.js';
import type { Task } from '../../../src/train/tasks/index.js';
import { regression } from '../../../src/train/tasks/regression.js';
import { experiment } from '../tiny.js';

const mean = (perSample: Node): Node => div(reduceSum(perSample), perSample.shape[0]);

describe('a task of two networks', () => {
  /** A critic learns to tell samples from what a generator makes of their targets; the generator, every second step, to deceive it. */
  const adversarial: Task = {
    ...regression,
    networks: ({ model }) => ({ generator: model, critic: modelSchema.parse({ layers: [{ dense: { units: 1 } }] }) }),
    objectives: () => ({
      critic({ fields, forward }) {
        const judge = (x: Node): Node => reshape(forward('critic', x), [x.shape[0]]);
        const real = judge(fields.features);
        const fake = judge(forward('generator', fields.targets));
        const loss = add(sub(fake, real), mul(mul(real, real), 0.05));
        return { value: mean(loss), figures: { loss, real }, output: reshape(real, [real.shape[0], 1]) };
      },
      generator({ fields, forward }) {
        const fake = forward('critic', forward('generator', fields.targets));
        const loss = reshape(mul(fake, -1), [fake.shape[0]]);
        return { value: mean(loss), figures: { loss }, output: fake };
      },
    }),
    updates: ({ optimizer }) => [
      { objective: 'critic', networks: ['critic'], optimizer, every: 1 },
      { objective: 'generator', networks: ['generator'], optimizer: optimizerSchema.parse({ adam: { lr: 0.02 } }), every: 2 }, // prettier-ignore
    ],
  };
  const features = [1, 2, 0, -1, 0.5, 1];
  const noise = [3, 1, -2];
  const samples: Split = {
    size: 3,
    fields: {
      features: { shape: [2], dtype: 'f32', values: Float32Array.from(features) },
      targets: { shape: [1], dtype: 'f32', values: Float32Array.from(noise) },
    },
  };
  const config = experiment({
    task: 'regression',
    model: { layers: [{ dense: { units: 2 } }] },
    optimizer: { sgd: { lr: 0.1, momentum: 0.9 } },
    metrics: [],
  });
  const start: Record<string, number[]> = {
    'critic.layers.0.weight': [0.5, -0.25],
    'critic.layers.0.bias': [0.1],
    'generator.layers.0.weight': [0.3, -0.6],
    'generator.layers.0.bias': [0.2, 0.4],
  };

  /** The state after each of `count` steps, by name. */
  async function trained(count: number, backend = referenceBackend) {
    const session = backend.open({ threads: 1 });
    const dataset = datasetOf('train', samples);
    upload(session, dataset, samples);
    const { program, inputs, parameters, slots } = trainingStep(config, dataset, 3, new RunInputs(), true, adversarial);
    const executable = session.compile(program);
    for (const { name, node } of parameters) session.write(node, start[name]);
    session.write(inputs.indices, [0, 1, 2]);
    session.write(inputs.rate, [0.1]);
    const history = [];
    for (let step = 1; step <= count; step++) {
      session.write(inputs.step, [step]);
      executable.run();
      const { loss, 'figures.generator': deceived, 'figures.real': real, health } = await executable.read();
      const state: Record<string, number[]> = {};
      for (const { name, node } of [...parameters, ...slots]) state[name] = [...(await session.read(node))];
      history.push({ state, figures: [loss[0], deceived[0], real[0], health[0]] });
    }
    session.close();
    return history;
  }

  /** The same by hand. */
  function byHand(count: number) {
    let [w, b, v] = [start['critic.layers.0.weight'], start['critic.layers.0.bias'][0], [0, 0, 0]];
    let theta = [...start['generator.layers.0.weight'], ...start['generator.layers.0.bias']];
    let [m, s, updates] = [[0, 0, 0, 0], [0, 0, 0, 0], 0];
    const history = [];
    const average = (valueOf: (i: number) => number): number => noise.reduce((sum, _, i) => sum + valueOf(i), 0) / 3;
    for (let step = 1; step <= count; step++) {
      const fake = (i: number, k: number): number => theta[k] * noise[i] + theta[2 + k];
      const judge = (x: (k: number) => number): number => w[0] * x(0) + w[1] * x(1) + b;
      const real = noise.map((_, i) => judge((k) => features[2 * i + k]));
      const loss = 3 * average((i) => judge((k) => fake(i, k)) - real[i] + 0.05 * real[i] ** 2);
      const g = [
        ...[0, 1].map((k) => average((i) => fake(i, k) - features[2 * i + k] + 0.1 * real[i] * features[2 * i + k])),
        average((i) => 0.1 * real[i]),
      ];
      v = v.map((velocity, k) => 0.9 * velocity + g[k]);
      w = w.map((weight, k) => weight - 0.1 * v[k]);
      b -= 0.1 * v[2];
      // From here on the critic is the one that has just learned.
      const deceived = 3 * average((i) => -judge((k) => fake(i, k)));
      if (step % 2 === 0) {
        updates++;
        const h = [...w.map((weight) => average((i) => -weight * noise[i])), ...w.map((weight) => -weight)];
        m = m.map((before, k) => 0.9 * before + 0.1 * h[k]);
        s = s.map((before, k) => 0.999 * before + 0.001 * h[k] ** 2);
        theta = theta.map((value, k) => value - (0.02 * (m[k] / (1 - 0.9 ** updates))) / (Math.sqrt(s[k] / (1 - 0.999 ** updates)) + 1e-8)); // prettier-ignore
      }
      history.push({
        state: {
          'critic.layers.0.weight': w,
          'critic.layers.0.bias': [b],
          'generator.layers.0.weight': theta.slice(0, 2),
          'generator.layers.0.bias': theta.slice(2),
          'optimizer.critic.momentum.critic.layers.0.weight': v.slice(0, 2),
          'optimizer.critic.momentum.critic.layers.0.bias': v.slice(2),
          'optimizer.generator.mean.generator.layers.0.weight': m.slice(0, 2),
          'optimizer.generator.mean.generator.layers.0.bias': m.slice(2),
          'optimizer.generator.square.generator.layers.0.weight': s.slice(0, 2),
          'optimizer.generator.square.generator.layers.0.bias': s.slice(2),
        },
        figures: [loss, deceived, real.reduce((a, c) => a + c), 0],
      });
    }
    return history;
  }

  it.each([
    ['reference', referenceBackend, 10],
    ['wasm', wasmBackend, 5],
  ] as const)('is trained as by hand, each by its own optimizer and count (%s)', async (_name, backend, digits) => {
    const [actual, expected] = [await trained(5, backend), byHand(5)];
    actual.forEach(({ state, figures }, i) => {
      expect(Object.keys(state).sort()).toEqual(Object.keys(expected[i].state).sort());
      for (const [name, values] of Object.entries(expected[i].state))
        values.forEach((value, k) => expect(state[name][k], `${name} after step ${i + 1}`).toBeCloseTo(value, digits));
      expected[i].figures.forEach((value, k) => expect(figures[k]).toBeCloseTo(value, digits));
    });
  });

  it('has an objective that evaluation measures, with its own figures', async () => {
    const session = referenceBackend.open({ threads: 1 });
    const dataset = datasetOf('val', samples);
    upload(session, dataset, samples);
    const { program, indices, parameters } = evaluationStep(config, dataset, 3, new RunInputs(), adversarial);
    expect(parameters.map(({ name }) => name).sort()).toEqual(Object.keys(start).sort());
    for (const { name, node } of parameters) session.write(node, start[name]);
    session.write(indices, [0, 1, 2]);
    const executable = session.compile(program);
    executable.run();
    const outputs = await executable.read();
    const sums = new Sums([], program.outputs);
    sums.add(3, outputs);
    sums.add(3, outputs);
    const [{ figures }] = byHand(1);
    expect(sums.result().loss).toBeCloseTo(figures[0] / 3, 12);
    expect(sums.result().metrics).toEqual({ real: expect.closeTo(figures[2] / 3, 12) as number });
    const resumed = new Sums([], program.outputs);
    resumed.set(sums.copy(), new Map());
    expect(resumed.result()).toEqual(sums.result());
    session.close();
  });

  it('is examined update by update where a step fails', async () => {
    const session = referenceBackend.open({ threads: 1 });
    const dataset = datasetOf('train', samples);
    upload(session, dataset, samples);
    const inputs = new RunInputs();
    const { parameters, slots } = trainingStep(config, dataset, 3, inputs, true, adversarial);
    const { program, suspects } = diagnosisStep(config, dataset, 3, inputs, true, adversarial);
    // A momentum of the critic that its update turns into infinite weights: the generator's objective sees them first.
    for (const { name, node } of parameters) session.write(node, start[name]);
    for (const { name, node } of slots) session.write(node, new Float64Array(node.shape.reduce((a, b) => a * b, 1)).fill(name.includes('momentum.critic.layers.0.bias') ? Infinity : 0)); // prettier-ignore
    session.write(dataset.indices(3), [0, 1, 2]);
    session.write(inputs.rate, [0.1]);
    session.write(inputs.step, [2]);
    const executable = session.compile(program);
    executable.run();
    const values = await executable.read();
    const [first] = suspects.filter((_, i) => !Number.isFinite(values[i][0]));
    expect(first).toEqual({ kind: 'weights', layer: 'critic.layers.0 (dense)', parameter: 'critic.layers.0.bias' });
    const losses = suspects.filter(({ kind }) => kind === 'loss');
    expect(losses).toHaveLength(2);
    expect(suspects).toContainEqual({ kind: 'gradient', layer: 'generator.layers.0 (dense)', parameter: 'generator.layers.0.bias' }); // prettier-ignore
    session.close();
  });

  it('leaves a network and its optimizer alone in steps that do not update it', async () => {
    const [first, second, third] = await trained(3);
    const ofGenerator = (state: Record<string, number[]>) =>
      Object.fromEntries(Object.entries(state).filter(([name]) => name.includes('generator.layers')));
    expect(first.state['generator.layers.0.weight']).toEqual([0.3, -0.6].map((x) => Math.fround(x) && x));
    expect(ofGenerator(third.state)).toEqual(ofGenerator(second.state));
    expect(third.state['critic.layers.0.weight']).not.toEqual(second.state['critic.layers.0.weight']);
  });
});

describe('a step is differentiated by its hyperparameters', () => {
  const random = hostRandom(5, 'unrolled');
  const draw = (count: number): number[] => Array.from({ length: count }, () => random.normal());
  const batchOf = (size: number): Batch => {
    const target = constant(draw(size), [size, 1]);
    return { fields: { features: constant(draw(2 * size), [size, 2]), targets: target }, targetsFor: () => ({ target }) }; // prettier-ignore
  };
  const [first, second, validation] = [batchOf(4), batchOf(4), batchOf(5)];

  /** Finite differences of the validation loss after two steps against `grad`, by each of `hyperparameters`, nodes with values. */
  function check(
    config: ExperimentConfig,
    rate: Node,
    optimizer: Record<string, Node | [Node, Node]>,
    at: ReadonlyMap<Node, number>,
  ) {
    const mode = { training: true, stochastic: false, augmented: false };
    const source = new RandomSource();
    const task = taskOf(config);
    const plan = planOf(config, 8);
    const hyperparameters = (step: number) => ({ rate, step: constant(step), lastOfEpoch: constant(0), optimizer });
    const state = new VariableStore();
    const one = takeStep({ config, task, plan, mode, random: source }, state, first, hyperparameters(1));
    const two = takeStep({ config, task, plan, mode, random: source }, variablesOf(one.state), second, hyperparameters(2)); // prettier-ignore
    expect(Object.keys(two.state).sort()).toEqual(Object.keys(one.state).sort());
    const variables = variablesOf(two.state);
    const loss = mean(passOf(config, validation, { ...mode, training: false }, { variables, random: source }).losses);
    const values = new Map([...at].map(([node, value]) => [node, Float64Array.of(value)]));
    for (const parameter of one.parameters)
      values.set(parameter.node, Float64Array.from(parameter.initialize(hostRandom(7, parameter.name)))); // prettier-ignore
    for (const { node, initial } of one.slots) values.set(node, new Float64Array(node.shape.reduce((a, b) => a * b, 1)).fill(initial)); // prettier-ignore
    const wanted = [...at.keys()].map((node, i) => ({ name: String(i), node }));
    return checkGradients(loss, wanted, grad(loss, wanted.map(({ node }) => node)), values, 1, hostRandom(1, 'elements')); // prettier-ignore
  }

  const network = { layers: [{ dense: { units: 3, activation: 'tanh' } }, { dense: { units: 1 } }] };
  const rate = input('hyper.rate', []);
  const decay = input('hyper.decay', []);

  it('two steps of SGD by the rate, the momentum and the L2 coefficient', () => {
    const momentum = input('hyper.momentum', []);
    const config = experiment({ task: 'regression', model: network, optimizer: { sgd: { lr: 0.1, momentum: 0.5 } } });
    const rows = check(config, rate, { momentum, weight_decay: decay }, new Map([[rate, 0.1], [momentum, 0.8], [decay, 0.05]])); // prettier-ignore
    expect(rows).toHaveLength(3);
    for (const { worst } of rows) {
      expect(Math.abs(worst.analytic)).toBeGreaterThan(1e-4);
      expect(worst.error).toBeLessThan(1e-6);
    }
  });

  it('two steps of Adam by the rate, the first decay of its means and the L2 coefficient, through clipping', () => {
    const beta = input('hyper.beta', []);
    const config = experiment({ task: 'regression', model: network, optimizer: 'adam', train: { gradient_clip_norm: 0.5 } }); // prettier-ignore
    const rows = check(config, rate, { betas: [beta, constant(0.99)], weight_decay: decay }, new Map([[rate, 0.05], [beta, 0.9], [decay, 0.1]])); // prettier-ignore
    expect(rows).toHaveLength(3);
    for (const { worst } of rows) {
      expect(Math.abs(worst.analytic)).toBeGreaterThan(1e-4);
      expect(worst.error).toBeLessThan(1e-6);
    }
  });
});
