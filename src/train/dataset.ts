/**
 * A split of the data, resident in a session: the graph inputs that hold it, and the part of a step that turns sample indices
 * into a batch.
 */
import { add, cast, constant, gather, input, mul, type Node, type Session, sizeOf } from '../tensor/index.js';
import type { Affine, Split, Table } from '../data/index.js';

/** The graph's view of a split. */
export interface Dataset {
  readonly size: number;
  /** Where the inputs hold other samples too: which of them are those of the split, and room for those of a batch. */
  readonly rows?: { readonly all: Int32Array; readonly batch: Int32Array };
  readonly features: Node;
  readonly targets: Node;
  /** Applied to gathered features: value * scale + shift, an entry each (or one for all) along the last axis. */
  readonly affine?: Affine;
}

/** The input that holds the values of a table: one for all parts of a file that share them. */
const inputs = new WeakMap<Table['values'], Node>();

/** The inputs `data.<name>.features` and `data.<name>.targets` for a split. */
export function datasetOf(name: string, split: Split, affine?: Affine): Dataset {
  const { features, targets } = split;
  const { rows, values } = features;
  const stored = rows === undefined ? split.size : values.length / sizeOf(features.shape);
  const resident = (part: string, table: Table): Node =>
    input(`data.${name}.${part}`, [stored, ...table.shape], table.dtype);
  const known = rows && inputs.get(values);
  const held = known ?? resident('features', features);
  if (rows !== undefined) inputs.set(values, held);
  return {
    size: split.size,
    ...(rows && { rows: { all: rows, batch: new Int32Array(split.size) } }),
    features: held,
    targets: resident('targets', targets),
    ...(affine === undefined ? {} : { affine }),
  };
}

/** Brings the samples into the session, once. Targets are put at the rows of their features. */
export function upload(session: Session, { rows, features, targets }: Dataset, split: Split): void {
  session.write(features, split.features.values);
  const { values } = split.targets;
  if (rows === undefined) return session.write(targets, values);
  const width = sizeOf(split.targets.shape);
  const spread = new Float64Array(sizeOf(targets.shape));
  rows.all.forEach((row, i) => spread.set(values.subarray(i * width, (i + 1) * width), row * width));
  session.write(targets, spread);
}

/** Writes which samples of the split a batch has to the program's input for them. */
export function selectBatch(session: Session, { rows }: Dataset, input: Node, indices: Int32Array): void {
  if (rows === undefined) return session.write(input, indices);
  const batch = rows.batch.subarray(0, indices.length);
  for (let i = 0; i < batch.length; i++) batch[i] = rows.all[indices[i]];
  session.write(input, batch);
}

/** The samples at `indices` (i32, [batch]): preprocessed features as f32 [batch, ...] and targets [batch, ...]. */
export function gatherBatch(dataset: Dataset, indices: Node): { x: Node; target: Node } {
  const raw = cast(gather(dataset.features, indices), 'f32');
  const target = gather(dataset.targets, indices);
  if (dataset.affine === undefined) return { x: raw, target };
  const { scale, shift } = dataset.affine;
  return { x: add(mul(raw, alongLastAxis(scale)), alongLastAxis(shift)), target };
}

const alongLastAxis = (values: readonly number[]): Node =>
  values.length === 1 ? constant(values[0]) : constant(values, [values.length]);
