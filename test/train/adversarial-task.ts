/** A task of two networks, as tests define it: a critic that is updated in every step, and a generator in every second. */
import * as z from 'zod';
import { modelSchema } from '../../src/nn/model.js';
import { optimizerSchema } from '../../src/nn/optimizers/index.js';
import { add, div, mul, type Node, reduceSum, reshape, sub } from '../../src/tensor/index.js';
import { regression } from '../../src/train/tasks/regression.js';
import { defineTask } from '../../src/train/tasks/task.js';

const mean = (perSample: Node): Node => div(reduceSum(perSample), perSample.shape[0]);
const flat = (x: Node): Node => reshape(x, [x.shape[0]]);

const options = z.object({ strength: z.number().default(0.05) });

/** A critic tells samples from what a generator makes of their targets; every second step the generator learns to deceive it. */
export const adversarial = defineTask({
  ...regression,
  schema: options,
  networks: ({ model }) => ({ generator: model, critic: modelSchema.parse({ layers: [{ dense: { units: 4, activation: 'tanh' } }, 'batch_norm', { dense: { units: 1 } }] }) }), // prettier-ignore
  objectives: ({ task: { strength } }) => ({
    critic({ fields, forward }) {
      const real = forward('critic', fields.features);
      const fake = forward('critic', forward('generator', fields.targets));
      const loss = flat(add(sub(fake, real), mul(add(mul(real, real), mul(fake, fake)), strength)));
      return { value: mean(loss), figures: { loss, real: flat(real) }, output: real };
    },
    generator({ fields, forward }) {
      const fake = forward('critic', forward('generator', fields.targets));
      const loss = flat(mul(fake, -1));
      return { value: mean(loss), figures: { loss }, output: fake };
    },
  }),
  updates: ({ optimizer }) => [
    { objective: 'critic', networks: ['critic'], optimizer, every: 1 },
    { objective: 'generator', networks: ['generator'], optimizer: optimizerSchema.parse({ sgd: { lr: 0.01, momentum: 0.9 } }), every: 2 }, // prettier-ignore
  ],
});
