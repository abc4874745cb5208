/**
 * `gradcheck`: the graph's gradients against central finite differences, in float64 on the reference evaluation, for a sample of
 * the elements of every parameter.
 */
import { evaluate, grad, type HostRandom, hostRandom, type Node, sizeOf, streamKey } from '../../tensor/index.js';
import { type LoadedData, sampleOf, type Split, type Table } from '../../data/index.js';
import { datasetOf } from '../step/dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { forward } from '../step/network.js';
import { RunInputs } from '../step/run-inputs.js';
import type { Variable } from '../loop/snapshot.js';

/**
 * Largest relative difference that counts as agreement. Float64 differences with steps of 1e-5 are good to 1e-9 or better, a
 * wrong derivative is off by far more.
 */
export const TOLERANCE = 1e-4;

/**
 * Steps of the differences, relative to the parameter. Where a kink (relu, max pooling) lies between the two points of the first,
 * the second is too small to reach it. Where the loss does not depend on the parameter at all, as on a bias before batch norm, both
 * measure rounding, and the third tells.
 */
const STEPS = [1e-5, 1e-7, 1e-3];

/** Differences below this share of the loss are rounding. */
const NOISE = 1e-6;

/** One element of a parameter. */
export interface ElementCheck {
  /** Row-major position in the parameter. */
  readonly element: number;
  /** The graph's derivative. */
  readonly analytic: number;
  /** The closest finite difference. */
  readonly numeric: number;
  readonly error: number;
}

export interface ParameterCheck {
  readonly parameter: string;
  readonly shape: readonly number[];
  readonly checked: number;
  /** The element with the largest error. */
  readonly worst: ElementCheck;
  readonly ok: boolean;
}

export interface GradcheckReport {
  readonly ok: boolean;
  readonly tolerance: number;
  readonly samples: number;
  readonly rows: readonly ParameterCheck[];
}

type Valuation = ReadonlyMap<Node, Float64Array | Int32Array | Uint32Array | Uint8Array>;

/**
 * Compares `gradients[i]`, claimed to be d loss / d variables[i], with differences of `loss` at `values`. Of each variable the
 * element with the largest gradient and `elements - 1` random ones are checked.
 */
export function checkGradients(
  loss: Node,
  variables: readonly Variable[],
  gradients: readonly Node[],
  values: Valuation,
  elements: number,
  random: HostRandom,
): ParameterCheck[] {
  const valueOf = (node: Node) => {
    const known = values.get(node);
    if (known === undefined) throw new Error(`no value given for ${node.op === 'input' ? node.attrs.name : node.op}`);
    return known;
  };
  const [[base], ...analytic] = evaluate([loss, ...gradients], valueOf);
  const lossAt = (node: Node, element: number, value: number): number => {
    const moved = Float64Array.from(valueOf(node));
    moved[element] = value;
    return evaluate([loss], (input) => (input === node ? moved : valueOf(input)))[0][0];
  };
  const check = (node: Node, element: number, expected: number): ElementCheck => {
    const at = valueOf(node)[element];
    const attempts = STEPS.map((relative) => () => {
      const h = relative * Math.max(1, Math.abs(at));
      const numeric = (lossAt(node, element, at + h) - lossAt(node, element, at - h)) / (2 * h);
      const scale = Math.max(Math.abs(numeric), Math.abs(expected)) + NOISE * Math.max(1, Math.abs(base));
      return { element, analytic: expected, numeric, error: Math.abs(numeric - expected) / scale };
    });
    let best = attempts[0]();
    for (const attempt of attempts.slice(1)) {
      if (best.error <= TOLERANCE) break;
      const next = attempt();
      if (next.error < best.error) best = next;
    }
    return best;
  };
  return variables.map(({ name, node }, i) => {
    const gradient = Array.from(analytic[i]);
    const largest = gradient.reduce((best, g, at) => (Math.abs(g) > Math.abs(gradient[best]) ? at : best), 0);
    const chosen = new Set([largest]);
    while (chosen.size < Math.min(elements, gradient.length)) chosen.add(random.below(gradient.length));
    const checks = [...chosen].map((element) => check(node, element, gradient[element]));
    // A NaN is the worst error of all.
    const worst = checks.reduce((a, b) => (b.error > a.error || Number.isNaN(b.error) ? b : a));
    return { parameter: name, shape: node.shape, checked: checks.length, worst, ok: worst.error <= TOLERANCE };
  });
}

export interface GradcheckOptions {
  /** Samples in the batch; few, as the reference evaluation is slow. */
  readonly samples?: number;
  /** Elements checked of each parameter. */
  readonly elements?: number;
}

/**
 * Checks an experiment's gradients on its first training samples, dropout and penalties included, at its initial weights moved a
 * little (zero biases would put units exactly on the kink of relu).
 */
export function gradcheck(
  config: ExperimentConfig,
  data: LoadedData,
  { samples = 3, elements = 4 }: GradcheckOptions = {},
): GradcheckReport {
  const size = Math.min(samples, data.train.size);
  const { fields } = data.train;
  const features = firstOf(fields.features, size);
  const targets = fields.targets && firstOf(fields.targets, size);
  const few: Split = { size, fields: { features, ...(targets && { targets }) } };
  const dataset = datasetOf('gradcheck', few, data.affine);
  const inputs = new RunInputs();
  const graph = forward(config, dataset, size, { training: true, stochastic: true, augmented: false }, inputs);
  const { parameters, states } = graph.model;
  const loss = graph.objective;
  const values = new Map<Node, Float64Array | Int32Array | Uint32Array | Uint8Array>([
    [dataset.features, inFloat64(features.values)],
    [dataset.targets, inFloat64((targets ?? features).values)],
    [graph.indices, Int32Array.from({ length: size }, (_, i) => i)],
    [inputs.random.key, Uint32Array.from(streamKey(config.seed, 'gradcheck'))],
  ]);
  for (const parameter of parameters) {
    const { name, node } = parameter;
    const start = parameter.initialize(hostRandom(config.seed, `init.${name}`));
    const nudge = hostRandom(config.seed, `gradcheck.${name}`);
    values.set(
      node,
      Float64Array.from(start, (value) => value + 0.01 * nudge.normal()),
    );
  }
  for (const { node, initial } of states) values.set(node, Float64Array.from(initial()));
  const gradients = grad(loss, parameters.map((p) => p.node)); // prettier-ignore
  const random = hostRandom(config.seed, 'gradcheck.elements');
  const rows = checkGradients(loss, parameters, gradients, values, elements, random);
  return { ok: rows.every((row) => row.ok), tolerance: TOLERANCE, samples: size, rows };
}

/** The first `count` samples of a table, in memory. */
function firstOf(table: Table, count: number): Table {
  const { shape, dtype } = table;
  const width = sizeOf(shape);
  const values = { u8: Uint8Array, f32: Float32Array, i32: Int32Array }[dtype];
  const gathered = new values(count * width);
  for (let i = 0; i < count; i++) gathered.set(sampleOf(table, i), i * width);
  return { shape, dtype, values: gathered };
}

const inFloat64 = (values: Uint8Array | Float32Array | Int32Array): Float64Array | Int32Array | Uint8Array =>
  values instanceof Float32Array ? Float64Array.from(values) : values;
