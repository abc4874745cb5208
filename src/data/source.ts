/**
 * What every data source offers: files are opened, an encoding is learned from the training rows, and rows are encoded
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
