import { allocate, evaluate, input, type Node, type Shape, sizeOf } from '../../../src/tensor/index.js';

/** The elements of a node without inputs (constants only), by the reference backend. */
export function valueOf(node: Node): number[] {
  const [values] = evaluate([node], (n) => {
    throw new Error(`input ${n.attrs.name} has no value`);
  });
  return [...values];
}

/** The elements of `build(x)`, where x is an input: nothing is folded while the graph is built. */
export function valueWith(shape: Shape, values: readonly number[], build: (x: Node) => Node): number[] {
  const x = input('x', shape);
  const [result] = evaluate([build(x)], () => {
    const buffer = allocate('f32', sizeOf(shape));
    buffer.set(values);
    return buffer;
  });
  return [...result];
}
