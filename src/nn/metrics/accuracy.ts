/** Shares of samples that are classified rightly. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, argmax, bitAnd, cast, constant, eq, gt, iota, lt, type Node, reduceSum, reshape, select, sizeOf } from '../../tensor/index.js'; // prettier-ignore
import { checkLabels, isLabel, targetLike } from '../target.js';
import { defineMetric, meanOf, vectorOf } from './metric.js';

/** Whether the labels are class numbers that compete; else every unit is a yes-or-no label, decided at logit 0. */
export const isMulticlass = (output: Node, target: Node): boolean => target.dtype === 'i32' && output.shape[1] !== 1;

export const accuracy = defineMetric({
  description: 'Share of labels that are right: the class of the largest output, or the sign of a single one.',
  schema: z.object({}),
  tasks: ['classification'],
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
  tasks: ['classification'],
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
