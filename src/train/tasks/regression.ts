import * as z from 'zod';
import { smallResiduals } from './fit-criteria.js';
import { supervised } from './supervised.js';
import { defineTask } from './task.js';

export const regression = defineTask({
  ...supervised,
  description: 'One or several numbers for each sample.',
  schema: z.object({}),
  targets: 'numbers',
  reference: 'numbers',
  defaultLoss: 'mean_squared_error',
  defaultMetrics: ['rmse'],
  fit: smallResiduals,
});
