/** Why a network did not fit its batch: rules that turn losses and probes into causes, each with a remedy. */
import { referenceOf } from '../step/dataset.js';
import { sampleOf, type Split, type Table } from '../../data/index.js';
import { lossOf } from '../../nn/index.js';
import type { ExperimentConfig } from '../schema.js';
import type { Probe, UnitCount } from './overfit-probe.js';

export type CauseKind =
  | 'learning_rate_zero'
  | 'learning_rate_too_low'
  | 'learning_rate_too_high'
  | 'dead_units'
  | 'saturated_units'
  | 'symmetric_units'
  | 'no_gradient'
  | 'head_mismatch'
  | 'conflicting_targets'
  | 'not_finite'
  | 'stuck';

export interface Cause {
  readonly kind: CauseKind;
  /** Such as `layers.0 (dense)`. */
  readonly layer?: string;
  readonly message: string;
}

/** A trained batch, as the rules see it. */
export interface Trajectory {
  readonly config: ExperimentConfig;
  readonly rate: number;
  /** Whether the batch was fitted. */
  readonly reached: boolean;
  /** Of every finite step. */
  readonly losses: readonly number[];
  /** Where a step stopped being finite. */
  readonly failure?: { readonly description: string };
  readonly before: Probe;
  /** Absent where a step stopped being finite. */
  readonly after?: Probe;
  readonly split: Split;
  readonly batchSize: number;
}

/** A layer counts as dead or saturated if this share of its units is. */
const MOST_UNITS = 0.9;

/** All causes that apply, the most likely first. Identical units and an exploding loss are faults even if the batch was fitted. */
export function causesOf(trajectory: Trajectory): Cause[] {
  const symmetric = symmetricUnits(trajectory);
  if (trajectory.reached) return [...symmetric, ...explosion(trajectory)];
  const wiring = [
    ...symmetric,
    ...headMismatch(trajectory),
    ...deadUnits(trajectory.before),
    ...saturatedUnits(trajectory.before),
  ];
  const conflicts = conflictingTargets(trajectory);
  const known = [
    ...rateZero(trajectory),
    ...conflicts,
    ...wiring,
    ...(wiring.length > 0 ? [] : missingGradient(trajectory)),
  ];
  const found = known.length > 0 ? known : rateTooHighOrLow(trajectory);
  return found.length > 0 ? found : [stuck(trajectory)];
}

function symmetricUnits({ before, after }: Trajectory): Cause[] {
  const still = after ?? before;
  return before.symmetric
    .filter(({ layer }) => still.symmetric.some((other) => other.layer === layer))
    .map(({ layer, units }) => ({
      kind: 'symmetric_units',
      layer,
      message: `the ${units} units of ${layer} are identical and stay identical: they start with the same weights and get the same gradient; initialize them randomly (he_normal, glorot_uniform)`,
    }));
}

function rateZero({ rate, config }: Trajectory): Cause[] {
  if (rate === 0) {
    return [
      { kind: 'learning_rate_zero', message: 'the learning rate is zero, so nothing can change; set optimizer.lr' },
    ];
  }
  return (config.train.parameter_groups ?? []).flatMap(({ parameters, lr }, i) => {
    const message = `the learning rate of train.parameter_groups[${i}] ("${parameters}") is zero, so none of its weights can change`;
    return lr === 0 ? [{ kind: 'learning_rate_zero' as const, message }] : [];
  });
}

const mostly = ({ units, faulty }: UnitCount): boolean => faulty >= MOST_UNITS * units;

/** Whether the untrained network already shows that it cannot learn: identical units, or a layer of dead ones. */
export const isMiswired = ({ symmetric, dead }: Probe): boolean =>
  symmetric.length > 0 || dead.some(({ units, faulty }) => faulty === units);

const share = ({ units, faulty }: UnitCount): string => (faulty === units ? `all ${units}` : `${faulty} of ${units}`);

const deadUnits = (probe: Probe): Cause[] =>
  probe.dead.filter(mostly).map((count) => ({
    kind: 'dead_units',
    layer: count.layer,
    message: `${share(count)} ReLU units of ${count.layer} are dead: they output zero for every sample and pass no gradient; check the initial weights and biases, or use leaky_relu`,
  }));

const saturatedUnits = (probe: Probe): Cause[] =>
  probe.saturated.filter(mostly).map((count) => ({
    kind: 'saturated_units',
    layer: count.layer,
    message: `${share(count)} ${count.activation} units of ${count.layer} are saturated: their derivative is close to zero for every sample; use smaller initial weights or scale the inputs`,
  }));

function missingGradient({ before }: Trajectory): Cause[] {
  const layers = [...new Set(before.withoutGradient.map(({ layer }) => layer))];
  return layers.map((layer) => {
    const parameters = before.withoutGradient.filter((p) => p.layer === layer).map(({ parameter }) => parameter);
    return {
      kind: 'no_gradient',
      layer,
      message: `no gradient reaches ${parameters.join(' and ')} of ${layer}: the loss does not depend on them`,
    };
  });
}

