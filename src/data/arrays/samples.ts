/** Samples from two arrays, features and targets, whose first dimension is the sample axis. */
import { counted, DataError, type DataErrorPlace } from '../data-error.js';
import { encodeClasses, fitClasses, type Labels } from '../labels.js';
import type { NumericArray, PlacedArray } from '../formats/numeric-array.js';
import { Records } from '../records.js';
import type { ArraysEncoding } from '../encoding.js';
import type { EncodedSamples, SampleFile } from '../source.js';
import { sizeOf } from '../../tensor/shape.js';
import { gatherRows, type Rows, type Table, type TargetKind } from '../fields.js';

/** Features, bytes or float64; the first dimension is the sample axis. */
export interface ArrayFeatures extends Omit<PlacedArray, 'values' | 'place'> {
  /** Bytes may be kept in a file instead, one record per sample. */
  readonly values: NumericArray['values'] | Records;
  readonly file: string;
  /** Location of sample `sample`, for errors. */
  placeOf(sample: number): DataErrorPlace;
}

/** Targets: class labels or numbers. */
export interface ArrayTargets {
  readonly place: DataErrorPlace;
  /** Values per target. */
  readonly width: number;
  readonly labels?: Labels;
  /** Names of the multi-label columns. */
  readonly names?: readonly string[];
  /** The numeric targets of `rows`; undefined for labels. */
  numbersOf(rows: Rows): Table;
}

/** Samples from two arrays, or from features alone. Throws DataError if they do not match each other or `kind`. */
export function samplesOfPair(
  features: PlacedArray,
  targets: PlacedArray | undefined,
  kind: TargetKind,
): SampleFile<ArraysEncoding> {
  const { place } = features;
  const size = features.dims[0];
  const placeOf = (sample: number): DataErrorPlace => ({
    ...place,
    hint: `it is in sample ${sample} (counted from 0)`,
  });
  const placed = { ...features, file: place.file, placeOf };
  if (targets === undefined) return samplesOf(placed, undefined);
  if (targets.dims[0] !== size) {
    const where = place.part === undefined ? place.file : `${place.file}: ${place.part}`;
    throw new DataError(`${counted(targets.dims[0], 'target')} for ${counted(size, 'sample')} in ${where}`, {
      ...targets.place,
      hint: 'features and targets must come from the same split: is one of them the test file?',
    });
  }
  const width = kind === 'classes' ? 1 : sizeOf(targets.dims.slice(1));
  return samplesOf(placed, {
    place: targets.place,
    width,
    ...(kind === 'classes' ? { labels: labelsOf(targets) } : {}),
    ...(kind === 'labels' ? { names: labelNames(targets, width) } : {}),
    numbersOf: (rows) => numbers(targets, width, rows),
  });
}

/** Samples with `targets` or without. */
export function samplesOf(features: ArrayFeatures, targets: ArrayTargets | undefined): SampleFile<ArraysEncoding> {
  const shape = sampleShape(features.dims);
  const labels = targets?.labels;
  const width = targets?.width ?? sizeOf(shape);
  const placeOfTarget = (): DataErrorPlace => targets?.place ?? { file: features.file };
  const classesOf = (rows: Rows): readonly string[] | undefined =>
    labels === undefined ? targets?.names : fitClasses(labels, rows, placeOfTarget);
  return {
    file: features.file,
    size: features.dims[0],
    labels,
    ...(features.values instanceof Records && { records: features.values }),
    fit: (rows: Rows): ArraysEncoding => {
      const classes = classesOf(rows);
      return {
        kind: 'arrays',
        dtype: features.type === 'u8' ? 'u8' : 'f32',
        shape,
        target_width: width,
        ...(classes === undefined ? {} : { classes: [...classes] }),
      };
    },
    encode: (rows: Rows, encoding: ArraysEncoding): EncodedSamples => {
      checkAgainst(encoding, features, shape);
      if (width !== encoding.target_width) {
        throw new DataError(`targets of ${width} values, where training had ${encoding.target_width}`, placeOfTarget());
      }
      const encodedTargets: Table | undefined =
        labels === undefined
          ? targets?.numbersOf(rows)
          : { shape: [], dtype: 'i32', values: encodeClasses(labels, rows, encoding, placeOfTarget) };
      const placeOf = (sample: number): DataErrorPlace => features.placeOf(rows === undefined ? sample : rows[sample]);
      // Bytes are not copied: the splits of a large file share them.
      const { values } = features;
      if (values instanceof Records) {
        const all = rows ?? Int32Array.from({ length: features.dims[0] }, (_, row) => row);
        return { features: { shape, records: values, rows: all }, targets: encodedTargets, placeOf };
      }
      if (values instanceof Uint8Array)
        return { features: { shape, values, ...(rows && { rows }) }, targets: encodedTargets, placeOf };
      const gathered = gatherRows(values, sizeOf(shape), rows);
      refuseNotFinite(gathered, features.dims.slice(1), placeOf);
      return { features: { shape, values: gathered }, targets: encodedTargets, placeOf };
    },
  };
}

