/**
 * A split of the data, resident in a session: the graph inputs that hold it, and the part of a step that turns sample indices
 * into a batch.
 */
import { add, cast, constant, gather, input, mul, type Node, type Session } from '../tensor/index.js';
import type { Affine, Split, Table } from '../data/index.js';

/** The graph's view of a split. */
export interface Dataset {
  readonly size: number;
  readonly features: Node;
  readonly targets: Node;
  /** Applied to gathered features: value * scale + shift, an entry each (or one for all) along the last axis. */
  readonly affine?: Affine;
}

/** The inputs `data.<name>.features` and `data.<name>.targets` for a split. */
export function datasetOf(name: string, split: Split, affine?: Affine): Dataset {
  const resident = (part: string, table: Table): Node =>
    input(`data.${name}.${part}`, [split.size, ...table.shape], table.dtype);
  return {
    size: split.size,
    features: resident('features', split.features),
    targets: resident('targets', split.targets),
    ...(affine === undefined ? {} : { affine }),
  };
}

/** Copies the samples into the session, once. */
export function upload(session: Session, dataset: Dataset, split: Split): void {
  session.write(dataset.features, split.features.values);
  session.write(dataset.targets, split.targets.values);
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
