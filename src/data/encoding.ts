/**
 * How samples become numbers, as fitted on the training rows: plain JSON that goes into the checkpoint, so that new data are
 * encoded the same way.
 */
import * as z from 'zod';
import { text } from '../config/atoms.js';

const names = z.array(z.string());
/** Whether names are kept as written; absent in older checkpoints, which have numbers in their shortest form. */
const exactNames = z.literal(true).optional();

export const columnEncodingSchema = z.discriminatedUnion('kind', [
  /** `fill` replaces missing values, if the config asks for that; with `indicator` a second feature marks them. */
  z.strictObject({
    kind: z.literal('numeric'),
    name: text,
    fill: z.number().optional(),
    indicator: z.literal(true).optional(),
  }),
  /** One-hot: a column of 0 and 1 for each category; `fill` is the category of missing values. */
  z.strictObject({
    kind: z.literal('categorical'),
    name: text,
    categories: names,
    exact_names: exactNames,
    fill: z.string().optional(),
  }),
  /** One-hot over the buckets that categories hash to. */
  z.strictObject({ kind: z.literal('hashed'), name: text, buckets: z.int().positive() }),
]);
export type ColumnEncoding = z.output<typeof columnEncodingSchema>;

/** Samples that are arrays of one shape: bytes stay bytes, everything else is float32. */
const arraysEncodingSchema = z.strictObject({
  kind: z.literal('arrays'),
  dtype: z.enum(['u8', 'f32']),
  shape: z.array(z.int().positive()).min(1),
  /** Values per target. */
  target_width: z.int().positive(),
  classes: names.optional(),
});
/** Samples that are table rows. */
const tableEncodingSchema = z.strictObject({
  kind: z.literal('table'),
  columns: z.array(columnEncodingSchema).min(1),
  targets: names,
  classes: names.optional(),
  exact_names: exactNames,
});

/** How samples become numbers. `classes` are the names of the class indices or multilabel columns; absent for other targets. */
export const encodingSchema = z.discriminatedUnion('kind', [arraysEncodingSchema, tableEncodingSchema]);
export type Encoding = z.output<typeof encodingSchema>;
export type ArraysEncoding = z.output<typeof arraysEncodingSchema>;
export type TableEncoding = z.output<typeof tableEncodingSchema>;
