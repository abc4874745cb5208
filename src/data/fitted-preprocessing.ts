/** What was fitted on the training split, as stored in a checkpoint. */
import * as z from 'zod';
import { encodingSchema } from './encoding.js';
import { lastAxis, widthOfSample } from './encoding-width.js';
import { projectionSchema } from './projection.js';

const affineSchema = z.strictObject({ scale: z.array(z.number()).min(1), shift: z.array(z.number()).min(1) });

/** Enough to preprocess new data like the training split. */
export const fittedPreprocessingSchema = z
  .strictObject({ encoding: encodingSchema, affine: affineSchema, projection: projectionSchema.optional() })
  .refine(({ encoding, projection }) => projection?.inputs.every((entry) => entry < widthOfSample(encoding)) ?? true, {
    path: ['projection'],
    message: 'does not fit the encoding',
  })
  .refine(
    ({ encoding, affine: { scale, shift } }) => scale.length === lastAxis(encoding) && shift.length === scale.length,
    {
      path: ['affine'],
      message: 'does not fit the encoding',
    },
  );
export type FittedPreprocessing = z.output<typeof fittedPreprocessingSchema>;
