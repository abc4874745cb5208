import * as z from 'zod';
import { smallResiduals } from './fit-criteria.js';
import { supervised } from './supervised.js';
import { defineTask } from './task.js';

export const reconstruction = defineTask({
  ...supervised,
  description: 'The features themselves, as an autoencoder learns them: the data need no targets.',
  schema: z.object({}),
  targets: 'none',
  reference: 'features',
  defaultLoss: 'mean_squared_error',
  defaultMetrics: ['rmse'],
  fit: smallResiduals,
});
