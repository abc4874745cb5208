/** One step of Adam as a graph, the largest elementwise update that optimizers produce. */
import { add, div, input, mul, type Node, pow, sqrt, sub } from '../../../src/tensor/index.js';

/** Of a parameter `p` of this shape with the moments `m` and `v`: all three after the step, and what they replace. */
export function adamStep(
  shape: readonly number[],
): Readonly<Record<'p' | 'm' | 'v' | 'updated' | 'mean' | 'square', Node>> {
  const [p, m, v, g] = ['p', 'm', 'v', 'g'].map((name) => input(name, shape));
  const step = input('step', []);
  const mean = add(mul(m, 0.9), mul(g, 0.1));
  const square = add(mul(v, 0.999), mul(mul(g, g), 0.001));
  const root = sqrt(div(square, sub(1, pow(0.999, step))));
  const updated = sub(p, div(mul(div(mean, sub(1, pow(0.9, step))), 0.001), add(root, 1e-8)));
  return { p, m, v, updated, mean, square };
}
