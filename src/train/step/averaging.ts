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
