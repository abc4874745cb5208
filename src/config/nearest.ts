/**
 * Did-you-mean: the known name that is closest to a misspelt one. The distance counts insertions, deletions, substitutions and
 * swaps of neighbours, so that "rleu" is one step from "relu". Used wherever a name is rejected.
 */

/** Optimal string alignment distance (Damerau-Levenshtein without editing a substring twice) between `a` and `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}

/** Longer names than this are no misspelling of ours, and the distance takes quadratic time. */
const LONGEST_NAME = 64;

/** `max_pool_2d` and `MaxPool2D` are spellings of `max_pool2d`. */
const letters = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/**
 * The name of `known` nearest to `name`, or undefined where none is near enough: a third of the longer name's letters may
 * differ, one letter always (but never the whole name). A prefix of at least three letters counts as near (`norm`: `normal`).
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const wanted = letters(name);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const other = letters(candidate);
    const longer = Math.max(wanted.length, other.length);
    const isPrefix =
      wanted.length >= 3 && (other.startsWith(wanted) || (other.length >= 3 && wanted.startsWith(other)));
    const distance = editDistance(wanted, other);
    const near = distance === 0 || (distance < longer && distance <= Math.max(1, Math.floor(longer / 3)));
    // A prefix ranks behind a true misspelling of the same distance or less.
    const rank = near ? distance : isPrefix ? distance + 0.5 : Infinity;
    if (rank < bestDistance) {
      best = candidate;
      bestDistance = rank;
    }
  }
  return best;
}

/** `did you mean "units"?` for the nearest known name, or undefined. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const found = nearest(name, known);
  return found === undefined ? undefined : `did you mean "${found}"?`;
}
