/** Probes a network on one batch: dead, saturated and identical units, and parameters without gradient. */
import { abs, grad, mul, type Node, reduceMax, type Session, sub } from '../../tensor/index.js';
import type { LayerTrait } from '../../nn/index.js';
import { selectBatch } from '../step/dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { forward } from '../step/network.js';
import type { Stepper } from '../step/stepper.js';

/** Units of a layer that share a fault, of `units` in all. */
export interface UnitCount {
  /** Such as `layers.0 (dense)`. */
  readonly layer: string;
  readonly activation: string;
  readonly units: number;
  readonly faulty: number;
}

export interface Probe {
  /** Layers with ReLU: units that are zero for every sample of the batch. */
  readonly dead: readonly UnitCount[];
  /** Layers with tanh or sigmoid: units whose derivative is below a hundredth of its peak for every sample. */
  readonly saturated: readonly UnitCount[];
  /** Parameters whose gradient is zero in every element. */
  readonly withoutGradient: readonly { readonly layer: string; readonly parameter: string }[];
  /** Hidden layers of at least two units whose incoming weights are all the same. */
  readonly symmetric: readonly { readonly layer: string; readonly units: number }[];
  /** The activation applied last to the network's output, if any. */
  readonly headActivation?: { readonly layer: string; readonly activation: string };
  readonly outputLayer: string;
}

/** A unit is saturated where its derivative stays below this share of the activation's largest one. */
const SATURATED_BELOW = 0.01;

/** Derivatives of squashing activations from their output y, relative to their peaks. */
const relativeDerivatives: Readonly<Record<string, (y: Node) => Node>> = {
  tanh: (y) => sub(1, mul(y, y)),
  sigmoid: (y) => mul(mul(y, sub(1, y)), 4),
};

/** The network that the session holds, on the samples at `indices`. Changes nothing. */
export async function probe(
  session: Session,
  config: ExperimentConfig,
  stepper: Stepper,
  indices: Int32Array,
): Promise<Probe> {
  const mode = { training: true, stochastic: false, augmented: false };
  const { model, objective, indices: batch } = forward(config, stepper.dataset, indices.length, mode, stepper.inputs);
  const titles = new Map(model.layers.map(({ name, type }) => [name, `${name} (${type})`]));
  const titleOf = (name: string): string => titles.get(name) ?? name;
  const relus = model.layers.flatMap(({ name, activation, preactivation }) =>
    activation === 'relu' && preactivation !== undefined ? [{ name, activation, highest: perUnit(preactivation) }] : [],
  );
  const squashers = model.layers.flatMap(({ name, activation, output }) => {
    const derivative = activation === undefined ? undefined : relativeDerivatives[activation];
    return activation !== undefined && derivative ? [{ name, activation, highest: perUnit(derivative(output)) }] : [];
  });
  const gradients = grad(objective, model.parameters.map((p) => p.node)); // prettier-ignore
  const outputs = [...relus, ...squashers].map(({ highest }) => highest);
  const executable = session.compile({
    name: `probe.${indices.length}`,
    outputs: [...outputs, ...gradients.map((g) => reduceMax(abs(g)))],
    updates: [],
  });
  selectBatch(session, stepper.dataset, batch, indices);
  executable.run();
  const results = await executable.read();

  const count = (first: number, list: typeof relus, isFaulty: (highest: number) => boolean): UnitCount[] =>
    list.map(({ name, activation }, i) => {
      const highest = [...results[first + i]];
      return { layer: titleOf(name), activation, units: highest.length, faulty: highest.filter(isFaulty).length };
    });
  const weights = model.parameters.filter(({ kind, node }) => kind === 'weight' && node.shape.length >= 2);
  const hidden = weights.slice(0, -1);
  const symmetric: { layer: string; units: number }[] = [];
  for (const { layer, node } of hidden) {
    const units = lastOf(node);
    if (units >= 2 && columnsAlike(await session.read(node), units)) symmetric.push({ layer: titleOf(layer), units });
  }
  // Neither reshaping nor dropout changes what the head is: dense with softmax, then reshape, is still softmax.
  const passesOn: readonly LayerTrait[] = ['moves_values', 'drops_units'];
  const head = model.layers.findLast(({ traits }) => !traits.some((trait) => passesOn.includes(trait)));
  const outputLayer = weights.at(-1)?.layer;
  return {
    dead: count(0, relus, (highest) => highest <= 0),
    saturated: count(relus.length, squashers, (highest) => highest < SATURATED_BELOW),
    withoutGradient: model.parameters
      .filter((_, i) => results[outputs.length + i][0] === 0)
      .map(({ layer, name }) => ({ layer: titleOf(layer), parameter: name })),
    symmetric,
    ...(head?.activation !== undefined && head.activation !== 'linear'
      ? { headActivation: { layer: titleOf(head.name), activation: head.activation } }
      : {}),
    outputLayer: outputLayer === undefined ? 'the output' : titleOf(outputLayer),
  };
}

const lastOf = (node: Node): number => node.shape[node.shape.length - 1];

/** The maximum over all axes but the last, which counts units or channels. */
const perUnit = (x: Node): Node => reduceMax(x, Array.from({ length: x.shape.length - 1 }, (_, axis) => axis)); // prettier-ignore

/** Whether all columns of a row-major matrix are the same. */
function columnsAlike(values: ArrayLike<number>, columns: number): boolean {
  for (let i = 0; i < values.length; i++) if (values[i] !== values[i - (i % columns)]) return false;
  return true;
}
