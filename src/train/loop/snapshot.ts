/**
 * The complete state of a run at one step, as named tensors and plain JSON: enough for an exact resume and for evaluation. The
 * trainer makes and reads snapshots; `src/runs` keeps them as files.
 */
import * as z from 'zod';
import type { Node, Session, TypedValues } from '../../tensor/index.js';
import { sameShape, showShape } from '../../tensor/index.js';
import { fittedPreprocessingSchema } from '../../data/index.js';
import { plateauStateSchema } from '../../nn/index.js';
import { taskNameSchema } from '../tasks/index.js';

/** The generator that all random streams of a run come from; a resume under another would not be exact. */
export const RANDOM_SCHEME = 'threefry2x32-20';

/** Element types under their safetensors names. */
export type TensorType = 'F64' | 'F32' | 'I32' | 'U32' | 'U8';

export interface NamedTensor {
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly values: TypedValues;
}
/** What a tensor file may hold. */
export interface SnapshotTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: TypedValues | BigInt64Array;
}
export type Tensors = ReadonlyMap<string, NamedTensor>;

/** Figures by column, such as `train/loss`. */
export type Figures = Readonly<Record<string, number>>;

const count = z.int().nonnegative();

const epochRowSchema = z.strictObject({ epoch: count, step: count, values: z.record(z.string(), z.number()) });
/**
 * One row of metrics: an epoch, the steps done at its end, and its figures: `train/loss`, `train/<metric>`, `val/loss`,
 * `val/<metric>`, `lr` (the rate of the last step).
 */
export type EpochRow = Readonly<z.output<typeof epochRowSchema>>;

const epochSumsSchema = z.strictObject({ samples: count, loss: z.number(), statistics: z.array(z.array(z.number())) });
/** Running sums over the batches of the epoch in progress, in float64: of the losses, and of each metric's statistics. */
export type EpochSums = Readonly<z.output<typeof epochSumsSchema>>;

/** The JSON beside the tensors. */
export const snapshotMetaSchema = z.object({
  config: z.unknown().describe('the resolved config, as one would write it'),
  task: taskNameSchema,
  seed: count,
  random: z.string().describe('the generator of all random streams'),
  step: count.describe('steps done'),
  epoch: count.describe('epochs done'),
  batch: count.describe('batches done of the epoch in progress'),
  sums: epochSumsSchema.describe('over the batches of the epoch in progress'),
  best: z.strictObject({ value: z.number(), row: epochRowSchema }).nullable().describe('the best epoch so far'),
  waited: count.describe('epochs since the monitored figure last improved'),
  plateau: plateauStateSchema.nullable().default(null).describe('where the learning rate waits for a plateau'),
  last: epochRowSchema.nullable().describe('the last finished epoch'),
  preprocessing: fittedPreprocessingSchema,
  classes: z.array(z.string()).nullable(),
});
export type SnapshotMeta = Readonly<z.output<typeof snapshotMetaSchema>>;

export interface Snapshot {
  readonly tensors: Tensors;
  readonly meta: SnapshotMeta;
}

/** Parses a snapshot from a file's content. Throws SnapshotError if it is not one. */
export function readSnapshot({
  tensors,
  meta,
}: {
  readonly tensors: ReadonlyMap<string, SnapshotTensor>;
  readonly meta: unknown;
}): Snapshot {
  const parsed = snapshotMetaSchema.safeParse(meta);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw new SnapshotError(`the checkpoint's metadata is not that of a training run: ${path.join('.')}: ${message}`);
  }
  const own = new Map<string, NamedTensor>();
  for (const [name, { dtype, shape, values }] of tensors) {
    if (values instanceof BigInt64Array)
      throw new SnapshotError(`the checkpoint's tensor "${name}" has the type ${dtype}`);
    own.set(name, { dtype: typeOf(values), shape, values });
  }
  return { tensors: own, meta: parsed.data };
}

/** A checkpoint whose tensors do not fit the network, or that continues another run. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/** A tensor of a run that outlives a step: a weight, an optimizer slot, a running statistic. */
export interface Variable {
  readonly name: string;
  readonly node: Node;
}

/** Copies of the variables' current values. */
export async function capture(session: Session, variables: readonly Variable[]): Promise<Tensors> {
  const values = await Promise.all(variables.map(({ node }) => session.read(node)));
  return new Map(
    variables.map(({ name, node }, i) => [name, { dtype: typeOf(values[i]), shape: node.shape, values: values[i] }]),
  );
}

/** The largest magnitude in a tensor; NaN where it holds one. */
export function largestIn(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (!(size <= largest)) largest = size;
    if (Number.isNaN(size)) break;
  }
  return largest;
}

/** The first of `variables` whose tensor holds a NaN or an infinite value; undefined where all are finite. */
export const firstNonFinite = (tensors: Tensors, variables: readonly Variable[]): Variable | undefined =>
  variables.find(({ name }) => !Number.isFinite(largestIn(tensors.get(name)?.values ?? [])));

/** Sets the variables to the values in `tensors`. Throws SnapshotError where one is missing or of another shape. */
export function restore(session: Session, variables: readonly Variable[], tensors: Tensors): void {
  for (const { name, node } of variables) {
    const tensor = tensors.get(name);
    if (tensor === undefined)
      throw new SnapshotError(`the checkpoint has no tensor "${name}", which the network needs`);
    if (!sameShape(tensor.shape, node.shape)) {
      throw new SnapshotError(
        `the checkpoint's tensor "${name}" has the shape ${showShape(tensor.shape)}, the network needs ${showShape(node.shape)}`,
      );
    }
  }
  for (const { name, node } of variables) {
    const tensor = tensors.get(name);
    if (tensor !== undefined) session.write(node, tensor.values);
  }
}

function typeOf(values: TypedValues): TensorType {
  if (values instanceof Float64Array) return 'F64';
  if (values instanceof Float32Array) return 'F32';
  if (values instanceof Int32Array) return 'I32';
  return values instanceof Uint32Array ? 'U32' : 'U8';
}

/** A row that JSON can hold: figures that are not finite are left out. */
export function storableRow(row: EpochRow): EpochRow {
  const finite = Object.entries(row.values).filter(([, value]) => Number.isFinite(value));
  return { ...row, values: Object.fromEntries(finite) };
}
