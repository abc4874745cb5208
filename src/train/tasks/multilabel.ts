import * as z from 'zod';
import { rightAnswers } from './fit-criteria.js';
import { supervised } from './supervised.js';
import { defineTask } from './task.js';

export const multilabel = defineTask({
  ...supervised,
  description: 'Several yes-or-no labels for each sample.',
  schema: z.object({}),
  targets: 'labels',
  reference: 'labels',
  defaultLoss: 'binary_cross_entropy',
  defaultMetrics: ['accuracy'],
  fit: rightAnswers,
});
