/**
 * The interface of data sources: files are opened, an encoding is fitted on the training rows, and rows are encoded
 * as numbers by it.
 */
import type * as z from 'zod';
import type { DataErrorPlace } from './data-error.js';
import type { DataFiles } from './data-files.js';
import type { Encoding } from './encoding.js';
import type { Labels } from './labels.js';
import type { Records } from './records.js';
import type { Rows, Table, TargetKind } from './fields.js';
import type { SplitName } from './split-names.js';

export interface OpenContext {
  readonly files: DataFiles;
  readonly target: TargetKind;
  /** The roles whose files are opened. Splits are taken from `train`. */
  readonly roles: readonly SplitName[];
  /** Allocates memory for bytes that stay; by default an ordinary array. */
  readonly reserve?: (bytes: number) => Uint8Array;
}

/** Features before preprocessing: in memory, or bytes that are kept in a file. */
export type EncodedFeatures =
  | {
      readonly shape: readonly number[];
      readonly values: Uint8Array | Float64Array;
      /** For bytes: which samples of `values` these are, if it holds others too. */
      readonly rows?: Int32Array;
      readonly records?: undefined;
    }
  | { readonly shape: readonly number[]; readonly records: Records; readonly rows: Int32Array };

/** Encoded samples before preprocessing. */
export interface EncodedSamples {
  readonly features: EncodedFeatures;
  /** Absent if there is nothing to predict. */
  readonly targets: Table | undefined;
  /** Location of feature `entry` of sample `sample`. */
  readonly placeOf: (sample: number, entry: number) => DataErrorPlace;
}

/** A column of a table as stored in its file. */
export interface ColumnReport {
  readonly name: string;
  readonly kind: 'numeric' | 'categorical' | 'empty';
  readonly missing: number;
  /** Distinct values; a lower bound for numbers. */
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
  /** The classes of all samples, if the targets are classes. */
  readonly labels: Labels | undefined;
  /** Holds the features if these are bytes in a file. Stays open after loading, until closed. */
  readonly records?: Records;
  /** Fits the encoding on `rows`. Throws DataError if they cannot be used. */
  fit(rows: Rows): E;
  /** Throws DataError if a sample does not fit the encoding. */
  encode(rows: Rows, encoding: E): EncodedSamples;
  /** Describes the columns of tables. */
  describe?(): ColumnReport[];
}

export type SampleFiles<E extends Encoding> = Partial<Record<SplitName, SampleFile<E>>>;

/** A kind of source: an entry of the registry in `sources/index.ts`. */
export interface DataSource<P = unknown, E extends Encoding = Encoding> {
  readonly schema: z.ZodObject;
  readonly description: string;
  /** Kind of encoding; a model can be evaluated on any source of the same kind. */
  readonly encoding: E['kind'];
  /** Whether it supports data.cache: disk: columns in `files.scratch`, bytes in separate records. */
  readonly onDisk?: boolean;
  /** Opens the files of `context.roles`. `fitted` is the encoding of a checkpoint, if there is one. */
  open(params: P, context: OpenContext, fitted: E | undefined): Promise<SampleFiles<E>>;
  /** The roles with separate samples, not split off the training file. */
  ownFiles(params: P): SplitName[];
  /** The path of the key of `params` that says what to predict, if it is missing (allowed for targets of kind `none`). */
  missingTarget?(params: P): readonly string[] | undefined;
  /** `params` with `move` applied to every file name. */
  moveFiles(params: P, move: (file: string) => string): P;
}
