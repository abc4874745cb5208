/** What the tasks of one network, one loss and one optimizer share. */
import { div, reduceSum, withScope } from '../../tensor/index.js';
import type { Task } from './task.js';

export const supervised = {
  networks: ({ model }) => ({ model }),
  /** The mean of the config's loss over the batch. */
  objectives: () => ({
    loss({ fields, forward, losses }) {
      const output = forward('model', fields.features);
      const loss = losses(output);
      return { value: withScope('loss', () => div(reduceSum(loss), loss.shape[0])), figures: { loss }, output };
    },
  }),
  updates: ({ optimizer }) => [{ objective: 'loss', networks: ['model'], optimizer, every: 1 }],
} as const satisfies Pick<Task, 'networks' | 'objectives' | 'updates'>;
