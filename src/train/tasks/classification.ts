import * as z from 'zod';
import { rightAnswers } from './fit-criteria.js';
import { supervised } from './supervised.js';
import { defineTask } from './task.js';

export const classification = defineTask({
  ...supervised,
  description: 'One class of several for each sample.',
  schema: z.object({}),
  targets: 'classes',
  reference: 'classes',
  defaultLoss: 'softmax_cross_entropy',
  defaultMetrics: ['accuracy'],
  fit: rightAnswers,
});
