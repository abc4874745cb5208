/** Reverse-mode differentiation on the graph: it returns nodes, so it can be applied again. */
import { type Node, type Op, primitiveOf, type NodeOf, type Primitive, topologicalOrder, withScope } from './graph.js';
import { showShape } from './shape.js';
import { add, onesLike, zerosLike } from './primitives/elementwise.js';

/** Ends the scope of what belongs to the derivatives of a scope. */
export const GRADIENT_SUFFIX = ' gradient';

/**
 * Derivatives of the scalar `loss` with respect to each node of `wrt`, with their shapes (zeros where the loss does not depend on
 * them). `cotangent` replaces the seed 1, for vector-Jacobian products of tensors of any shape. Nodes of
 * `held` are treated as constants with respect to what they are computed from, so updated weights can be held.
 */
export function grad(
  loss: Node,
  wrt: readonly Node[],
  cotangent?: Node,
  held: ReadonlySet<Node> = new Set<Node>(),
): Node[] {
  if (!cotangent && loss.shape.length !== 0) throw new Error(`grad needs a scalar, got shape ${showShape(loss.shape)}`);
  const order = topologicalOrder([loss]);
  const reaches = new Set<Node>(wrt);
  for (const node of order)
    if (node.op !== 'stop_gradient' && !held.has(node) && node.inputs.some((i) => reaches.has(i))) reaches.add(node);

  const cotangents = new Map<Node, Node>([[loss, cotangent ?? onesLike(loss)]]);
  for (const node of order.reverse()) {
    const g = cotangents.get(node);
    if (!g || held.has(node) || node.dtype !== 'f32' || !node.inputs.some((i) => reaches.has(i))) continue;
    const scope = gradientScope(node.scope);
    const parts = withScope(scope, () => derivativeOf(node, g));
    node.inputs.forEach((operand, i) => {
      const part = parts[i];
      if (!part || !reaches.has(operand)) return;
      const known = cotangents.get(operand);
      cotangents.set(operand, known ? withScope(scope, () => add(known, part)) : part);
    });
  }
  return wrt.map((node) => cotangents.get(node) ?? zerosLike(node));
}

/** What is built for the derivatives of a part, of any order, is that part's gradient. */
const gradientScope = (scope: string): string =>
  scope === '' || scope.endsWith(GRADIENT_SUFFIX) ? scope : `${scope}${GRADIENT_SUFFIX}`;

function derivativeOf<K extends Op>(node: NodeOf<K> | Node, cotangent: Node): (Node | undefined)[] {
  const primitive = primitiveOf(node.op) as Primitive<Op>;
  return primitive.derivative?.(node, cotangent) ?? [];
}
