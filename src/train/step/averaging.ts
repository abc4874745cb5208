/** When stochastic weight averaging (Izmailov et al. 2018) takes which weights. */
import type { ExperimentConfig } from '../schema.js';
import type { Plan } from '../loop/plan.js';

type WeightAverage = NonNullable<ExperimentConfig['train']['weight_average']>;

/** The paper trains three quarters of the budget before it averages. */
const SWA_START = 0.75;

/** The step whose weights are the first of the average, and the steps between two that it takes. */
export function averagingOf(average: WeightAverage, plan: Plan): { readonly start: number; readonly every: number } {
  const { start_epoch = SWA_START * plan.epochs, every_epochs = 1 } = average;
  const every = Math.max(1, Math.round(every_epochs * plan.batches));
  return { start: Math.max(every, Math.round(start_epoch * plan.batches)), every };
}

/** The step whose weights are the second of the average: from then on it is one. */
export function secondAveraged(average: WeightAverage, plan: Plan): number {
  const { start, every } = averagingOf(average, plan);
  return start + every;
}

/** Of how many weights the average after `step` is the mean: 1 up to and including the first that it takes. */
export function averagedAfter(step: number, average: WeightAverage, plan: Plan): number {
  const { start, every } = averagingOf(average, plan);
  return 1 + Math.max(0, Math.floor((step - start) / every));
}
