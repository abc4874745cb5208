/** Factors on the loss of each class: as numbers, by name, or balanced by what the training split holds. */
import * as z from 'zod';
import { atoms, didYouMean } from '../../config/index.js';
import { constant, mul, type Node, reduceSum, select } from '../../tensor/index.js';
import { isLabel } from '../target.js';

export const classWeights = z
  .union([z.literal('balanced'), z.array(atoms.positive).min(2), z.record(z.string(), atoms.positive)])
  .optional()
  .describe(
    'factor on the loss of each class: numbers in the order of the classes, {name: number} (others 1), or balanced: samples / (classes * samples of the class) of the training split',
  );
export type ClassWeights = z.output<typeof classWeights>;

/** What weights refer to: the names of classes or labels, and how many training samples are of each. */
export interface ClassCounts {
  readonly names: readonly string[];
  readonly counts: readonly number[];
  /** Training samples in all. */
  readonly samples: number;
}

/** The weights as one number per class; or an error message. */
export function resolveClassWeights(
  weights: ClassWeights,
  { names, counts, samples }: ClassCounts,
): number[] | string | undefined {
  if (weights === undefined) return undefined;
  if (weights === 'balanced') {
    const absent = names.find((_, i) => counts[i] === 0);
    if (absent !== undefined)
      return `class_weights: balanced needs samples of every class, and the training split has none of "${absent}"`;
    return counts.map((count) => samples / (names.length * count));
  }
  if (Array.isArray(weights)) {
    if (weights.length === names.length) return weights;
    return `class_weights has ${weights.length} values, and the data has ${names.length} classes`;
  }
  const unknown = Object.keys(weights).find((name) => !names.includes(name));
  if (unknown === undefined) return names.map((name) => (Object.hasOwn(weights, name) ? weights[name] : 1));
  const hint = didYouMean(unknown, names);
  return `class_weights: there is no class "${unknown}"${hint === undefined ? `; there are ${names.join(', ')}` : `; ${hint}`}`;
}

/** Weights resolved by `resolveClassWeights`. */
export function numbersOf(weights: ClassWeights): readonly number[] | undefined {
  if (weights === undefined || Array.isArray(weights)) return weights;
  throw new Error('class weights become numbers once the data are loaded');
}

/** `losses` [batch], each times the weight of its sample's class. */
export function weighted(losses: Node, labels: Node, weights: ClassWeights): Node {
  const numbers = numbersOf(weights);
  if (numbers === undefined) return losses;
  const ofClass = constant(numbers, [1, numbers.length]);
  return mul(losses, reduceSum(select(isLabel(labels, numbers.length), ofClass, 0), 1));
}

/** `resolve` of a loss whose only such parameter is class_weights. */
export function withClassWeights<P extends { class_weights?: ClassWeights }>(
  params: P,
  counts: ClassCounts,
): P | string {
  const resolved = resolveClassWeights(params.class_weights, counts);
  if (typeof resolved === 'string') return resolved;
  return resolved === undefined ? params : { ...params, class_weights: resolved };
}
