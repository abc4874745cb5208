/** Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"). */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, div, matmul, matrixTranspose, mul, type Node, reduceSum, reshape, sqrt, sub } from '../../tensor/index.js'; // prettier-ignore
import { adamStep, shrunk } from './adam.js';
import { minus, times } from './hyperparameters.js';
import {
  betas,
  decoupledDecay,
  epsilon,
  learningRate,
  perParameter,
  type RuleInput,
  type RuleResult,
  runningMean,
} from './optimizer.js';

/** The quintic a s + b s^3 + c s^5 brings singular values near 1 in few rounds (the authors' constants). */
const [A, B, C] = [3.4445, -4.775, 2.0315];
const NORM_EPSILON = 1e-7;

/** A matrix of the same singular vectors whose singular values are about 1 (between 0.7 and 1.2). */
function orthogonalized(matrix: Node, rounds: number): Node {
  const [rows, columns] = matrix.shape;
  // The smaller of the two products X X^T and X^T X.
  const wide = rows > columns ? matrixTranspose(matrix) : matrix;
  let x = div(wide, add(sqrt(reduceSum(mul(wide, wide))), NORM_EPSILON));
  for (let round = 0; round < rounds; round++) {
    const product = matmul(x, matrixTranspose(x));
    const polynomial = add(mul(product, B), mul(matmul(product, product), C));
    x = add(mul(x, A), matmul(polynomial, x));
  }
  return rows > columns ? matrixTranspose(x) : x;
}

interface MuonParams {
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly rounds: number;
  readonly weight_decay: number;
}

/** m <- momentum m + (1 - momentum) g, w <- (1 - lr decay) w - lr sqrt(max(1, out / in)) orthogonalized(m, or Nesterov's). */
function matrixStep({ parameter, gradient, state, hyperparameters }: RuleInput<MuonParams>): RuleResult {
  const { rate, momentum, nesterov, rounds, weight_decay } = hyperparameters;
  const mean = runningMean(state.mean, gradient, momentum);
  const direction = nesterov ? add(mul(gradient, minus(1, momentum)), mul(mean, momentum)) : mean;
  const outputs = parameter.shape[parameter.shape.length - 1];
  const step = orthogonalized(reshape(direction, [-1, outputs]), rounds);
  const scale = Math.sqrt(Math.max(1, outputs / step.shape[0]));
  const moved = mul(reshape(step, parameter.shape), times(rate, scale));
  return { parameter: sub(shrunk(parameter, rate, weight_decay), moved), state: { mean } };
}

const isMatrix = (shape: readonly number[]): boolean => shape.length >= 2;

export const muon = perParameter({
  description: 'Steps that change a weight matrix equally in all directions; biases and scales by AdamW.',
  schema: z.object({
    lr: learningRate(0.02),
    momentum: atoms.properFraction.default(0.95).describe('decay of the running mean of the gradient'),
    nesterov: z.boolean().default(true).describe('take the gradient one momentum step ahead'),
    rounds: atoms.positiveInt.default(5).describe('rounds of the iteration that makes a step orthogonal'),
    weight_decay: decoupledDecay(0),
    vector_lr_factor: atoms.nonNegative.default(0.015).describe('learning rate of biases and scales, as a share of lr'),
    betas: betas(0.9, 0.95),
    eps: epsilon(1e-10),
  }),
  state: (_, shape): Record<string, number> => (isMatrix(shape) ? { mean: 0 } : { mean: 0, square: 0 }),
  update(input) {
    const { parameter, gradient, hyperparameters } = input;
    if (isMatrix(parameter.shape)) return matrixStep(input);
    const rate = times(hyperparameters.rate, hyperparameters.vector_lr_factor);
    const start = shrunk(parameter, rate, hyperparameters.weight_decay);
    return adamStep(start, gradient, { ...input, hyperparameters: { ...hyperparameters, rate, amsgrad: false } });
  },
});
