/** Reducing the learning rate where a figure no longer improves: PyTorch's ReduceLROnPlateau, as pure functions. */
import * as z from 'zod';
import { atoms } from '../config/index.js';

export const plateauFields = {
  monitor: atoms.text
    .default('val/loss')
    .describe('the figure that is watched after each epoch, such as val/loss or train/<metric>'),
  mode: z.enum(['min', 'max']).optional().describe('which direction is better; the figure itself decides by default'),
  factor: z.number().gt(0).lt(1).default(0.1).describe('factor on the rate each time'),
  patience: atoms.nonNegativeInt.default(10).describe('epochs without improvement that are tolerated'),
  threshold: atoms.nonNegative.default(1e-4).describe('smaller gains do not count as improvement'),
  threshold_mode: z
    .enum(['rel', 'abs'])
    .default('rel')
    .describe('whether the threshold is a share of the best value or a difference'),
  cooldown: atoms.nonNegativeInt.default(0).describe('epochs after a reduction in which nothing is counted'),
  min_lr: atoms.nonNegative.default(0).describe('the rate falls no lower than this'),
  eps: atoms.nonNegative.default(1e-8).describe('a smaller reduction is left out'),
};
export type PlateauConfig = z.output<z.ZodObject<typeof plateauFields>>;

export const plateauStateSchema = z.strictObject({
  best: z.number().nullable().describe('the best value so far; none before the first'),
  waited: atoms.nonNegativeInt.describe('epochs since, those of a cooldown left out'),
  cooldown: atoms.nonNegativeInt.describe('epochs of the cooldown that are left'),
  factor: atoms.nonNegative.describe('factor on the rate by now'),
});
export type PlateauState = Readonly<z.output<typeof plateauStateSchema>>;

export const plateauStart: PlateauState = { best: null, waited: 0, cooldown: 0, factor: 1 };

type Options = Omit<PlateauConfig, 'monitor' | 'mode'> & { readonly mode: 'min' | 'max' };

function isBetter(value: number, best: number | null, { mode, threshold, threshold_mode: by }: Options): boolean {
  if (best === null) return !Number.isNaN(value);
  if (mode === 'min') return by === 'rel' ? value < best * (1 - threshold) : value < best - threshold;
  return by === 'rel' ? value > best * (1 + threshold) : value > best + threshold;
}

/** The state after one more epoch with the figure `value`, the base rate being `lr`. A value that is NaN never improves. */
export function afterEpoch(before: PlateauState, value: number, options: Options, lr: number): PlateauState {
  const improved = isBetter(value, before.best, options);
  const cooldown = Math.max(before.cooldown - 1, 0);
  const waited = improved || before.cooldown > 0 ? 0 : before.waited + 1;
  const best = improved ? value : before.best;
  if (waited <= options.patience) return { best, waited, cooldown, factor: before.factor };
  const [old, reduced] = [lr * before.factor, Math.max(lr * before.factor * options.factor, options.min_lr)];
  const factor = old - reduced > options.eps ? reduced / lr : before.factor;
  return { best, waited: 0, cooldown: options.cooldown, factor };
}
