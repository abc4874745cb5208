/**
 * What every data source offers: files are opened, an encoding is learned from the training rows, and rows are encoded
 * as numbers by it. The encoding is plain JSON and goes into the checkpoint, so that new data are treated the same way.
 */
import * as z from 'zod';
import { text } from '../config/atoms.js';
import type { DataErrorPlace } from './data-error.js';
import type { DataFiles } from './data-files.js';
import type { Labels } from './labels.js';
import type { Records } from './records.js';
import type { Rows, Table, TargetKind } from './fields.js';
import type { SplitName } from './split.js';

const names = z.array(z.string());

export const columnEncodingSchema = z.discriminatedUnion('kind', [
  /** `fill` stands in for missing values, where the config asks for that; with `indicator` a second feature says where. */
  z.strictObject({
    kind: z.literal('numeric'),
    name: text,
    fill: z.number().optional(),
    indicator: z.literal(true).optional(),
  }),
  /** One-hot: a column of 0 and 1 for each category; `fill` is that of missing values. */
  z.strictObject({ kind: z.literal('categorical'), name: text, categories: names, fill: z.string().optional() }),
  /** One-hot by the bucket that a category hashes to. */
  z.strictObject({ kind: z.literal('hashed'), name: text, buckets: z.int().positive() }),
]);
export type ColumnEncoding = z.output<typeof columnEncodingSchema>;

/** Of samples that are arrays of one shape: bytes stay bytes, all else is float32. */
const arraysEncodingSchema = z.strictObject({
  kind: z.literal('arrays'),
  dtype: z.enum(['u8', 'f32']),
  shape: z.array(z.int().positive()).min(1),
  /** Values of a target. */
  target_width: z.int().positive(),
  classes: names.optional(),
});
/** Of samples that are rows of a table. */
const tableEncodingSchema = z.strictObject({
  kind: z.literal('table'),
  columns: z.array(columnEncodingSchema).min(1),
  targets: names,
  classes: names.optional(),
});

/** How samples become numbers. `classes` are the names of the class indices or yes-or-no labels; absent for other targets. */
export const encodingSchema = z.discriminatedUnion('kind', [arraysEncodingSchema, tableEncodingSchema]);
export type Encoding = z.output<typeof encodingSchema>;
export type ArraysEncoding = z.output<typeof arraysEncodingSchema>;
export type TableEncoding = z.output<typeof tableEncodingSchema>;

export interface OpenContext {
  readonly files: DataFiles;
  readonly target: TargetKind;
  /** The roles whose files are wanted; others stay closed. `train` is also what splits are carved from. */
  readonly roles: readonly SplitName[];
  /** Memory for bytes that stay; by default an array like any other. */
  readonly reserve?: (bytes: number) => Uint8Array;
}

/** Features before preprocessing: in memory, or bytes that are kept in a file. */
export type EncodedFeatures =
  | {
      readonly shape: readonly number[];
      readonly values: Uint8Array | Float64Array;
      /** Of bytes: which samples of `values` these are, where it holds others too. */
      readonly rows?: Int32Array;
      readonly records?: undefined;
    }
  | { readonly shape: readonly number[]; readonly records: Records; readonly rows: Int32Array };

/** Encoded samples before preprocessing. */
export interface EncodedSamples {
  readonly features: EncodedFeatures;
  /** Absent where there is nothing to predict. */
  readonly targets: Table | undefined;
  /** Where feature `entry` of sample `sample` comes from. */
  readonly placeOf: (sample: number, entry: number) => DataErrorPlace;
}

/** A column of a table as its file has it. */
export interface ColumnReport {
  readonly name: string;
  readonly kind: 'numeric' | 'categorical' | 'empty';
  readonly missing: number;
  /** Different values; of numbers there may be more than were counted. */
  readonly distinct?: number;
  readonly min?: number;
  readonly mean?: number;
  readonly max?: number;
  /** Counts in ten equal ranges from min to max. */
  readonly histogram?: readonly number[];
  /** The most frequent values with their counts. */
  readonly values?: readonly (readonly [string, number])[];
}

/** A file (or pair of files) of samples. */
export interface SampleFile<E extends Encoding> {
  readonly file: string;
  readonly size: number;
  /** The classes of all samples, where the targets are such. */
  readonly labels: Labels | undefined;
  /** What keeps its features, where these are bytes in a file. It is there until it is closed, not only while data are loaded. */
  readonly records?: Records;
  /** Where the bytes of its features are still coming: until then they must not be read. Rejects where something is wrong with them. */
  readonly complete?: Promise<void>;
  /** Learns the encoding from `rows`. Throws DataError where they cannot be used. */
  fit(rows: Rows): E;
  /** Throws DataError where a sample does not fit the encoding. */
  encode(rows: Rows, encoding: E): EncodedSamples;
  /** What its columns have, in tables. */
  describe?(): ColumnReport[];
}

export type SampleFiles<E extends Encoding> = Partial<Record<SplitName, SampleFile<E>>>;

/** A kind of source: an entry of the registry in `sources/index.ts`. */
export interface DataSource<P = unknown, E extends Encoding = Encoding> {
  readonly schema: z.ZodObject;
  readonly description: string;
  /** What its samples are encoded by; a model is evaluated on any source of the same kind of encoding. */
  readonly encoding: E['kind'];
  /** Whether it can keep what it reads in a file, as data.cache: disk asks: columns in `files.scratch`, bytes in records of their own. */
  readonly onDisk?: boolean;
  /** Opens the files that `context.roles` ask for. `fitted` is the encoding of a checkpoint, where there is one. */
  open(params: P, context: OpenContext, fitted: E | undefined): Promise<SampleFiles<E>>;
  /** The roles that have samples of their own, not carved from the training file. */
  ownFiles(params: P): SplitName[];
  /** The key of `params` that tells what to predict, where it is not given, as targets of the kind `none` need not be; the way to it. */
  missingTarget?(params: P): readonly string[] | undefined;
  /** `params` with every file name put through `move`. */
  moveFiles(params: P, move: (file: string) => string): P;
}
