/**
 * An operation that only lowering creates: the weight gradients of equal parts of the batch, [parts, kh, kw, channels / groups,
 * filters], whose sum over the first axis is `conv_weight`. Threads compute parts side by side; how many there are depends on
 * shapes only, and so do the bits of the sum.
 */
import { applyAs, definePrimitive, type Node, type NodeOf, primitiveOf } from '../graph.js';
import { sizeOf } from '../shape.js';

declare module '../graph.js' {
  interface Attributes {
    conv_weight_parts: ConvAttrs & { readonly parts: number };
  }
}

definePrimitive('conv_weight_parts', {
  evaluate(node, args, out) {
    const { parts, ...attrs } = node.attrs;
    const shapes = node.inputs.map(({ shape: [batch, ...rest] }) => [batch / parts, ...rest]);
    const inputs = node.inputs.map((n, i) => ({ ...n, shape: shapes[i] }));
    const gradient: NodeOf<'conv_weight'> = { ...node, op: 'conv_weight', attrs, inputs, shape: node.shape.slice(1) };
    const size = sizeOf(gradient.shape);
    for (let part = 0; part < parts; part++) {
      const own = args.map((values, i) => values.subarray(part * sizeOf(shapes[i]), (part + 1) * sizeOf(shapes[i])));
      primitiveOf('conv_weight').evaluate(gradient, own, out.subarray(part * size, (part + 1) * size));
    }
  },
  multiplyAdds: ({ shape, inputs: [, g] }) => sizeOf(shape.slice(1, 4)) * sizeOf(g.shape),
});

/** The weight gradients of `parts` parts of the batch, which they divide. */
export function convWeightParts({ inputs, attrs, shape }: NodeOf<'conv_weight'>, parts: number): Node {
  return applyAs('conv_weight_parts', inputs, { ...attrs, parts }, [parts, ...shape], 'f32');
}
