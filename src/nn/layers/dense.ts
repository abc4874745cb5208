import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { matmul, matrixTranspose, type Node, ShapeError, showShape } from '../../tensor/index.js';
import { type BuildContext, defineLayer, sampleShape } from '../layer.js';
import { biasAndActivation, disturbed, weightedFields, type WeightedConfig, weightOf } from './weighted.js';

/** The transpose of another layer's weight, [in, units]. Both layers then train it. */
function tiedWeight(context: BuildContext, tie: string, inputs: number, units: number): Node {
  const weight = context.weightOf(tie);
  const [rows, columns] = weight.shape;
  if (weight.shape.length !== 2 || rows !== units || columns !== inputs) {
    throw new ShapeError(
      `is tied to ${tie}, whose weights are ${showShape(weight.shape)}, but needs the transpose of ${showShape([units, inputs])}`,
    );
  }
  return matrixTranspose(weight);
}

/** Whether the config sets anything about the layer's own weights. */
const hasWeightSettings = ({ share, init, regularizer, constraint }: WeightedConfig): boolean =>
  [share, init?.weights, regularizer?.weights, constraint?.weights].some((setting) => setting !== undefined);

/** x [batch, in] times weight [in, units] plus bias [units]. */
export const dense = defineLayer({
  description: 'Every output is a weighted sum of all inputs.',
  traits: ['per_position'],
  schema: z
    .object({
      units: atoms.positiveInt.describe('number of outputs'),
      ...weightedFields,
      tie: atoms.text
        .optional()
        .describe(
          'an earlier layer, by its name in the table of `nn check` or by what it shares, whose weights are used transposed',
        ),
    })
    .refine((config) => config.tie === undefined || !hasWeightSettings(config), {
      path: ['tie'],
      message:
        'a tied layer has no weights of its own: leave out share, init.weights, regularizer.weights and constraint.weights',
    }),
  build(context, config, x) {
    if (x.shape.length !== 2) {
      const before = x.shape.length > 2 ? 'flatten' : 'reshape: {shape: [1]}';
      throw new ShapeError(
        `needs a vector per sample, got ${showShape(sampleShape(x))}; put a ${before} layer before it`,
      );
    }
    const { units, tie } = config;
    const [, inputs] = x.shape;
    const fans = { fanIn: inputs, fanOut: units };
    const weight =
      tie === undefined
        ? weightOf(context, config, [inputs, units], fans)
        : disturbed(context, config, tiedWeight(context, tie, inputs, units));
    return biasAndActivation(context, config, matmul(x, weight), fans);
  },
});
