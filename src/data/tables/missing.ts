/** What counts as missing in a text file. */

/** An empty field always; else what pandas treats as missing, and the question mark of the UCI repository. */
const MISSING_VALUES: readonly string[] = [
  '', '?', 'NA', 'N/A', 'n/a', '<NA>', '#NA', '#N/A', '#N/A N/A', 'NaN', 'nan', '-NaN', '-nan', 'NULL', 'null', 'None',
  '1.#IND', '-1.#IND', '1.#QNAN', '-1.#QNAN',
]; // prettier-ignore

/** The texts that count as missing: those that a config names, or those that are known. */
export const missingValues = (named: readonly string[] | undefined): ReadonlySet<string> =>
  new Set(named === undefined ? MISSING_VALUES : ['', ...named]);
