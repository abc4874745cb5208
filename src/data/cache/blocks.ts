/** Encodes samples block by block, so that a large table is never in memory as float64 all at once. */
import { DataError } from '../data-error.js';
import { applyAffine, type Affine } from '../preprocess.js';
import type { Encoding } from '../encoding.js';
import type { EncodedFeatures, EncodedSamples, SampleFile } from '../source.js';
import { project, projectedWidth, type Projection } from '../projection.js';
import { sizeOf } from '../../tensor/shape.js';
import { type FeatureColumn, type Fields, gatherRows, recordTable, type Rows, type Table } from '../fields.js';
import type { Split } from '../split.js';

/** Samples of a file: those at `rows`, or all. */
export interface Part {
  readonly from: SampleFile<Encoding>;
  readonly rows: Rows;
}

const samplesIn = ({ from, rows }: Part): number => rows?.length ?? from.size;

/** Values per block: 1 MiB of float64, which fits the CPU cache. */
const BLOCK = 2 ** 17;
/** 8 GiB of float32. */
const MOST_VALUES = 2 ** 31;

/** The part's samples in order. Bytes are not copied and come as one block unless `toNumbers`. */
export function* blocksOf(part: Part, encoding: Encoding, width: number, toNumbers = false): Generator<EncodedSamples> {
  const { from, rows } = part;
  const size = samplesIn(part);
  const isWhole = encoding.kind === 'arrays' && encoding.dtype === 'u8' && !toNumbers;
  const step = isWhole ? size : Math.max(1, Math.floor(BLOCK / width));
  if (step >= size) {
    yield from.encode(rows, encoding);
    return;
  }
  for (let first = 0; first < size; first += step) {
    const length = Math.min(step, size - first);
    const block = rows?.subarray(first, first + length) ?? Int32Array.from({ length }, (_, i) => first + i);
    yield from.encode(block, encoding);
  }
}

/** Turns samples of `width` values into features: encoded, mapped, projected. */
export interface Treatment {
  readonly encoding: Encoding;
  readonly affine: Affine;
  readonly projection?: Projection;
  readonly width: number;
  /** The source of each preprocessed feature, for table rows. */
  readonly columns?: readonly FeatureColumn[];
}

/** The shape of a preprocessed sample whose features had `shape`. */
export const treatedShape = ({ projection, width }: Treatment, shape: readonly number[]): readonly number[] =>
  projection === undefined || projection.in_place ? shape : [projectedWidth(projection, width)];

/** The features of a block in float64, mapped by `affine`. */
export function mappedNumbers({ features }: EncodedSamples, affine: Affine): Float64Array {
  const numbers = numbersOf(features);
  return applyAffine(numbers, affine, new Float64Array(numbers.length));
}

function numbersOf(features: EncodedFeatures): Float64Array {
  if (features.records !== undefined) return Float64Array.from(features.records.read(features.rows));
  const { shape, values, rows } = features;
  return values instanceof Float64Array ? values : Float64Array.from(gatherRows(values, sizeOf(shape), rows));
}

