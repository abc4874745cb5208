/** Units of a layer that start identical and stay identical: together they are worth one unit. */
import { grad, type Node, type Session, sizeOf } from '../../tensor/index.js';
import type { TracedModel } from '../../nn/index.js';
import { selectBatch } from '../step/dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { forward } from '../step/network.js';
import { isFailed, type Stepper } from '../step/stepper.js';

export interface IdenticalUnits {
  /** Such as `layers.0`. */
  readonly layer: string;
  readonly units: number;
  /** How many of them have a twin. */
  readonly identical: number;
  /** The number of distinct units. */
  readonly distinct: number;
}

/** Numbers of a layer, those of its weight and bias, unit by unit. */
interface Units {
  readonly count: number;
  /** Numbers per unit. */
  readonly length: number;
  readonly at: (unit: number, i: number) => number;
}

/** Groups of two or more units, by their numbers. */
type Twins = readonly (readonly number[])[];

/** Steps in which symmetry is broken, layer by layer from the loss backwards, where it is broken at all. */
const MOST_STEPS = 20;

/** Gradients are the same where they differ by less than this share of their largest element, which is rounding. */
const SAME = 1e-4;

/**
 * The hidden layers of which some units start the same and get the same gradients in some steps of training on `batch`. The first
 * step is not enough: no gradient passes a later layer that starts with zeros yet. Trains the network if units start identical,
 * else leaves it unchanged.
 */
export async function identicalUnits(
  session: Session,
  config: ExperimentConfig,
  stepper: Stepper,
  batch: Int32Array,
): Promise<IdenticalUnits[]> {
  const mode = { training: true, stochastic: true, augmented: false };
  const { model, objective, indices } = forward(config, stepper.dataset, batch.length, mode, stepper.inputs);
  const hidden = hiddenLayers(model);
  const values = new Map<Node, ArrayLike<number>>();
  const nodes = hidden.flatMap(({ weight, bias }) => (bias === undefined ? [weight] : [weight, bias]));
  for (const node of nodes) values.set(node, await session.read(node));
  const start = hidden.map((layer) => unitsOf(layer, (node) => values.get(node) ?? []));
  let twins = start.map(twinsIn);
  if (twins.every((groups) => groups.length === 0)) return [];
  const gradients = grad(objective, nodes);
  const executable = session.compile({ name: `symmetry.${batch.length}`, outputs: gradients, updates: [] });
  const steps = Math.min(hidden.length + 2, MOST_STEPS);
  for (let step = 0; step < steps; step++) {
    selectBatch(session, stepper.dataset, indices, batch);
    session.write(stepper.inputs.random.key, [step, 1]);
    executable.run();
    const gradientsNow = await executable.read();
    const got = hidden.map((layer) => unitsOf(layer, (node) => gradientsNow[nodes.indexOf(node)]));
    twins = twins.map((groups, i) => groups.flatMap((group) => withSameGradient(group, got[i])));
    if (isFailed(await stepper.run(batch, step, config.optimizer.lr).read())) break;
  }
  return hidden.flatMap(({ layer }, i): IdenticalUnits[] => {
    const [{ count }, groups] = [start[i], twins[i]];
    if (groups.length === 0) return [];
    const identical = groups.reduce((sum, group) => sum + group.length, 0);
    return [{ layer, units: count, identical, distinct: count - identical + groups.length }];
  });
}

interface HiddenLayer {
  readonly layer: string;
  readonly weight: Node;
  /** The axis of the weight that numbers units. */
  readonly axis: number;
  readonly bias: Node | undefined;
}

/** The layers with weights but the last, which the loss tells apart. */
function hiddenLayers({ parameters, layers }: TracedModel): HiddenLayer[] {
  const weights = parameters.filter(({ kind, node }) => kind === 'weight' && node.shape.length >= 2);
  return weights.slice(0, -1).map(({ layer, node, outputAxis, name }) => {
    // The vectors of an embedding are told apart by the numbers they stand for; it is their elements that are units.
    const isTable = layers.find((traced) => traced.name === layer)?.traits.includes('looks_up_rows');
    const axis = isTable ? node.shape.length - 1 : outputAxis;
    const owner = name.slice(0, name.lastIndexOf('.'));
    const bias = parameters.find((p) => p.name === `${owner}.bias` && p.node.shape[0] === node.shape[axis]);
    return { layer, weight: node, axis, bias: bias?.node };
  });
}

/** What `valuesOf` has for a layer's weight and bias, unit by unit. */
function unitsOf({ weight, axis, bias }: HiddenLayer, valuesOf: (node: Node) => ArrayLike<number>): Units {
  const count = weight.shape[axis];
  const inner = sizeOf(weight.shape.slice(axis + 1));
  const length = sizeOf(weight.shape) / count;
  const [values, offsets] = [valuesOf(weight), bias && valuesOf(bias)];
  return {
    count,
    length: offsets === undefined ? length : length + 1,
    at: (unit, i) =>
      offsets !== undefined && i === length
        ? offsets[unit]
        : values[(Math.floor(i / inner) * count + unit) * inner + (i % inner)],
  };
}

/** Elements that most different vectors differ in. */
const KEY_LENGTH = 16;

function twinsIn({ count, length, at }: Units): Twins {
  const isTwin = (a: number, b: number): boolean => {
    for (let i = 0; i < length; i++) if (at(a, i) !== at(b, i)) return false;
    return true;
  };
  const groups = new Map<string, number[][]>();
  for (let unit = 0; unit < count; unit++) {
    const key = Array.from({ length: Math.min(length, KEY_LENGTH) }, (_, i) => at(unit, i)).join();
    const known = groups.get(key);
    const group = known?.find(([first]) => isTwin(first, unit));
    if (known === undefined) groups.set(key, [[unit]]);
    else if (group === undefined) known.push([unit]);
    else group.push(unit);
  }
  return [...groups.values()].flat().filter((group) => group.length > 1);
}

/** What is left of a group of twins where the units have these gradients. */
function withSameGradient(group: readonly number[], { length, at }: Units): Twins {
  const largest = (f: (i: number) => number): number => {
    let most = 0;
    for (let i = 0; i < length; i++) most = Math.max(most, Math.abs(f(i)));
    return most;
  };
  const groups: number[][] = [];
  for (const unit of group) {
    const size = largest((i) => at(unit, i));
    const same = groups.find(([first]) => largest((i) => at(first, i) - at(unit, i)) <= SAME * size);
    if (same === undefined) groups.push([unit]);
    else same.push(unit);
  }
  return groups.filter(({ length: members }) => members > 1);
}
