/**
 * A split of the data in a session: the graph inputs that hold it, and the part of a step that turns sample indices into a batch.
 * Features that are kept in a file come into the session batch by batch, all else once.
 */
import { add, cast, constant, type DType, gather, input, iota, mul, type Node, type Session, type Shape, sizeOf } from '../../tensor/index.js'; // prettier-ignore
import type { Affine, Records, Split, Table } from '../../data/index.js';
import type { BatchSamples } from '../../nn/index.js';

/** The graph's view of a split. */
export interface Dataset {
  readonly size: number;
  /** The input for which samples a batch of a size has, i32 [size]: one for all programs. */
  readonly indices: (size: number) => Node;
  /** Where the inputs hold other samples too: which of them are those of the split, and room for those of a batch. */
  readonly rows?: { readonly all: Int32Array; readonly batch: Int32Array };
  /** Of features in a file those of one sample, for their shape. */
  readonly features: Node;
  /** The same node as `features` where these are to be reconstructed. */
  readonly targets: Node;
  /** Where the features are kept in a file: that, and the input for those of a batch. */
  readonly stored?: {
    readonly records: Records;
    /** The record of each sample, and room for those of a batch. */
    readonly all: Int32Array;
    readonly rows: Int32Array;
    readonly batch: (size: number) => Node;
  };
  readonly columns?: Table['columns'];
  /** Applied to gathered features: value * scale + shift, an entry each (or one for all) along the last axis. */
  readonly affine?: Affine;
}

/** The input that holds the values of a table: one for all parts of a file that share them. */
const inputs = new WeakMap<Table['values'], Node>();

/** The inputs `data.<name>.features` and `data.<name>.targets` for a split. */
export function datasetOf(name: string, split: Split, affine?: Affine): Dataset {
  const { features, targets } = split.fields;
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
    indices: batchInput('batch.indices', [], 'i32'),
    ...(rows && { rows: { all: rows, batch: new Int32Array(split.size) } }),
    features: held,
    targets: targets === undefined ? held : resident('targets', targets),
    ...(features.columns && { columns: features.columns }),
    ...(affine === undefined ? {} : { affine }),
  };
}

/** An input [batch, ...shape] for each size of batch, made when first asked for. */
function batchInput(name: string, shape: Shape, dtype: DType): (size: number) => Node {
  const made = new Map<number, Node>();
  return (size) => {
    let node = made.get(size);
    if (node === undefined) made.set(size, (node = input(name, [size, ...shape], dtype)));
    return node;
  };
}

function storedDataset(name: string, split: Split, affine: Affine | undefined): Dataset {
  const { size } = split;
  const { features, targets } = split.fields;
  const { records, rows } = features;
  if (records === undefined || rows === undefined) throw new Error('the samples are not in a file');
  const batch = batchInput(`data.${name}.batch`, features.shape, features.dtype);
  const one = batch(1);
  // Bytes go by their number in the file, as where these are in memory: augmentations draw by it.
  const byRecord = features.dtype === 'u8';
  const places = byRecord ? records.count : size;
  return {
    size,
    indices: batchInput('batch.indices', [], 'i32'),
    ...(byRecord && { rows: { all: rows, batch: new Int32Array(size) } }),
    features: one,
    targets: targets === undefined ? one : input(`data.${name}.targets`, [places, ...targets.shape], targets.dtype),
    stored: { records, all: rows, batch, rows: new Int32Array(size) },
    ...(features.columns && { columns: features.columns }),
    ...(affine === undefined ? {} : { affine }),
  };
}

/** Whether there are no targets: then the output is compared with the features themselves. */
export const reconstructs = ({ fields }: Split): boolean => fields.targets === undefined;

/** What the output of the network is compared with. */
export const referenceOf = ({ fields }: Split): Table => fields.targets ?? fields.features;

/** Brings the samples into the session, once. Targets are put at the rows of their features. */
export function upload(session: Session, { rows, features, targets, stored }: Dataset, split: Split): void {
  const { fields } = split;
  if (stored === undefined) session.write(features, fields.features.values);
  if (fields.targets === undefined) return;
  const { values, shape } = fields.targets;
  if (rows === undefined) return session.write(targets, values);
  const width = sizeOf(shape);
  const spread = new Float64Array(sizeOf(targets.shape));
  for (let i = 0; i < rows.all.length; i++) {
    const to = rows.all[i] * width;
    for (let k = 0; k < width; k++) spread[to + k] = values[i * width + k];
  }
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

/** Says that the samples at `order` are about to be selected, in batches of `batchSize`: what is in a file is read ahead. */
export function expectBatches({ stored }: Dataset, order: Int32Array, batchSize: number): void {
  stored?.records.expect(order, stored.all, batchSize);
}

function readBatch({ records, all, rows }: NonNullable<Dataset['stored']>, indices: Int32Array): Table['values'] {
  const batch = rows.subarray(0, indices.length);
  for (let i = 0; i < batch.length; i++) batch[i] = all[indices[i]];
  return records.read(batch);
}

/** Where the augmentations of a batch find its samples: `indices` (i32, [batch]) are those of `gatherBatch`. */
export function samplesOfBatch({ stored, features, columns, affine }: Dataset, indices: Node): BatchSamples {
  const [size] = indices.shape;
  const held =
    stored === undefined ? { features, at: indices } : { features: stored.batch(size), at: iota([size], 0, 'i32') };
  return { ...held, ...(columns && { columns }), ...(affine && { affine }) };
}

/** The samples at `indices` (i32, [batch]): preprocessed features as f32 [batch, ...] and targets [batch, ...]. */
export function gatherBatch(
  dataset: Pick<Dataset, 'features' | 'targets' | 'stored' | 'affine'>,
  indices: Node,
): { x: Node; target: Node } {
  const held = dataset.stored?.batch(indices.shape[0]) ?? gather(dataset.features, indices);
  const raw = cast(held, 'f32');
  const x = dataset.affine === undefined ? raw : mapped(raw, dataset.affine);
  return { x, target: dataset.targets === dataset.features ? x : gather(dataset.targets, indices) };
}

const mapped = (raw: Node, { scale, shift }: Affine): Node => add(mul(raw, alongLastAxis(scale)), alongLastAxis(shift));

const alongLastAxis = (values: readonly number[]): Node =>
  values.length === 1 ? constant(values[0]) : constant(values, [values.length]);
