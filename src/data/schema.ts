/** The `data` part of an experiment: where samples come from, how they are split and preprocessed. */
import * as z from 'zod';
import { positiveInt, text } from '../config/atoms.js';
import { component } from '../config/component.js';
import { isProjection, preprocessors } from './preprocess.js';
import type { DataSource } from './source.js';
import { dataSources, sourceOf } from './sources/index.js';

const partSize = z
  .union([z.number().gt(0).lt(1), positiveInt])
  .describe('a fraction between 0 and 1 of the samples in the training file, or a count of them');

const splitSchema = z.strictObject({
  val: partSize.optional().describe('validation samples: a fraction between 0 and 1 of the training file, or a count'),
  test: partSize.optional().describe('test samples: a fraction between 0 and 1 of the training file, or a count'),
  stratify: z.boolean().default(false).describe('whether every part gets the same share of each class'),
});

const limit = (role: string) => positiveInt.optional().describe(`only the first n ${role} samples after the split`);

export const dataSchema = z
  .strictObject({
    source: component(dataSources).describe('where the samples come from'),
    split: splitSchema.prefault({}).describe('what is split off the training file, shuffled by the seed'),
    preprocess: z
      .array(component(preprocessors))
      .default([])
      .describe('preprocessing of the numeric features, in this order, fitted on the training split'),
    folds: z
      .int()
      .min(2)
      .optional()
      .describe(
        'cross-validation: this many runs, each tested on a different part of the training file; split.stratify applies',
      ),
    fold: positiveInt.optional().describe('train only this fold, counted from 1; all by default'),
    cache: z
      .enum(['memory', 'disk'])
      .default('memory')
      .describe(
        'where the samples are kept: in memory, or in a temporary file for data larger than memory (tables, and images, decoded once); the results are bit-identical',
      ),
    cache_dir: text
      .optional()
      .describe('the folder of that file, relative to the config; by default the system folder (TMPDIR)'),
    limit_train: limit('training'),
    limit_val: limit('validation'),
    limit_test: limit('test'),
  })
  .superRefine(({ source, split, preprocess, folds, fold, cache, cache_dir }, context) => {
    const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    preprocess.slice(0, -1).forEach((component, i) => {
      if (isProjection(component))
        refuse(['preprocess', i], `${component.type} acts on all features together: put it last`);
    });
    if (cache === 'disk' && sourceOf(source).onDisk !== true) {
      const able = Object.entries<DataSource>(dataSources).flatMap(([name, { onDisk }]) => (onDisk ? [name] : []));
      const known = `${able.slice(0, -1).join(', ')} and ${able.at(-1)}`;
      refuse(['cache'], `${source.type} is read into memory: disk works with ${known}; leave it out, or convert the data`); // prettier-ignore
    }
    if (cache !== 'disk' && cache_dir !== undefined) refuse(['cache_dir'], 'belongs to data.cache: disk');
    if (folds !== undefined) {
      const message = 'each of the data.folds is the test split in turn: leave out one of them';
      if (split.test !== undefined) refuse(['split', 'test'], message);
      if (sourceOf(source).ownFiles(source).includes('test')) refuse(['source', 'test'], message);
    }
    if (fold !== undefined && folds === undefined) refuse(['fold'], 'needs data.folds, the number of all folds');
    if (fold !== undefined && folds !== undefined && fold > folds) refuse(['fold'], `there are only ${folds} folds`);
    for (const role of ['val', 'test'] as const) {
      if (split[role] === undefined || !sourceOf(source).ownFiles(source).includes(role)) continue;
      const message = `the source has ${role} files already: leave out one of them`;
      refuse(['split', role], message);
    }
  });

export type DataConfig = z.output<typeof dataSchema>;

/** Whether there are samples for `role`, separate or split off the training file. */
export const hasPart = ({ source, split }: DataConfig, role: 'val' | 'test'): boolean =>
  split[role] !== undefined || sourceOf(source).ownFiles(source).includes(role);
