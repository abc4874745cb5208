/** Rprop (Riedmiller and Braun 1993): only the gradient's sign counts, and each weight's step grows while it stays the same. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { constantLike, gt, lt, maximum, minimum, mul, select, sign, sub } from '../../tensor/index.js';
import { over } from './hyperparameters.js';
import { learningRate, perParameter } from './optimizer.js';

const ordered = ([low, high]: readonly [number, number]): boolean => low < high;

export const rprop = perParameter({
  description: 'A separate step size for each weight, grown or shrunk by the sign of its gradient: full batches only.',
  schema: z.object({
    lr: learningRate(0.01).describe('length of the first step; a schedule scales all lengths'),
    etas: z
      .tuple([z.number().gt(0).lt(1), z.number().gt(1)])
      .default([0.5, 1.2])
      .describe('factors on the step when the sign changes and when it stays'),
    step_sizes: z
      .tuple([atoms.positive, atoms.positive])
      .refine(ordered, 'the shortest step must be below the longest')
      .default([1e-6, 50])
      .describe('shortest and longest step'),
  }),
  state: ({ lr }) => ({ previous: 0, length: lr }),
  update({ parameter, gradient, state, hyperparameters: { rate, lr, etas, step_sizes } }) {
    const agreement = mul(gradient, state.previous);
    const turned = lt(agreement, 0);
    const factor = select(turned, etas[0], select(gt(agreement, 0), etas[1], constantLike(parameter, 1)));
    const length = minimum(maximum(mul(state.length, factor), step_sizes[0]), step_sizes[1]);
    // After a change of sign the weight skips one step.
    const kept = select(turned, 0, gradient);
    const scheduled = mul(length, lr === 0 ? rate : over(rate, lr));
    return { parameter: sub(parameter, mul(sign(kept), scheduled)), state: { previous: kept, length } };
  },
});
