/** Columns of text that tell samples apart by name, or not at all. */
import type { Finding, Lint } from './lint.js';

/** Fewer categories may well be different in each of a few rows. */
const FEWEST_CATEGORIES = 20;
const MOSTLY = 0.9;

export const identifierColumn: Lint = {
  description: 'a text column with a different value in nearly every row',
  reason:
    'One-hot, such a column has a feature for each sample that is 0 for all others: a network can learn the training samples by name, ' +
    `and new samples have none of the names. Reported from ${FEWEST_CATEGORIES} values on, if they are at least ${100 * MOSTLY} % as many as the training samples.`,
  find({ config, data }) {
    const { encoding } = data.preprocessing;
    // Of the whole split, of which `limit_train` leaves a part: the two cannot be compared.
    if (encoding.kind !== 'table' || config.data.limit_train !== undefined) return [];
    return encoding.columns.flatMap((column): Finding[] => {
      if (column.kind !== 'categorical') return [];
      const { name, categories } = column;
      if (categories.length < FEWEST_CATEGORIES || categories.length < MOSTLY * data.train.size) return [];
      const message = `text column "${name}" has ${categories.length} different values in ${data.train.size} training samples`;
      return [{ path: ['data', 'source'], message, fix: `leave it out: drop: [${name}]` }];
    });
  },
};

export const constantColumn: Lint = {
  description: 'a text column with one value only',
  reason: 'It says nothing about a sample: either it can go, or the rows with other values are missing.',
  find({ data }) {
    const { encoding } = data.preprocessing;
    if (encoding.kind !== 'table') return [];
    return encoding.columns.flatMap((column): Finding[] => {
      if (column.kind !== 'categorical' || column.categories.length !== 1) return [];
      const message = `text column "${column.name}" has the value "${column.categories[0].slice(0, 60)}" in every training sample`;
      return [{ path: ['data', 'source'], message, fix: `leave it out: drop: [${column.name}]` }];
    });
  },
};
