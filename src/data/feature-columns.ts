/** The source column of each feature of a table, after preprocessing. */
import type { FeatureColumn } from './fields.js';
import type { FittedPreprocessing } from './fitted-preprocessing.js';
import { measuresOf } from './tables/columns.js';

/** One per feature; undefined if the samples are not table rows. */
export function featureColumns({ encoding, projection }: FittedPreprocessing): FeatureColumn[] | undefined {
  if (encoding.kind !== 'table') return undefined;
  const all = encoding.columns.flatMap((column, i) =>
    measuresOf(column).map((isMeasure): FeatureColumn => ({ name: column.name, isMeasure, column: i })),
  );
  if (projection === undefined || projection.in_place) return all;
  const components = Array.from({ length: projection.components }, (_, i): FeatureColumn => ({
    name: `component ${i + 1}`,
    isMeasure: true,
    column: encoding.columns.length + i,
  }));
  const projected = new Set(projection.inputs);
  return [...components, ...all.filter((_, entry) => !projected.has(entry))];
}
