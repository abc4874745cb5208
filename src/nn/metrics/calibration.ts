/** Whether predicted probabilities are calibrated (Guo, Pleiss, Sun, Weinberger: "On calibration of modern neural networks", 2017). */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { abs, argmax, cast, eq, exp, floor, gt, iota, maximum, mul, neg, type Node, reduceMax, reduceSum, reshape, sizeOf, sub } from '../../tensor/index.js'; // prettier-ignore
import { logSoftmax } from '../losses/numerics.js';
import { sigmoid } from '../activations.js';
import { checkLabels, targetLike } from '../target.js';
import { isMulticlass } from './indicators.js';
import { defineMetric, vectorOf } from './metric.js';

/** The probability of what is predicted, and whether it is so: f32 [n] for n decisions. */
function decisions(output: Node, target: Node): [confidence: Node, isRight: Node] {
  if (isMulticlass(output, target)) {
    checkLabels(output, target, 'expected_calibration_error');
    return [exp(reduceMax(logSoftmax(output), 1)), cast(eq(argmax(output, 1), target), 'f32')];
  }
  const labels = targetLike(output, target, 'expected_calibration_error');
  const flat = (x: Node): Node => reshape(x, [sizeOf(x.shape)]);
  return [flat(sigmoid(abs(output))), flat(cast(eq(gt(output, 0), gt(labels, 0.5)), 'f32'))];
}

export const expectedCalibrationError = defineMetric({
  description: 'Mean difference of confidence and share of right predictions, over bins of equal width of confidence.',
  schema: z.object({ bins: atoms.positiveInt.default(15).describe('how many; each holds its upper end') }),
  targets: ['classes', 'labels'],
  mode: 'min',
  /** For each bin its decisions, the sum of their confidences, and the right ones. */
  statistics(output, target, { bins }) {
    const [confidence, isRight] = decisions(output, target);
    const [n] = confidence.shape;
    // ceil(confidence * bins) - 1, at least 0.
    const bin = sub(maximum(neg(floor(mul(confidence, -bins))), 1), 1);
    const isIn = cast(eq(reshape(cast(bin, 'i32'), [n, 1]), iota([n, bins], 1, 'i32')), 'f32');
    const inBins = (x: Node): Node => reduceSum(mul(isIn, reshape(x, [n, 1])), 0);
    return vectorOf([reduceSum(isIn, 0), inBins(confidence), inBins(isRight)]);
  },
  finalize({ values, width }) {
    const bins = width / 3;
    let [total, error] = [0, 0];
    for (let bin = 0; bin < bins; bin++) {
      total += values[bin];
      error += Math.abs(values[bins + bin] - values[2 * bins + bin]);
    }
    return error / total;
  },
});
