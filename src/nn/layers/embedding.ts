import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { bitAnd, cast, constant, gather, le, lt, maximum, minimum, select, ShapeError } from '../../tensor/index.js';
import { initializerSchema } from '../initializers.js';
import { defineLayer } from '../layer.js';

/**
 * Rows of weight [vocabulary, units] by whole number: x [batch, ...] becomes [batch, ..., units]. Numbers beyond the vocabulary take
 * the row `unknown`. Where there is none, data with such numbers are refused before the first step; a kernel, which must never read
 * outside of the table, takes the first or last row then.
 */
export const embedding = defineLayer({
  description: 'A trainable vector for each of the whole numbers 0 to vocabulary - 1.',
  traits: ['looks_up_rows', 'per_position'],
  schema: z.object({
    vocabulary: atoms.positiveInt.describe('number of different values'),
    units: atoms.positiveInt.describe('size of the vectors'),
    unknown: atoms.nonNegativeInt
      .optional()
      .describe('the row for all other numbers, from 0 to vocabulary - 1; without it they are an error'),
    init: z
      .object({ weights: initializerSchema.prefault({ normal: { std: 0.05 } }) })
      .prefault({})
      .describe("initial vectors; the model's initializers count inputs, of which a table has none"),
  }),
  build(context, { vocabulary, units, unknown, init }, x) {
    if (unknown !== undefined && unknown >= vocabulary) {
      throw new ShapeError(`unknown: ${unknown} is not a row of a vocabulary of ${vocabulary}`);
    }
    const table = context.parameter('weight', [vocabulary, units], {
      kind: 'weight',
      fanIn: vocabulary,
      fanOut: units,
      init: init.weights,
      // The vectors are its units: a row each.
      outputAxis: 0,
    });
    const within = cast(minimum(maximum(x, 0), vocabulary - 1), 'i32');
    if (unknown === undefined) return gather(table, within);
    const isKnown = bitAnd(le(0, x), lt(x, vocabulary));
    return gather(table, select(isKnown, within, constant(unknown, x.shape, 'i32')));
  },
});
