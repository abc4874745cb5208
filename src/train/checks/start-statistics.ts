/**
 * How a network starts: the spread of activations and gradients layer by layer before the first step, and units that are alike.
 * Both spreads should keep their size from layer to layer (Glorot and Bengio 2010; He et al. 2015).
 */
import { cast, div, eq, grad, type Node, reduceSum, type Session, sizeOf } from '../../tensor/index.js';
import type { LoadedData } from '../../data/index.js';
import { varianceOf } from '../../nn/index.js';
import { selectBatch } from '../step/dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { type IdenticalUnits, identicalUnits } from './identical-units.js';
import { forward } from '../step/network.js';
import { planOf } from '../loop/plan.js';
import type { Stepper } from '../step/stepper.js';
import { epochOrder } from '../loop/epoch-order.js';

export interface LayerStart {
  /** Such as `layers.0`. */
  readonly layer: string;
  /** Standard deviation of the layer's outputs for the batch. */
  readonly std: number;
  /** The same of the derivatives of the objective, a mean over the batch, with respect to them. */
  readonly gradientStd: number;
  /** After a ReLU: the share of zeros. */
  readonly zeros?: number;
}

export interface StartStatistics {
  /** Samples of the batch: the first of the first epoch. */
  readonly samples: number;
  readonly layers: readonly LayerStart[];
  readonly identical: readonly IdenticalUnits[];
}

/**
 * Measures the batch that training begins with, without dropout, noise and augmentation. `stepper` has set the initial weights;
 * they are changed if some units are identical.
 */
export async function startStatistics(
  session: Session,
  config: ExperimentConfig,
  { train }: Pick<LoadedData, 'train'>,
  stepper: Stepper,
): Promise<StartStatistics> {
  const { batchSize } = planOf(config, train.size);
  const batch = epochOrder(config, train, 1).subarray(0, batchSize);
  const mode = { training: true, stochastic: false, augmented: false };
  const { model, objective, indices } = forward(config, stepper.dataset, batchSize, mode, stepper.inputs);
  const layers = model.layers.filter(({ output }) => output.dtype === 'f32');
  const values = layers.map(({ output }) => output);
  const gradients = grad(objective, values);
  const outputs = layers.flatMap(({ output, activation }, i) => [
    varianceOf(output),
    varianceOf(gradients[i]),
    ...(activation === 'relu' ? [shareOfZeros(output)] : []),
  ]);
  const executable = session.compile({ name: `start.${batchSize}`, outputs, updates: [] });
  selectBatch(session, stepper.dataset, indices, batch);
  executable.run();
  const results = await executable.read();
  let next = 0;
  const value = (): number => results[next++][0];
  const measured = layers.map(({ name, activation }): LayerStart => ({
    layer: name,
    std: Math.sqrt(value()),
    gradientStd: Math.sqrt(value()),
    ...(activation === 'relu' ? { zeros: value() } : {}),
  }));
  const identical = await identicalUnits(session, config, stepper, batch);
  return { samples: batchSize, layers: measured, identical };
}

const shareOfZeros = (x: Node): Node => div(reduceSum(cast(eq(x, 0), 'f32')), sizeOf(x.shape));
