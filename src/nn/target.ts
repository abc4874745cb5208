/** What a network's output is compared with, and how target tensors are brought to the shape of the output. */
import { cast, eq, iota, type Node, reshape, ShapeError, showShape, sizeOf } from '../tensor/index.js';

/**
 * What losses and metrics compare the output with: class labels (i32 [batch]), yes-or-no labels (0 and 1, [batch, k]), numbers
 * ([batch, k]), or the network's own input ([batch, ...]).
 */
export type ReferenceKind = 'classes' | 'labels' | 'numbers' | 'features';

/** Each kind in the words of a message. */
export const referenceNames: Readonly<Record<ReferenceKind, string>> = {
  classes: 'class labels',
  labels: 'yes-or-no labels',
  numbers: 'numbers',
  features: 'features',
};

/** What the output for one sample is compared with. */
export interface TargetInfo {
  readonly kind: ReferenceKind;
  /** Number of classes; of class labels only. */
  readonly classes?: number;
  /** Numbers per sample: 1 for a class label, k for k numbers, yes-or-no labels or features. */
  readonly size: number;
}

/** Targets as f32 in the shape of `output` ([batch, units]); i32 labels of shape [batch] fit one unit. Throws ShapeError. */
export function targetLike(output: Node, target: Node, what: string): Node {
  if (output.shape[0] !== target.shape[0] || sizeOf(output.shape) !== sizeOf(target.shape)) {
    throw new ShapeError(
      `${what}: output ${showShape(output.shape)} and targets ${showShape(target.shape)} must have the same number of values per sample`,
    );
  }
  return cast(reshape(target, output.shape), 'f32');
}

/** Checks logits [batch, classes >= 2] against class labels [batch] of type i32. Throws ShapeError. */
export function checkLabels(logits: Node, labels: Node, what: string): void {
  if (logits.shape.length !== 2 || logits.shape[1] < 2 || labels.shape.length !== 1 || labels.dtype !== 'i32') {
    throw new ShapeError(
      `${what}: needs logits [batch, classes] and i32 labels [batch], got ${showShape(logits.shape)} and ${labels.dtype} ${showShape(labels.shape)}`,
    );
  }
  if (logits.shape[0] !== labels.shape[0]) {
    throw new ShapeError(`${what}: ${logits.shape[0]} rows of logits and ${labels.shape[0]} labels`);
  }
}

/** bool [batch, classes]: where the class is the sample's label. */
export function isLabel(labels: Node, classes: number): Node {
  const [batch] = labels.shape;
  return eq(iota([batch, classes], 1, 'i32'), reshape(labels, [batch, 1]));
}
