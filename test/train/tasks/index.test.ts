import { describe, expect, it } from 'vitest';
import { losses } from '../../../src/nn/losses/index.js';
import { metrics } from '../../../src/nn/metrics/index.js';
import { type Task, tasks } from '../../../src/train/tasks/index.js';
import { parsed } from './written.js';

describe.each(Object.entries<Task>(tasks))('%s', (name, task) => {
  it('has a default loss and default metrics that fit it', () => {
    expect(losses[task.defaultLoss].targets).toContain(task.reference);
    for (const metric of task.defaultMetrics) expect(metrics[metric].targets).toContain(task.reference);
  });

  it('updates networks that it has', () => {
    const config = parsed(name);
    const networks = Object.keys(task.networks(config));
    const updates = task.updates(config);
    expect(updates.length).toBeGreaterThan(0);
    for (const update of updates) expect(networks).toEqual(expect.arrayContaining([...update.networks]));
  });
});
