/**
 * A split of the data in a session: the graph inputs that hold it, and the part of a step that turns sample indices into a batch.
 * Features that are kept in a file come into the session batch by batch, all else once.
 */
import { add, cast, constant, gather, input, mul, type Node, type Session, sizeOf } from '../tensor/index.js';
import type { Affine, Split, Table } from '../data/index.js';

/** The graph's view of a split. */
export interface Dataset {
  readonly size: number;
  /** Where the inputs hold other samples too: which of them are those of the split, and room for those of a batch. */
  readonly rows?: { readonly all: Int32Array; readonly batch: Int32Array };
  /** Of features in a file those of one sample, for their shape. */
  readonly features: Node;
  /** The same node as `features` where these are to be reconstructed. */
  readonly targets: Node;
  /** Where the features are kept in a file: that, and the input for those of a batch. */
  readonly stored?: { readonly table: Table; readonly batch: (size: number) => Node; readonly rows: Int32Array };
  readonly columns?: Split['columns'];
  /** Applied to gathered features: value * scale + shift, an entry each (or one for all) along the last axis. */
  readonly affine?: Affine;
}

/** The input that holds the values of a table: one for all parts of a file that share them. */
const inputs = new WeakMap<Table['values'], Node>();

/** The inputs `data.<name>.features` and `data.<name>.targets` for a split. */
export function datasetOf(name: string, split: Split, affine?: Affine): Dataset {
  const { features, targets } = split;
  if (features.records !== undefined) return storedDataset(name, split, affine);
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
    targets: reconstructs(split) ? held : resident('targets', targets),
    ...(split.columns && { columns: split.columns }),
    ...(affine === undefined ? {} : { affine }),
  };
}

function storedDataset(name: string, split: Split, affine: Affine | undefined): Dataset {
  const { size, features, targets } = split;
  const batch = (count: number): Node => input(`data.${name}.batch`, [count, ...features.shape], features.dtype);
  const one = batch(1);
  return {
    size,
    features: one,
    targets: reconstructs(split) ? one : input(`data.${name}.targets`, [size, ...targets.shape], targets.dtype),
    stored: { table: features, batch, rows: new Int32Array(size) },
    ...(split.columns && { columns: split.columns }),
    ...(affine === undefined ? {} : { affine }),
  };
}

/** Whether the features are the targets, which one table then holds. */
export const reconstructs = ({ features, targets }: Split): boolean => features === targets;

/** Brings the samples into the session, once. Targets are put at the rows of their features. */
export function upload(session: Session, { rows, features, targets, stored }: Dataset, split: Split): void {
  if (stored === undefined) session.write(features, split.features.values);
  if (reconstructs(split)) return;
  const { values } = split.targets;
  if (rows === undefined) return session.write(targets, values);
  const width = sizeOf(split.targets.shape);
  const spread = new Float64Array(sizeOf(targets.shape));
  rows.all.forEach((row, i) => spread.set(values.subarray(i * width, (i + 1) * width), row * width));
  session.write(targets, spread);
}

/** Writes which samples of the split a batch has to the program's input for them, and the samples themselves where they are in a file. */
export function selectBatch(session: Session, { rows, stored }: Dataset, input: Node, indices: Int32Array): void {
  if (stored !== undefined) session.write(stored.batch(indices.length), readBatch(stored, indices));
  if (rows === undefined) return session.write(input, indices);
  const batch = rows.batch.subarray(0, indices.length);
  for (let i = 0; i < batch.length; i++) batch[i] = rows.all[indices[i]];
  session.write(input, batch);
}

function readBatch({ table, rows }: NonNullable<Dataset['stored']>, indices: Int32Array): Table['values'] {
  const batch = rows.subarray(0, indices.length);
  if (table.records === undefined || table.rows === undefined) throw new Error('the samples are not in a file');
  for (let i = 0; i < batch.length; i++) batch[i] = table.rows[indices[i]];
  return table.records.read(batch);
}

/** The samples at `indices` (i32, [batch]): preprocessed features as f32 [batch, ...] and targets [batch, ...]. */
export function gatherBatch(dataset: Dataset, indices: Node): { x: Node; target: Node } {
  const held = dataset.stored?.batch(indices.shape[0]) ?? gather(dataset.features, indices);
  const raw = cast(held, 'f32');
  const x = dataset.affine === undefined ? raw : mapped(raw, dataset.affine);
  return { x, target: dataset.targets === dataset.features ? x : gather(dataset.targets, indices) };
}

const mapped = (raw: Node, { scale, shift }: Affine): Node => add(mul(raw, alongLastAxis(scale)), alongLastAxis(shift));

const alongLastAxis = (values: readonly number[]): Node =>
  values.length === 1 ? constant(values[0]) : constant(values, [values.length]);
