import { describe, expect, it } from 'vitest';
import { type RunLength, type ScheduleConfig, scheduleOf, schedules, scheduleSchema } from '../../src/nn/schedules.js';
import { difference, golden } from './helpers/golden.js';

interface ScheduleGolden extends RunLength {
  cases: { schedule: string; params: Record<string, unknown>; factors: number[] }[];
}
const { totalSteps, stepsPerEpoch, cases } = golden<ScheduleGolden>('schedules');
const run = { totalSteps, stepsPerEpoch };

const parse = (name: string, params: object = {}): ScheduleConfig => scheduleSchema.parse({ [name]: params });
const factors = (config: ScheduleConfig, length: RunLength = run): number[] =>
  Array.from({ length: length.totalSteps }, (_, step) => scheduleOf(config, length)(step));

describe('schedules', () => {
  it('has PyTorch values for every schedule', () => {
    // What reduce_on_plateau does depends on figures; test/nn/plateau.test.ts has its rates.
    expect(new Set([...cases.map((c) => c.schedule), 'reduce_on_plateau'])).toEqual(new Set(Object.keys(schedules)));
  });

  it.each(cases.map((c) => ({ ...c, title: `${c.schedule} ${JSON.stringify(c.params)}` })))(
    '$title gives the 30 rates of PyTorch',
    ({ schedule, params, factors: expected }) => {
      expect(difference(factors(parse(schedule, params)), expected)).toBeLessThan(1e-12);
    },
  );

  it('keeps dates in epochs from the start of the run while it warms up', () => {
    const config = parse('multi_step', { milestones: [1, 5], warmup_steps: 4 });
    expect(factors(config).slice(0, 6)).toEqual([1 / 5, 2 / 5, 3 / 5, (4 / 5) * 0.1, 0.1, 0.1]);
    expect(factors(config)[15]).toBeCloseTo(0.01, 15);
  });

  it('takes dates that are fractions of an epoch', () => {
    expect(factors(parse('step', { step_size: 1 / 3, gamma: 0.5 })).slice(0, 4)).toEqual([1, 0.5, 0.25, 0.125]);
  });

  it.each(Object.keys(schedules))(
    '%s is finite and not negative for runs of every length, and past their end',
    (name) => {
      for (const length of [1, 2, 3, 4, 5, 10, 31]) {
        for (const params of [{}, { warmup_steps: 3 }, { warmup_steps: 100 }]) {
          if (name === 'one_cycle' && 'warmup_steps' in params) continue;
          const config = parse(name, { ...(name === 'multi_step' ? { milestones: [2] } : {}), ...params });
          const factor = scheduleOf(config, { totalSteps: length, stepsPerEpoch: 1 });
          for (const step of [...Array(length).keys(), length, 10 * length]) {
            expect(factor(step)).toBeGreaterThanOrEqual(0);
            expect(factor(step)).toBeLessThanOrEqual(1);
          }
        }
      }
    },
  );

  it('has no warm-up for one_cycle, which is one itself', () => {
    expect(scheduleSchema.safeParse({ one_cycle: { warmup_steps: 3 } }).success).toBe(false);
  });
});
