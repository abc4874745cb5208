/**
 * What every kind of data source offers: files are opened, an encoding is learned from the training rows, and rows are encoded
 * as numbers by it. The encoding is plain JSON and goes into the checkpoint, so that new data are treated the same way.
 */
import * as z from 'zod';
import { text } from '../config/atoms.js';
import type { DataErrorPlace } from './data-error.js';
import type { DataFiles } from './data-files.js';
import type { Labels } from './labels.js';
import type { Role, Rows, Table, Task } from './table.js';

const names = z.array(z.string());

export const columnEncodingSchema = z.discriminatedUnion('kind', [
  /** `fill` stands in for missing values, where the config asks for that. */
  z.strictObject({ kind: z.literal('numeric'), name: text, fill: z.number().optional() }),
  /** One-hot: a column of 0 and 1 for each category. */
  z.strictObject({ kind: z.literal('categorical'), name: text, categories: names }),
]);
export type ColumnEncoding = z.output<typeof columnEncodingSchema>;

/** How samples become numbers. `classes` are the names of the class indices; absent in regression. */
export const encodingSchema = z.discriminatedUnion('source', [
  z.strictObject({
    source: z.literal('idx'),
    dtype: z.enum(['u8', 'f32']),
    shape: z.array(z.int().positive()).min(1),
    /** Values of a target. */
    target_width: z.int().positive(),
    classes: names.optional(),
  }),
  z.strictObject({
    source: z.literal('csv'),
    columns: z.array(columnEncodingSchema).min(1),
    targets: names.min(1),
    classes: names.optional(),
  }),
]);
export type Encoding = z.output<typeof encodingSchema>;
export type IdxEncoding = Extract<Encoding, { source: 'idx' }>;
export type CsvEncoding = Extract<Encoding, { source: 'csv' }>;

export interface OpenContext {
  readonly files: DataFiles;
  readonly task: Task;
  /** The roles whose files are wanted; others stay closed. `train` is also what splits are carved from. */
  readonly roles: readonly Role[];
}

/** Encoded samples before preprocessing. */
export interface EncodedSamples {
  readonly features: { readonly shape: readonly number[]; readonly values: Uint8Array | Float64Array };
  readonly targets: Table;
  /** Where feature `entry` of sample `sample` comes from. */
  readonly placeOf: (sample: number, entry: number) => DataErrorPlace;
}

/** A file (or pair of files) of samples. */
export interface SampleFile<E extends Encoding> {
  readonly file: string;
  readonly size: number;
  /** The classes of all samples, in classification. */
  readonly labels: Labels | undefined;
  /** Learns the encoding from `rows`. Throws DataError where they cannot be used. */
  readonly fit: (rows: Rows) => E;
  /** Throws DataError where a sample does not fit the encoding. */
  readonly encode: (rows: Rows, encoding: E) => EncodedSamples;
}

export type SampleFiles<E extends Encoding> = Partial<Record<Role, SampleFile<E>>>;
