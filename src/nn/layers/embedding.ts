import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { cast, gather, maximum, minimum } from '../../tensor/index.js';
import { initializerSchema } from '../initializers.js';
import { defineLayer } from '../layer.js';

/**
 * Rows of weight [vocabulary, units] by whole number: x [batch, ...] becomes [batch, ..., units]. Numbers beyond the vocabulary
 * take its first or last row, since a kernel must never read outside of the table.
 */
export const embedding = defineLayer({
  description: 'A trainable vector for each of the whole numbers 0 to vocabulary - 1.',
  traits: ['looks_up_rows', 'per_position'],
  schema: z.object({
    vocabulary: atoms.positiveInt.describe('number of different values'),
    units: atoms.positiveInt.describe('size of the vectors'),
    init: z
      .object({ weights: initializerSchema.prefault({ normal: { std: 0.05 } }) })
      .prefault({})
      .describe("initial vectors; the model's initializers count inputs, of which a table has none"),
  }),
  build(context, { vocabulary, units, init }, x) {
    const table = context.parameter('weight', [vocabulary, units], {
      kind: 'weight',
      fanIn: vocabulary,
      fanOut: units,
      init: init.weights,
      // The vectors are its units: a row each.
      outputAxis: 0,
    });
    return gather(table, cast(minimum(maximum(x, 0), vocabulary - 1), 'i32'));
  },
});
