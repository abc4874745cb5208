import { describe, expect, it } from 'vitest';
import { toConfigValue } from '../../../src/config/index.js';
import { losses } from '../../../src/nn/losses/index.js';
import { metrics } from '../../../src/nn/metrics/index.js';
import { experimentSchema } from '../../../src/train/index.js';
import { type Task, taskOf, tasks } from '../../../src/train/tasks/index.js';
import { parsed, refused } from './written.js';

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

describe('the task of a config', () => {
  it('is a name, or a name with its options', () => {
    const ofName = parsed('regression');
    expect(ofName.task).toEqual({ type: 'regression' });
    expect(taskOf(ofName)).toBe(tasks.regression);
    expect(parsed({ regression: {} }).task).toEqual(ofName.task);
  });

  it('stays a name in the resolved config', () => {
    for (const task of ['regression', { regression: {} }])
      expect(toConfigValue(experimentSchema, parsed(task))).toMatchObject({ task: 'regression' });
  });

  it('has a name that is known, and no options that are not', () => {
    expect(refused('regresion', {})).toEqual([expect.stringMatching(/^task: /)]);
    expect(refused({ regression: { beta: 1 } }, {})).toEqual([expect.stringMatching(/^task: .*"beta"/)]);
  });
});
