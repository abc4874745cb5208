/** A short config for a task, and what is wrong with it. */
import { experimentSchema } from '../../../src/train/index.js';

const written = (task: unknown, parts: object): object => ({
  task,
  data: { source: { csv: { path: 'rows.csv', target: 'y' } } },
  model: { layers: [{ dense: { units: 1 } }] },
  ...parts,
});

/** The checked config. */
export const parsed = (task: unknown, parts: object = {}) => experimentSchema.parse(written(task, parts));

/** Every problem as `path: message`. */
export const refused = (task: unknown, parts: object): string[] =>
  (experimentSchema.safeParse(written(task, parts)).error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  );

/** The data without what is to be predicted. */
export const withoutTarget = { data: { source: { csv: { path: 'rows.csv' } } } };
