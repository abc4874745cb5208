/** The trainable scale and shift per channel that follow a normalization; they start at 1 and 0 whatever the model's `init`. */
import { add, mul, type Node, ShapeError } from '../../tensor/index.js';
import { type BuildContext, sampleShape } from '../layer.js';

/** The channels of x are its last axis. */
export function trainableAffine(
  context: BuildContext,
  x: Node,
): { channels: number; apply: (normalized: Node) => Node } {
  const sample = sampleShape(x);
  if (sample.length === 0) throw new ShapeError('needs at least one axis per sample, got []');
  const channels = sample[sample.length - 1];
  const fans = { fanIn: 1, fanOut: 1 };
  const scale = context.parameter('weight', [channels], { kind: 'scale', ...fans, init: { type: 'ones' } });
  const shift = context.parameter('bias', [channels], { kind: 'bias', ...fans, init: { type: 'zeros' } });
  return { channels, apply: (normalized) => add(mul(normalized, scale), shift) };
}
