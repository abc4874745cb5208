/** Describes an experiment's data: columns of its tables, classes, constant features, samples that splits share. */
import { Hash63 } from './hash63.js';
import { type LoadedData, loadData, type LoadOptions } from './load.js';
import type { DataConfig } from './schema.js';
import type { ColumnReport } from './source.js';
import { sizeOf } from '../tensor/shape.js';
import { bitsIn, forEachSample, forEachSampleBits, sampleOf } from './fields.js';
import type { Split } from './split.js';
import { type SplitName, splitNames } from './split-names.js';

export interface FileReport {
  readonly role: SplitName;
  readonly file: string;
  readonly rows: number;
  /** Tables only. */
  readonly columns?: readonly ColumnReport[];
}

/** Samples of one part whose features are bit-identical to a sample of another part. */
export interface Leak {
  readonly from: SplitName;
  readonly into: SplitName;
  readonly samples: number;
  /** How many of these have a different target there. */
  readonly contradicting: number;
}

export interface DataReport {
  readonly files: readonly FileReport[];
  /** Sizes of the parts. */
  readonly splits: Partial<Record<SplitName, number>>;
  /** Shape of a sample. */
  readonly shape: readonly number[];
  readonly classes?: readonly { readonly name: string; readonly counts: Partial<Record<SplitName, number>> }[];
  /** Regression targets only. */
  readonly targets?: { readonly min: number; readonly mean: number; readonly max: number };
  /** Features with one value in the whole training split, by name or index. */
  readonly constant: readonly string[];
  /** Samples of the training split that repeat an earlier one. */
  readonly repeated: number;
  readonly leaks: readonly Leak[];
}

/** Loads the data and describes files and splits. Throws DataError; `onFiles` gets the files first. */
export async function inspectData(
  config: DataConfig,
  options: LoadOptions,
  onFiles: (files: readonly FileReport[]) => void,
): Promise<{ report: DataReport; data: LoadedData }> {
  let files: readonly FileReport[] = [];
  const data = await loadData(config, options, (opened) => {
    files = splitNames.flatMap((role): FileReport[] => {
      const from = opened[role];
      return from === undefined ? [] : [{ role, file: from.file, rows: from.size, columns: from.describe?.() }];
    });
    onFiles(files);
  });
  return { report: { files, ...describeSplits(data, options) }, data };
}

function describeSplits(data: LoadedData, { target }: LoadOptions): Omit<DataReport, 'files'> {
  const parts = splitNames.flatMap((role): [SplitName, Split][] => {
    const split = data[role];
    return split === undefined ? [] : [[role, split]];
  });
  const { classes, train } = data;
  return {
    splits: Object.fromEntries(parts.map(([role, { size }]) => [role, size])),
    shape: train.fields.features.shape,
    ...(classes === undefined ? {} : { classes: classes.map((name, label) => ({ name, counts: Object.fromEntries(parts.map(([role, split]) => [role, countOf(split, label)])) })) }), // prettier-ignore
    ...(target === 'numbers' && train.fields.targets ? { targets: rangeOf(train.fields.targets.values) } : {}),
    constant: constantFeatures(data),
    ...sharedSamples(parts),
  };
}

/** How many samples have the class or label. */
function countOf({ size, fields: { targets } }: Split, label: number): number {
  if (targets === undefined) return 0;
  const severalLabels = targets.shape.length > 0;
  let count = 0;
  for (let i = 0; i < size; i++) {
    const values = sampleOf(targets, i);
    if (severalLabels ? values[label] === 1 : values[0] === label) count++;
  }
  return count;
}

function rangeOf(values: ArrayLike<number>): { min: number; mean: number; max: number } {
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (let i = 0; i < values.length; i++) {
    min = Math.min(min, values[i]);
    max = Math.max(max, values[i]);
    sum += values[i];
  }
  return { min, mean: sum / values.length, max };
}

/** With more entries than this they are taken for pixels, whose border is often constant. */
const MOST_NAMED = 1000;

function constantFeatures({ train }: LoadedData): string[] {
  const { shape, columns } = train.fields.features;
  const width = sizeOf(shape);
  if (shape.length > 1 || width > MOST_NAMED) return [];
  const names =
    columns === undefined
      ? Array.from({ length: width }, (_, i) => `feature ${i}`)
      : columns.map(({ name, isMeasure, column }, i, all) =>
          isMeasure ? name : `${name}[${i - all.findIndex((other) => other.column === column)}]`,
        );
  const first = sampleOf(train.fields.features, 0).slice();
  let constant = names.map((_, entry) => entry);
  forEachSample(train.fields.features, train.size, (values) => {
    if (constant.some((entry) => values[entry] !== first[entry])) {
      constant = constant.filter((entry) => values[entry] === first[entry]);
    }
  });
  return constant.map((entry) => names[entry]);
}

/** Samples with the same features within the training split and between the parts. */
function sharedSamples(parts: readonly (readonly [SplitName, Split])[]): Pick<DataReport, 'repeated' | 'leaks'> {
  const known: { readonly role: SplitName; readonly samples: SampleHashes }[] = [];
  const leaks: Leak[] = [];
  for (const [into, split] of parts) {
    const samples = hashesOf(split);
    for (const { role: from, samples: there } of known) {
      let [shared, contradicting] = [0, 0];
      for (let i = 0; i < split.size; i++) {
        if (!holds(there.features, samples.features[i])) continue;
        shared++;
        if (!holds(there.whole, samples.whole[i])) contradicting++;
      }
      if (shared > 0) leaks.push({ from, into, samples: shared, contradicting });
    }
    samples.features.sort();
    samples.whole.sort();
    known.push({ role: into, samples });
  }
  const [{ samples }] = known;
  let repeated = 0;
  for (let i = 1; i < samples.features.length; i++) if (samples.features[i] === samples.features[i - 1]) repeated++;
  return { repeated, leaks };
}

/** A hash of each sample's features, and one of features and target together: 16 bytes per sample, whatever its size. */
interface SampleHashes {
  readonly features: Float64Array;
  readonly whole: Float64Array;
}

function hashesOf({ size, fields: { features, targets } }: Split): SampleHashes {
  const hashes = { features: new Float64Array(size), whole: new Float64Array(size) };
  const hash = new Hash63();
  const targetBits = targets && bitsIn(targets);
  forEachSampleBits(features, size, (bits, start, end, i) => {
    hash.start();
    hash.add(bits, start, end);
    hashes.features[i] = hash.result();
    if (targetBits !== undefined) hash.add(...targetBits(i));
    hashes.whole[i] = hash.result();
  });
  return hashes;
}

/** Whether `sorted`, ascending, contains `value`. */
function holds(sorted: Float64Array, value: number): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === value;
}
