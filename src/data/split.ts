/**
 * Which samples train, which validate, which test. The choice is a function of the seed and the data alone, so that a later
 * evaluation or a resumed run finds the same splits.
 */
import { hostRandom } from '../tensor/random.js';
import { counted, DataError } from './data-error.js';
import { type Labels, sameNumberHint } from './labels.js';
import type { Fields, Rows } from './fields.js';

/** The samples of one part of the data. */
export interface Split {
  readonly size: number;
  readonly fields: Fields;
}

/** Sizes of the parts split off the training file: a fraction of its samples in (0, 1), or a count from 1 on. */
export interface SplitSizes {
  readonly val?: number;
  readonly test?: number;
  /** Give every part the same share of each class, to within one sample. */
  readonly stratify?: boolean;
}

export interface SplitRows {
  readonly train: Rows;
  readonly val?: Int32Array;
  readonly test?: Int32Array;
}

/**
 * Splits `size` samples of `file`. They are shuffled first; without validation and test parts they stay in file order.
 * `labels` are the classes, if the targets are classes. Throws DataError if a part would be empty or a class cannot be distributed.
 */
export function splitRows(
  file: string,
  size: number,
  sizes: SplitSizes,
  seed: number,
  labels: Labels | undefined,
): SplitRows {
  const { val, test, stratify = false } = sizes;
  if (val === undefined && test === undefined) return { train: undefined };
  const testCount = partSize(file, size, 'test', test);
  const valCount = partSize(file, size, 'val', val);
  if (testCount + valCount >= size) {
    const asked = [`val ${val ?? 0}`, `test ${test ?? 0}`].join(', ');
    throw new DataError(`data.split (${asked}) leaves nothing of ${counted(size, 'sample')} to train on`, { file });
  }
  const order = hostRandom(seed, 'split').permutation(size);
  const parts = stratify ? stratifiedParts(file, order, testCount, valCount, labels) : undefined;
  // Without stratification, views of the order: copies of a large file's would take too much memory.
  const pick = (part: number, start: number, count: number): Int32Array =>
    parts === undefined ? order.subarray(start, start + count) : picked(order, parts, part);
  return {
    train: pick(TRAIN, testCount + valCount, size - testCount - valCount),
    val: val === undefined ? undefined : pick(VAL, testCount, valCount),
    test: test === undefined ? undefined : pick(TEST, 0, testCount),
  };
}

/** The entries of `order` that are in `part`. */
function picked(order: Int32Array, parts: Uint8Array, part: number): Int32Array {
  const chosen = new Int32Array(parts.reduce((sum, other) => sum + Number(other === part), 0));
  let at = 0;
  for (let i = 0; i < order.length; i++) if (parts[i] === part) chosen[at++] = order[i];
  return chosen;
}

const [TRAIN, VAL, TEST] = [0, 1, 2];

export function partSize(file: string, size: number, part: string, asked: number | undefined): number {
  if (asked === undefined) return 0;
  const count = asked < 1 ? Math.round(asked * size) : asked;
  if (count > size) {
    throw new DataError(`data.split.${part} asks for ${count} samples, but the file has ${size}`, { file });
  }
  if (count > 0) return count;
  throw new DataError(`data.split.${part}: ${asked} of ${counted(size, 'sample')} leaves no sample`, {
    file,
    hint: 'give a larger fraction, or a count',
  });
}

/** The part of each position of the shuffled order, with each class distributed in proportion. */
function stratifiedParts(
  file: string,
  order: Int32Array,
  testCount: number,
  valCount: number,
  labels: Labels | undefined,
): Uint8Array {
  if (labels === undefined) {
    throw new DataError('data.split.stratify needs one class for each sample', { file, hint: 'remove stratify' });
  }
  const members = labels.values.map((): number[] => []);
  order.forEach((row, position) => members[labels.codes[row]].push(position));
  const classSizes = members.map((positions) => positions.length);
  const wanted = [testCount, valCount].filter((count) => count > 0);
  checkStratifiable(file, labels, classSizes, wanted);

  const none = classSizes.map(() => 0);
  const testOfClass = apportion(testCount, order.length, classSizes, none, 0);
  const valOfClass = apportion(valCount, order.length, classSizes, testOfClass, testCount);
  const parts = new Uint8Array(order.length);
  members.forEach((positions, label) => {
    const [test, val] = [testOfClass[label], valOfClass[label]];
    positions.forEach((position, i) => (parts[position] = i < test ? TEST : i < test + val ? VAL : TRAIN));
  });
  return parts;
}

const rareClassHint = (count: number): string =>
  count === 1
    ? 'remove its row: one sample cannot both train and test'
    : 'split into fewer parts, or remove stratify or the class';

function checkStratifiable(
  file: string,
  labels: Labels,
  classSizes: readonly number[],
  wanted: readonly number[],
): void {
  const classes = classSizes.filter((size) => size > 0).length;
  for (const count of wanted) {
    if (count < classes) {
      throw new DataError(`data.split.stratify: a part of ${counted(count, 'sample')} cannot hold ${classes} classes`, {
        file,
        hint: 'make val and test larger, or remove stratify',
      });
    }
  }
  const parts = wanted.length + 1;
  const rare = classSizes.findIndex((size) => size > 0 && size < parts);
  if (rare < 0) return;
  throw new DataError(
    `data.split.stratify: class "${labels.values[rare]}" has ${counted(classSizes[rare], 'sample')}, too few for ${parts} parts`,
    { file, hint: sameNumberHint(labels.values[rare], labels.values) ?? rareClassHint(classSizes[rare]) },
  );
}

/**
 * Shares `count` of `total` samples among the classes in proportion to their sizes, each to within one of its exact share (largest
 * remainders, Hamilton's method). What rounding took from a class in an earlier part (`before`, of `countBefore` in total) is
 * credited here, and every class keeps a sample for training.
 */
function apportion(
  count: number,
  total: number,
  classSizes: readonly number[],
  before: readonly number[],
  countBefore: number,
): number[] {
  const shares = classSizes.map((size) => (count * size) / total);
  const parts = shares.map((share, i) => Math.min(Math.floor(share), Math.max(0, classSizes[i] - before[i] - 1)));
  const due = shares.map((share, i) => share - parts[i] + (countBefore * classSizes[i]) / total - before[i]);
  const open = (i: number): boolean => before[i] + parts[i] + 1 < classSizes[i] && parts[i] < Math.ceil(shares[i]);
  const byDue = classSizes.map((_, i) => i).sort((a, b) => due[b] - due[a] || a - b);
  let left = count - parts.reduce((sum, part) => sum + part, 0);
  for (const i of byDue) {
    if (left === 0) break;
    if (!open(i)) continue;
    parts[i]++;
    left--;
  }
  // Tiny classes that must keep a sample for training pass their share on to the largest.
  for (const i of [...byDue].sort((a, b) => classSizes[b] - classSizes[a])) {
    const room = Math.min(left, Math.max(0, classSizes[i] - before[i] - parts[i] - 1));
    parts[i] += room;
    left -= room;
  }
  return parts;
}