/** The part as trained on: bytes unchanged, everything else mapped by `affine` and rounded to float32. */
export function splitOf(part: Part, treatment: Treatment): Split {
  const { encoding, projection, width } = treatment;
  const size = samplesIn(part);
  if (part.from.records === undefined && size * width > MOST_VALUES) {
    throw new DataError(`${size} samples of ${width} features are ${size * width} numbers, more than fit in memory`, {
      file: part.from.file,
      hint: 'one-hot columns add one feature per category: drop or hash those with many',
    });
  }
  if (encoding.kind === 'arrays' && encoding.dtype === 'u8' && projection === undefined) {
    const { features, targets } = part.from.encode(part.rows, encoding);
    const bytes = bytesOf(features);
    return { size, fields: { features: bytes, ...(targets && { targets }) } };
  }
  // Table columns are read page by page in file order; samples are scattered to their places in the split.
  const { from, rows = new Int32Array(0) } = part;
  const places = part.rows && ascending(rows, from.size);
  const ordered = { from, rows: places?.map((i) => rows[i]) };
  let fields: Fields | undefined;
  let first = 0;
  for (const block of blocksOf(ordered, encoding, width, projection !== undefined)) {
    const { features, targets } = block;
    const treated = treatedShape(treatment, features.shape);
    fields ??= emptyFields(size, { shape: treated, columns: treatment.columns }, targets);
    const made = treatedBlock(block, treatment);
    const count = made.length / sizeOf(treated);
    const to = places?.subarray(first, first + count) ?? first;
    place(made, sizeOf(treated), fields.features.values, to);
    if (targets !== undefined && fields.targets !== undefined) {
      place(targets.values, sizeOf(targets.shape), fields.targets.values, to);
    }
    first += count;
  }
  if (fields === undefined) throw new Error('a part has at least one sample');
  return { size, fields };
}

/** Positions in `rows` (distinct, below `size`), sorted by row. */
function ascending(rows: Int32Array, size: number): Int32Array {
  const placeOf = new Int32Array(size).fill(-1);
  rows.forEach((row, i) => (placeOf[row] = i));
  return placeOf.filter((i) => i >= 0);
}

/** Writes the samples of `values`, `width` numbers each, to the positions `to`, or from position `to` on. */
function place(values: Table['values'], width: number, into: Table['values'], to: Int32Array | number): void {
  if (typeof to === 'number') return into.set(values, to * width);
  for (let i = 0; i < to.length; i++) {
    for (let k = 0; k < width; k++) into[to[i] * width + k] = values[i * width + k];
  }
}

/** Byte features, unchanged. */
function bytesOf(features: EncodedFeatures): Table {
  if (features.records !== undefined) return recordTable(features.shape, features.records, features.rows);
  const { shape, values, rows } = features;
  if (!(values instanceof Uint8Array)) throw new Error('the features are not bytes');
  return { shape, dtype: 'u8', values, ...(rows && { rows }) };
}

/** The features of a block as float32, mapped and projected. Throws DataError if one is not finite. */
export function treatedBlock(block: EncodedSamples, { affine, projection, width }: Treatment): Float32Array {
  const values = block.features.records === undefined ? block.features.values : undefined;
  if (projection === undefined && values instanceof Float64Array) {
    const mapped = applyAffine(values, affine, new Float32Array(values.length));
    const bad = firstNotFinite(mapped);
    if (bad < 0) return mapped;
    const place = block.placeOf(Math.floor(bad / width), bad % width);
    throw new DataError(`${values[bad]} becomes ${mapped[bad]} as a 32-bit feature`, place);
  }
  if (projection === undefined) throw new Error('bytes are mapped during the training step');
  const projected = project(mappedNumbers(block, affine), width, projection);
  const bad = firstNotFinite(projected);
  if (bad < 0) return projected;
  const place = block.placeOf(Math.floor(bad / projectedWidth(projection, width)), projection.inputs[0]);
  throw new DataError(`a component of this sample becomes ${projected[bad]} as a 32-bit feature`, place);
}

function firstNotFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}

/** An empty table for `size` samples. */
function emptyFields(
  size: number,
  { shape, columns }: Pick<Table, 'shape' | 'columns'>,
  targets: Table | undefined,
): Fields {
  const features: Table = {
    shape,
    dtype: 'f32',
    values: new Float32Array(size * sizeOf(shape)),
    ...(columns && { columns }),
  };
  return { features, ...(targets && { targets: { ...targets, values: likeIn(targets, size) } }) };
}

/** An empty table for the targets of `size` samples. */
export function likeIn({ dtype, shape }: Table, size: number): Table['values'] {
  const length = size * sizeOf(shape);
  if (dtype === 'i32') return new Int32Array(length);
  return dtype === 'f32' ? new Float32Array(length) : new Uint8Array(length);
}
