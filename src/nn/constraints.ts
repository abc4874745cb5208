/** Constraints: projections of the weights after every update. Keras's formulas; a unit is all weights of one output. */
import * as z from 'zod';
import { atoms, component, type ComponentConfig } from '../config/index.js';
import { add, div, maximum, minimum, mul, type Node } from '../tensor/index.js';
import { normPerUnit } from './norms.js';

export interface Constraint<S extends z.ZodObject = z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  /** The nearest weights that keep the constraint; outputs are numbered along `outputAxis`. */
  project(x: Node, outputAxis: number, params: z.output<S>): Node;
}

const constraint = <S extends z.ZodObject>(entry: Constraint<S>): Constraint<S> => entry;

/** Keras adds this to norms that it divides by. */
const NORM_EPSILON = 1e-7;

/** x with each unit scaled by `factor(norm, norm + epsilon)`. */
function rescaled(x: Node, outputAxis: number, factor: (norms: Node, divisor: Node) => Node): Node {
  const norms = normPerUnit(x, outputAxis);
  return mul(x, factor(norms, add(norms, NORM_EPSILON)));
}

const within = (low: number, norms: Node, high: number): Node => minimum(maximum(norms, low), high);

export const constraints = {
  max_norm: constraint({
    description: 'Shrinks the incoming weights of a unit to at most this norm (Srivastava et al. 2014).',
    schema: z.object({ max: atoms.positive.default(2).describe('largest norm') }),
    // Keras also multiplies what is within the bound, by norm / (norm + 1e-7): in float32 an unintended decay.
    project: (x, axis, { max }) => rescaled(x, axis, (_, divisor) => minimum(div(max, divisor), 1)),
  }),
  min_max_norm: constraint({
    description: 'Brings the norm of the incoming weights of a unit between two values, at once or gradually.',
    schema: z
      .object({
        min: atoms.nonNegative.default(0).describe('smallest norm'),
        max: atoms.positive.default(1).describe('largest norm'),
        rate: atoms.probability.default(1).describe('share of the way that an update goes'),
      })
      .refine(({ min, max }) => min <= max, { path: ['min'], message: 'min must not be above max' }),
    project: (x, axis, { min, max, rate }) =>
      rescaled(x, axis, (norms, divisor) =>
        div(add(mul(within(min, norms, max), rate), mul(norms, 1 - rate)), divisor),
      ),
  }),
  unit_norm: constraint({
    description: 'Gives the incoming weights of every unit the norm 1.',
    schema: z.object({}),
    project: (x, axis) => rescaled(x, axis, (_, divisor) => div(1, divisor)),
  }),
  non_negative: constraint({
    description: 'Sets negative weights to 0.',
    schema: z.object({}),
    project: (x) => maximum(x, 0),
  }),
} as const satisfies Record<string, Constraint>;

export type ConstraintConfig = ComponentConfig<typeof constraints>;
export const constraintSchema = component(constraints);

/** The registry's entry, its parameters' types forgotten: they are those of `config`, which that entry's schema parsed. */
export const constraintOf = (config: ConstraintConfig): Constraint => constraints[config.type];
