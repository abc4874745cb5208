/**
 * Rewrites a graph before kernels are formed: long sums are split into partial sums whose number depends on shapes only, so that
 * threads share them without changing any bit of the result, and rounding errors stay small.
 */
import { applyAs, type Node, type NodeOf, topologicalOrder, withScope } from '../graph.js';
import { reduceSum } from '../primitives/reduce.js';
import { reshape } from '../primitives/movement.js';
import { sizeOf } from '../shape.js';
import { convWeightParts } from './conv-weight-parts.js';

/** Sums of more elements than this are split. */
const LONG_SUM = 4096;
/** The most partial sums of one result. */
const PARTS = 64;

/** The roots of a rewritten graph that computes the same values. New nodes keep the scope of those they replace. */
export function lower(roots: readonly Node[]): Node[] {
  const replaced = new Map<Node, Node>();
  for (const node of topologicalOrder(roots)) {
    const inputs = node.inputs.map((i) => replaced.get(i) ?? i);
    const same = inputs.every((n, i) => n === node.inputs[i]);
    withScope(node.scope, () => {
      const rebuilt = same ? node : applyAs(node.op, inputs, node.attrs, node.shape, node.dtype);
      replaced.set(node, lowerNode(rebuilt));
    });
  }
  return roots.map((r) => replaced.get(r) ?? r);
}

function lowerNode(node: Node): Node {
  if (node.op === 'reduce_sum') return splitSum(node);
  if (node.op === 'conv_weight') return splitWeightGradient(node);
  return node;
}

/** The largest divisor of n that is at most `limit`. */
function divisor(n: number, limit: number): number {
  for (let d = Math.min(n, limit); d > 1; d--) if (n % d === 0) return d;
  return 1;
}

function splitSum(node: NodeOf<'reduce_sum'>): Node {
  const [x] = node.inputs;
  const { axes } = node.attrs;
  const summed = sizeOf(axes.map((a) => x.shape[a]));
  if (summed <= LONG_SUM || node.dtype !== 'f32') return node;
  // One axis alone is cut in two; of several, the first is summed last.
  const [first, ...others] = axes;
  if (others.length > 0 && x.shape[first] > 1 && x.shape[first] <= 4096 && sizeOf(others.map((a) => x.shape[a])) > 1) {
    const inner = lowerNode(
      applyAs(
        'reduce_sum',
        [x],
        { axes: others },
        x.shape.filter((_, d) => !others.includes(d)),
        'f32',
      ),
    );
    return applyAs('reduce_sum', [inner], { axes: [first] }, node.shape, 'f32');
  }
  const longest = axes.reduce((a, b) => (x.shape[b] > x.shape[a] ? b : a));
  const parts = divisor(x.shape[longest], PARTS);
  if (parts === 1) return node;
  const split = reshape(x, [
    ...x.shape.slice(0, longest),
    parts,
    x.shape[longest] / parts,
    ...x.shape.slice(longest + 1),
  ]);
  const shifted = axes.filter((a) => a !== longest).map((a) => (a > longest ? a + 1 : a));
  const inner = reduceSum(split, [...shifted, longest + 1]);
  // What remains is the axis of the parts, after the kept axes that precede it.
  const position = longest - axes.filter((a) => a < longest).length;
  return reduceSum(inner, [position]);
}

/** Weight gradients of parts of the batch, and their sum. */
function splitWeightGradient(node: NodeOf<'conv_weight'>): Node {
  const parts = convWeightParts(node, divisor(node.inputs[0].shape[0], 8));
  return applyAs('reduce_sum', [parts], { axes: [0] }, node.shape, 'f32');
}
