/** What counts as no value, in a file of text. */

const MISSING: ReadonlySet<string> = new Set(['', 'NA', 'NaN', '?']);

export const isMissing = (value: string): boolean => MISSING.has(value);
