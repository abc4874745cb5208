/** Cross-entropy as a metric: comparable between runs whose losses differ in smoothing, weights or kind. */
import * as z from 'zod';
import { reduceSum } from '../../tensor/index.js';
import { binaryCrossEntropy } from '../losses/binary-cross-entropy.js';
import { softmaxCrossEntropy } from '../losses/softmax-cross-entropy.js';
import { isMulticlass } from './indicators.js';
import { defineMetric, meanOf, vectorOf } from './metric.js';

export const logLoss = defineMetric({
  description: 'Mean of -log p over the samples, p the probability that softmax or sigmoid gives to the true label.',
  schema: z.object({}),
  targets: ['classes', 'labels'],
  mode: 'min',
  statistics(output, target) {
    const losses = isMulticlass(output, target)
      ? softmaxCrossEntropy.perSample(output, target, { label_smoothing: 0 })
      : binaryCrossEntropy.perSample(output, target, { label_smoothing: 0, pos_weight: 1 });
    return vectorOf([reduceSum(losses), output.shape[0]]);
  },
  finalize: meanOf,
});