/** The range of an activation's output. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  relu: [0, Infinity],
  softplus: [0, Infinity],
  sigmoid: [0, 1],
  softmax: [0, 1],
  tanh: [-1, 1],
};

function headMismatch({ config, before, split, batchSize }: Trajectory): Cause[] {
  const head = before.headActivation;
  if (head === undefined) return [];
  const { layer, activation } = head;
  if (lossOf(config.loss).output === 'logits') {
    const message = `the head does not fit the loss: ${layer} ends in ${activation}, and ${config.loss.type} takes logits; remove the activation`;
    return [{ kind: 'head_mismatch', layer, message }];
  }
  const range = ranges[activation];
  const reference = referenceOf(split);
  if (range === undefined || reference.dtype === 'u8') return [];
  const [low, high] = extremes(reference, batchSize);
  if (low >= range[0] && high <= range[1]) return [];
  const message = `the head does not fit the targets: ${layer} ends in ${activation}, which cannot output values from ${low} to ${high}; remove the activation`;
  return [{ kind: 'head_mismatch', layer, message }];
}

/** The smallest and the largest value of the first `count` samples. */
function extremes(table: Table, count: number): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < count; i++) {
    for (const value of sampleOf(table, i)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  return [low, high];
}

const show = (value: number): string => Number(value.toPrecision(3)).toString();
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** A loss that rises to this multiple of its start has diverged, wherever it ends up. */
const EXPLOSION = 100;

/** A learning rate so high that the network could only recover by luck. */
function explosion({ rate, losses }: Trajectory): Cause[] {
  const [start] = losses;
  const highest = losses.reduce((a, b) => Math.max(a, b), start);
  if (highest <= EXPLOSION * Math.max(start, 1)) return [];
  const message = `the learning rate ${rate} is too high: the loss rose from ${show(start)} to ${show(highest)}`;
  return [{ kind: 'learning_rate_too_high', message }];
}

/** What the losses say about the learning rate. */
function rateTooHighOrLow(trajectory: Trajectory): Cause[] {
  const { rate, losses, failure, before, after } = trajectory;
  const tooHigh = (what: string): Cause[] => [
    { kind: 'learning_rate_too_high', message: `the learning rate ${rate} is too high: ${what}` },
  ];
  const tooLow = (what: string): Cause[] => [
    { kind: 'learning_rate_too_low', message: `the learning rate ${rate} is too low: ${what}` },
  ];
  if (failure !== undefined) {
    if (losses.length === 0) return [{ kind: 'not_finite', message: `in the very first step, ${failure.description}` }];
    return tooHigh(`after ${losses.length} steps the loss or a gradient was not finite (${failure.description})`);
  }
  const exploded = explosion(trajectory);
  if (exploded.length > 0) return exploded;
  const start = losses[0];
  const end = losses[losses.length - 1];
  const quarter = Math.max(1, Math.floor(losses.length / 4));
  const late = losses.slice(-quarter);
  const earlier = losses.slice(-2 * quarter, -quarter);
  const killed = [...(after?.dead ?? []), ...(after?.saturated ?? [])].filter(
    (count) => mostly(count) && ![...before.dead, ...before.saturated].some((old) => old.layer === count.layer && mostly(old)), // prettier-ignore
  );
  if (killed.length > 0) {
    const layers = killed.map(({ layer, activation }) => `${layer} (${activation})`).join(', ');
    return tooHigh(`training has killed or saturated the units of ${layers}; the loss went from ${show(start)} to ${show(end)}`); // prettier-ignore
  }
  if (mean(late) > start) return tooHigh(`the loss rose from ${show(start)} to ${show(mean(late))}`);
  const least = losses.reduce((a, b) => Math.min(a, b), Infinity);
  if (start - least < 0.01 * Math.abs(start)) {
    return tooLow(
      `in ${losses.length} steps the loss only moved from ${start.toPrecision(7)} to ${end.toPrecision(7)}`,
    );
  }
  const spread = Math.max(...late) - Math.min(...late);
  if (spread > mean(late)) return tooHigh(`the loss jumps between ${show(Math.min(...late))} and ${show(Math.max(...late))}`); // prettier-ignore
  if (earlier.length > 0 && mean(late) < 0.99 * mean(earlier)) {
    return tooLow(
      `after ${losses.length} steps the loss had gone from ${show(start)} to ${show(end)} and was still falling`,
    );
  }
  return [];
}

/** Samples of the batch with equal features but different targets, which no network can tell apart. */
function conflictingTargets({ split, batchSize }: Trajectory): Cause[] {
  const rowOf = (table: Table, i: number): string => sampleOf(table, i).join();
  const targets = new Map<string, string>();
  let conflicts = 0;
  for (let i = 0; i < batchSize; i++) {
    const features = rowOf(split.fields.features, i);
    const target = rowOf(referenceOf(split), i);
    if ((targets.get(features) ?? target) !== target) conflicts++;
    targets.set(features, target);
  }
  if (conflicts === 0) return [];
  const message = `${conflicts} of ${batchSize} samples have the same features as another but a different target: no network can fit both`;
  return [{ kind: 'conflicting_targets', message }];
}

function stuck({ losses, before }: Trajectory): Cause {
  const message = `the loss went from ${show(losses[0])} to ${show(losses[losses.length - 1])} in ${losses.length} steps and then stalled: the network up to ${before.outputLayer} may be too small for the batch, or one of its layers may discard what is needed`;
  return { kind: 'stuck', message };
}
