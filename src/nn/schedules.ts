/**
 * Learning-rate schedules: the factor on the base rate at every step of a run, pure functions on the host in float64. Steps count
 * from 0; lengths are in epochs and may be fractions of one.
 */
import * as z from 'zod';
import { atoms, component, type ComponentConfig } from '../config/index.js';
import { plateauFields } from './plateau.js';

/** How long the run is. */
export interface RunLength {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
}

/** Where in the run a step is. */
export interface Moment {
  /** Steps since the end of the warm-up (0 during it), of `steps` in all: for schedules that stretch over the run. */
  readonly step: number;
  readonly steps: number;
  /** Epochs since the start of the run, with fractions: for schedules with fixed epochs. */
  readonly epoch: number;
  readonly stepsPerEpoch: number;
}

export interface Schedule<S extends z.ZodObject = z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  factor(at: Moment, params: z.output<S>): number;
}

const schedule = <S extends z.ZodObject>(entry: Schedule<S>): Schedule<S> => entry;

/** The parameters of every schedule but one_cycle, which is a warm-up itself. */
const warmup = {
  warmup_steps: atoms.nonNegativeInt.default(0).describe('steps over which the rate first grows linearly'),
  warmup_epochs: atoms.nonNegative.default(0).describe('the same in epochs; both are added'),
};
const gamma = (defaultValue: number) => atoms.positive.default(defaultValue).describe('factor on the rate each time');
const finalFactor = atoms.nonNegative.default(0).describe('factor reached at the end');

/** From 1 at 0 to 0 at 1, along half a cosine. */
const halfCosine = (progress: number): number => (1 + Math.cos(Math.PI * progress)) / 2;
const between = (from: number, to: number, share: number): number => to + (from - to) * share;

/** Steps since the last restart, and steps until the next, in periods that grow by `multiplier`. */
function sinceRestart(step: number, first: number, multiplier: number): { step: number; period: number } {
  if (multiplier === 1) return { step: step % first, period: first };
  let [rest, period] = [step, first];
  while (rest >= period) {
    rest -= period;
    period *= multiplier;
  }
  return { step: rest, period };
}

export const schedules = {
  constant: schedule({
    description: 'The same rate throughout.',
    schema: z.object(warmup),
    factor: () => 1,
  }),
  step: schedule({
    description: 'A drop every few epochs.',
    schema: z.object({
      step_size: atoms.positive.default(10).describe('epochs between drops'),
      gamma: gamma(0.1),
      ...warmup,
    }),
    factor: ({ epoch }, { step_size, gamma }) => gamma ** Math.floor(epoch / step_size),
  }),
  multi_step: schedule({
    description: 'A drop at each of the given epochs.',
    schema: z.object({
      milestones: z.array(atoms.positive).min(1).describe('epochs, counted from the start, after which the rate drops'),
      gamma: gamma(0.1),
      ...warmup,
    }),
    factor: ({ epoch }, { milestones, gamma }) => gamma ** milestones.filter((milestone) => epoch >= milestone).length,
  }),
  exponential: schedule({
    description: 'A factor every epoch.',
    schema: z.object({ gamma: gamma(0.95), ...warmup }),
    factor: ({ epoch }, { gamma }) => gamma ** Math.floor(epoch),
  }),
  polynomial: schedule({
    description: 'Decays to the end of the run with a power of the remaining time; linear by default.',
    schema: z.object({
      power: atoms.positive.default(1).describe('1 is a straight line; more falls faster at first'),
      final_factor: finalFactor,
      ...warmup,
    }),
    factor: ({ step, steps }, { power, final_factor }) => between(1, final_factor, (1 - step / steps) ** power),
  }),
  cosine: schedule({
    description:
      'Decays to the end of the run along half a cosine, with optional restarts (Loshchilov and Hutter 2017).',
    schema: z.object({
      final_factor: finalFactor,
      restart_epochs: atoms.positive
        .optional()
        .describe('epochs until the first restart at the full rate; none by default'),
      restart_multiplier: z.number().min(1).default(1).describe('factor on the length of each period after the first'),
      ...warmup,
    }),
    factor({ step, steps, stepsPerEpoch }, { final_factor, restart_epochs, restart_multiplier }) {
      const now =
        restart_epochs === undefined
          ? { step, period: steps }
          : sinceRestart(step, restart_epochs * stepsPerEpoch, restart_multiplier);
      return between(1, final_factor, halfCosine(now.step / now.period));
    },
  }),
  one_cycle: schedule({
    description:
      'Up to the base rate, then down to almost nothing (Smith and Topin 2018); the base rate is the highest.',
    schema: z.object({
      pct_start: atoms.properFraction.default(0.3).describe('share of the run in which the rate grows'),
      anneal: z.enum(['cos', 'linear']).default('cos').describe('along half cosines or straight lines'),
      div_factor: atoms.positive.default(25).describe('the highest rate over the first'),
      final_div_factor: atoms.positive.default(1e4).describe('the first rate over the last'),
    }),
    factor({ step, steps }, { pct_start, anneal, div_factor, final_div_factor }) {
      const share = anneal === 'cos' ? halfCosine : (progress: number): number => 1 - progress;
      const [first, last] = [1 / div_factor, 1 / (div_factor * final_div_factor)];
      // As PyTorch: the highest rate is reached at step pct_start * steps - 1, the last rate in the last step.
      const peak = pct_start * steps - 1;
      if (step <= peak) return peak === 0 ? 1 : between(first, 1, share(step / peak));
      return between(1, last, share(Math.min((step - peak) / (steps - 1 - peak), 1)));
    },
  }),
  /** Depends on each epoch's figures, so the training loop applies its factor. */
  reduce_on_plateau: schedule({
    description: 'A drop wherever a figure has not improved for some epochs.',
    schema: z.object({ ...plateauFields, ...warmup }),
    factor: () => 1,
  }),
} as const satisfies Record<string, Schedule>;

export type ScheduleConfig = ComponentConfig<typeof schedules>;
export const scheduleSchema = component(schedules);

/**
 * The factor on the base rate at each step (0-based); past the end of the run the last one holds. Step t of a warm-up of w steps
 * has the factor (t + 1) / (w + 1) on top.
 */
export function scheduleOf(config: ScheduleConfig, { totalSteps, stepsPerEpoch }: RunLength): (step: number) => number {
  const entry: Schedule = schedules[config.type];
  const warmupSteps =
    'warmup_steps' in config ? config.warmup_steps + Math.round(config.warmup_epochs * stepsPerEpoch) : 0;
  const steps = Math.max(1, totalSteps - warmupSteps);
  return (step) => {
    const ramp = Math.min((step + 1) / (warmupSteps + 1), 1);
    const since = Math.min(Math.max(step - warmupSteps, 0), steps);
    return ramp * entry.factor({ step: since, steps, epoch: step / stepsPerEpoch, stepsPerEpoch }, config);
  };
}
