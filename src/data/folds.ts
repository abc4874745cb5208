/**
 * Cross-validation: the samples of the training file in k folds, each the test split of one run. Like the splits, the
 * folds are a function of the seed and the data alone, so that all runs of a cross-validation see the same ones.
 */
import { hostRandom } from '../tensor/random.js';
import { counted, DataError } from './data-error.js';
import { type Labels, sameNumberHint } from './labels.js';
import { partSize, type SplitRows, type SplitSizes, splitRows } from './split.js';

export interface Fold {
  /** The fold held out, from 1. */
  readonly fold: number;
  readonly folds: number;
}

/**
 * The rows of one fold as the test split, the others for training; a validation split is taken from those, as `sizes` says.
 * Throws DataError where there are fewer samples than folds, or a class cannot be distributed.
 */
export function splitFold(
  file: string,
  size: number,
  { fold, folds }: Fold,
  { val, stratify = false }: SplitSizes,
  seed: number,
  labels: Labels | undefined,
): SplitRows {
  const foldOf = foldOfEachRow(file, size, folds, stratify, seed, labels);
  const rows = (held: boolean): Int32Array =>
    Int32Array.from(foldOf.keys()).filter((row) => (foldOf[row] === fold - 1) === held);
  const rest = rows(false);
  const labelsOfRest = labels && { values: labels.values, codes: rest.map((row) => labels.codes[row]) };
  const parts = splitRows(file, rest.length, { val, stratify }, seed, labelsOfRest);
  return {
    train: parts.train === undefined ? rest : parts.train.map((i) => rest[i]),
    val: parts.val?.map((i) => rest[i]),
    test: rows(true),
  };
}

/** How many of the `size` samples each fold trains on. */
export function foldTrainingSizes(file: string, size: number, folds: number, { val }: SplitSizes): number[] {
  return Array.from({ length: folds }, (_, fold) => {
    const rest = size - Math.ceil((size - fold) / folds);
    return rest - (val === undefined ? 0 : partSize(file, rest, 'val', val));
  });
}

/** Deals the shuffled rows out to the folds round-robin: class by class if stratified, so that each gets its share of every class. */
function foldOfEachRow(
  file: string,
  size: number,
  folds: number,
  stratify: boolean,
  seed: number,
  labels: Labels | undefined,
): Int32Array {
  if (size < folds) throw new DataError(`${folds} folds of ${counted(size, 'sample')}: some would be empty`, { file });
  const order = [...hostRandom(seed, 'folds').permutation(size)];
  const dealt = stratify ? byClass(file, order, labels) : order;
  const foldOf = new Int32Array(size);
  dealt.forEach((row, i) => (foldOf[row] = i % folds));
  return foldOf;
}

function byClass(file: string, order: readonly number[], labels: Labels | undefined): number[] {
  if (labels === undefined) {
    const hint = 'remove stratify';
    throw new DataError('data.split.stratify needs one class for each sample', { file, hint });
  }
  const members = labels.values.map((): number[] => []);
  for (const row of order) members[labels.codes[row]].push(row);
  // Two samples of a class are in different folds, so that one of them always trains.
  const alone = members.findIndex((rows) => rows.length === 1);
  if (alone >= 0) {
    throw new DataError(
      `data.folds: class "${labels.values[alone]}" has one sample, which cannot both train and test`,
      {
        file,
        hint: sameNumberHint(labels.values[alone], labels.values) ?? 'remove its row',
      },
    );
  }
  return members.flat();
}
