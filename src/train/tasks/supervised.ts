/** What the tasks of one network, one loss and one optimizer share. */
import type { Task } from './task.js';

export const supervised = {
  networks: ({ model }) => ({ model }),
  updates: ({ optimizer }) => [{ objective: 'loss', networks: ['model'], optimizer, every: 1 }],
} as const satisfies Pick<Task, 'networks' | 'updates'>;