/** Checked before fitting: a single NaN would spread to everything standardized with it. */
function refuseNotFinite(
  values: Float64Array,
  shape: readonly number[],
  placeOf: (sample: number) => DataErrorPlace,
): void {
  const width = sizeOf(shape);
  const bad = values.findIndex((value: number) => !Number.isFinite(value));
  if (bad < 0) return;
  // Its index along each axis of a sample.
  let rest = bad % width;
  const index = shape.toReversed().map((dim) => {
    const along = rest % dim;
    rest = (rest - along) / dim;
    return along;
  });
  const entry = width === 1 ? '' : ` at [${index.toReversed().join(', ')}]`;
  throw new DataError(`the feature${entry} is ${values[bad]}`, placeOf(Math.floor(bad / width)));
}

/** [n, height, width] becomes single-channel images; [n] becomes samples of one value. */
function sampleShape(dims: readonly number[]): number[] {
  const shape = dims.slice(1);
  if (shape.length === 0) return [1];
  return shape.length === 2 ? [...shape, 1] : shape;
}

function checkAgainst(encoding: ArraysEncoding, features: ArrayFeatures, shape: readonly number[]): void {
  const dtype = features.type === 'u8' ? 'u8' : 'f32';
  if (shape.join() !== encoding.shape.join()) {
    const problem = `samples of shape [${shape.join(', ')}], where training had [${encoding.shape.join(', ')}]`;
    throw new DataError(problem, { file: features.file });
  }
  if (dtype !== encoding.dtype) {
    throw new DataError(`elements of type ${features.type}, where training had ${encoding.dtype}`, {
      file: features.file,
    });
  }
}

/** Class labels must be integers, one per sample. */
function labelsOf(targets: PlacedArray): Labels {
  if (sizeOf(targets.dims) !== targets.dims[0]) {
    throw new DataError(`targets of shape [${targets.dims.slice(1).join(', ')}], but a class is one number`, {
      ...targets.place,
      hint: 'are features and targets swapped? For targets of several numbers set task: regression',
    });
  }
  const codeOf = new Map<number, number>();
  const codes = new Int32Array(targets.values.length);
  targets.values.forEach((value, i) => {
    let code = codeOf.get(value);
    if (code === undefined) {
      if (!Number.isInteger(value)) {
        throw new DataError(`label ${value} of sample ${i} (counted from 0) is not a whole number`, {
          ...targets.place,
          hint: 'for targets that are measurements set task: regression',
        });
      }
      code = codeOf.size;
      codeOf.set(value, code);
    }
    codes[i] = code;
  });
  return { values: [...codeOf.keys()].map(String), codes };
}

/** Names of the columns of a multi-label target. Throws DataError if a label is neither 0 nor 1. */
function labelNames({ values, place }: PlacedArray, width: number): string[] {
  const wrong = values.findIndex((value: number) => value !== 0 && value !== 1);
  if (wrong >= 0) {
    const problem = `expected labels of 0 and 1, got ${values[wrong]} in sample ${Math.floor(wrong / width)} (counted from 0)`;
    throw new DataError(problem, { ...place, hint: 'for one class number per sample set task: classification' });
  }
  return Array.from({ length: width }, (_, label) => String(label));
}

function numbers(targets: PlacedArray, width: number, rows: Rows): Table {
  const values = Float32Array.from(gatherRows(targets.values, width, rows));
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const sample = Math.floor(bad / width);
    const row = rows === undefined ? sample : rows[sample];
    throw new DataError(`target ${values[bad]} of sample ${row} (counted from 0) is not finite`, targets.place);
  }
  return { shape: [width], dtype: 'f32', values };
}
