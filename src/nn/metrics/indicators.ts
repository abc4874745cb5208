/** Predicted and actual classes as 0 and 1 for each class. */
import { argmax, cast, concat, gt, type Node, sub } from '../../tensor/index.js';
import { checkLabels, isLabel, targetLike } from '../target.js';

/** Whether the labels are class numbers that compete; else every unit is a yes-or-no label, decided at logit 0. */
export const isMulticlass = (output: Node, target: Node): boolean => target.dtype === 'i32' && output.shape[1] !== 1;

/** f32 [batch, classes] of predictions and labels. A single unit has one class, the positive one. Throws ShapeError. */
export function indicators(output: Node, target: Node, what: string): [predicted: Node, actual: Node] {
  if (isMulticlass(output, target)) {
    checkLabels(output, target, what);
    const classes = output.shape[1];
    return [cast(isLabel(argmax(output, 1), classes), 'f32'), cast(isLabel(target, classes), 'f32')];
  }
  return [cast(gt(output, 0), 'f32'), cast(gt(targetLike(output, target, what), 0.5), 'f32')];
}

/** As `indicators`, both classes of a single unit that decides between two included. */
export function indicatorsOfAll(output: Node, target: Node, what: string): [predicted: Node, actual: Node] {
  const [predicted, actual] = indicators(output, target, what);
  if (target.dtype !== 'i32' || output.shape[1] !== 1) return [predicted, actual];
  const both = (yes: Node): Node => concat([sub(1, yes), yes], 1);
  return [both(predicted), both(actual)];
}

/** The names of `count` classes or labels, their numbers where there are none. */
export const namesOf = (names: readonly string[] | undefined, count: number): readonly string[] =>
  names?.length === count ? names : Array.from({ length: count }, (_, i) => String(i));
