/** The reference evaluation with every intermediate value rounded to float32, as a float32 backend computes it. */
import { type Node, type Op, type Primitive, primitiveOf, topologicalOrder, type Values } from '../../../src/tensor/graph.js'; // prettier-ignore
import { allocate, sizeOf } from '../../../src/tensor/index.js';
import type { GraphInput } from '../../tensor/helpers/random-graph.js';

/** The values of `roots`, rounded to float32 after every operation. */
export function float32ValuesAt(roots: readonly Node[], inputs: readonly GraphInput[]): Values[] {
  const values = new Map<Node, Values>();
  for (const node of topologicalOrder(roots)) {
    const out = allocate(node.dtype, sizeOf(node.shape));
    if (node.op === 'input') {
      out.set(inputs.find((i) => i.node === node)?.values ?? []);
    } else {
      const args = node.inputs.map((i) => values.get(i) ?? allocate(i.dtype, 0));
      (primitiveOf(node.op) as Primitive<Op>).evaluate(node, args, out);
    }
    values.set(node, node.dtype === 'f32' ? out.map(Math.fround) : out);
  }
  return roots.map((root) => values.get(root) ?? allocate(root.dtype, 0));
}
