/** Shares of samples that are classified correctly. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, argmax, bitAnd, cast, constant, eq, gt, iota, lt, ne, reduceMax, reduceSum, reshape, select, sizeOf, sub } from '../../tensor/index.js'; // prettier-ignore
import { checkLabels, isLabel, targetLike } from '../target.js';
import { isMulticlass } from './indicators.js';
import { defineMetric, meanOf, vectorOf } from './metric.js';

export const accuracy = defineMetric({
  description: 'Share of labels that are right: the class of the largest output, or the sign of each yes-or-no label.',
  schema: z.object({}),
  targets: ['classes', 'labels'],
  mode: 'max',
  statistics(output, target) {
    if (isMulticlass(output, target)) {
      checkLabels(output, target, 'accuracy');
      return vectorOf([reduceSum(cast(eq(argmax(output, 1), target), 'f32')), target.shape[0]]);
    }
    const right = eq(gt(output, 0), gt(targetLike(output, target, 'accuracy'), 0.5));
    return vectorOf([reduceSum(cast(right, 'f32')), sizeOf(output.shape)]);
  },
  finalize: meanOf,
});

export const topKAccuracy = defineMetric({
  description:
    'Share of samples whose class is among the k largest outputs; of equal outputs the first counts as larger.',
  schema: z.object({ k: atoms.positiveInt.default(5).describe('how many classes may be named') }),
  targets: ['classes'],
  mode: 'max',
  statistics(output, labels, { k }) {
    checkLabels(output, labels, 'top_k_accuracy');
    const [batch, classes] = output.shape;
    const label = reshape(labels, [batch, 1]);
    const score = reshape(reduceSum(select(isLabel(labels, classes), output, 0), 1), [batch, 1]);
    const larger = cast(gt(output, score), 'f32');
    const equalBefore = cast(bitAnd(eq(output, score), lt(iota([batch, classes], 1, 'i32'), label)), 'f32');
    const rank = reduceSum(add(larger, equalBefore), 1);
    return vectorOf([reduceSum(cast(lt(rank, constant(k)), 'f32')), batch]);
  },
  finalize: meanOf,
});

export const subsetAccuracy = defineMetric({
  description: 'Share of samples all of whose labels are right.',
  schema: z.object({}),
  targets: ['classes', 'labels'],
  mode: 'max',
  statistics(output, target) {
    if (isMulticlass(output, target)) return accuracy.statistics(output, target, {});
    const wrong = cast(ne(gt(output, 0), gt(targetLike(output, target, 'subset_accuracy'), 0.5)), 'f32');
    return vectorOf([reduceSum(sub(1, reduceMax(wrong, 1))), output.shape[0]]);
  },
  finalize: meanOf,
});
