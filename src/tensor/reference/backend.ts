/**
 * The reference backend: every primitive's own `evaluate` in float64, node by node. Slow and obvious; the oracle that
 * the other backends are fuzzed against.
 */
import { allocate, type Backend, type Executable, listOutputs, type Outputs, type Program, type Session } from '../backend.js'; // prettier-ignore
import {
  type Node,
  type NodeOf,
  type Op,
  type Primitive,
  primitiveOf,
  topologicalOrder,
  type Values,
} from '../graph.js';
import { sizeOf } from '../shape.js';

/** Evaluates `roots` given the values of the inputs, in float64. */
export function evaluate(roots: readonly Node[], valueOf: (input: NodeOf<'input'>) => Values): Values[] {
  const values = new Map<Node, Values>();
  const loops = new Map<Node, readonly Values[]>();
  for (const node of topologicalOrder(roots)) {
    if (node.op === 'input') {
      values.set(node, valueOf(node));
      continue;
    }
    if (node.op === 'repeat_result') {
      values.set(node, (loops.get(node.inputs[0]) ?? [])[node.attrs.index]);
      continue;
    }
    const out = allocate(node.dtype, sizeOf(node.shape));
    const args = node.inputs.map((i) => values.get(i) ?? allocate(i.dtype, 0));
    if (node.op === 'repeat') loops.set(node, evaluateLoop(node, args));
    (primitiveOf(node.op) as Primitive<Op>).evaluate(node, args, out);
    values.set(node, out);
  }
  return roots.map((r) => values.get(r) ?? allocate(r.dtype, 0));
}

/** The values that a loop ends with. */
function evaluateLoop({ attrs: { body } }: NodeOf<'repeat'>, [[steps], ...operands]: readonly Values[]): Values[] {
  const values = new Map(body.parameters.map((parameter, i) => [parameter, operands[i]]));
  const valueOf = (parameter: NodeOf<'input'>): Values => values.get(parameter) ?? allocate(parameter.dtype, 0);
  for (let step = 0; step < steps; step++) {
    const next = evaluate(body.results, valueOf);
    next.forEach((value, i) => values.set(body.parameters[i], value));
  }
  return operands.slice(0, body.results.length).map((_, i) => valueOf(body.parameters[i]));
}

class ReferenceSession implements Session {
  private readonly buffers = new Map<Node, Values>();

  constructor(readonly runsPerRead: number) {}

  private buffer(node: Node): Values {
    let values = this.buffers.get(node);
    if (!values) this.buffers.set(node, (values = allocate(node.dtype, sizeOf(node.shape))));
    return values;
  }

  compile<O extends Outputs>(program: Program<O>): Executable<O> {
    const { nodes, valuesOf } = listOutputs(program.outputs);
    const roots = [...nodes, ...program.updates.map(([, value]) => value)];
    let results: Values[] = [];
    return {
      run: () => {
        results = evaluate(roots, (node) => this.buffer(node)).map((v) => v.slice());
        program.updates.forEach(([target], i) => this.buffer(target).set(results[nodes.length + i]));
      },
      read: () => Promise.resolve(valuesOf(results.slice(0, nodes.length))),
    };
  }

  write(input: Node, values: ArrayLike<number>): void {
    this.buffer(input).set(values);
  }

  reserve(bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }

  read(input: Node): Promise<Values> {
    return Promise.resolve(this.buffer(input).slice());
  }

  memory(): { inputs: number; scratch: number; total: number } {
    const inputs = [...this.buffers.values()].reduce((total, v) => total + v.byteLength, 0);
    return { inputs, scratch: 0, total: inputs };
  }

  close(): void {
    this.buffers.clear();
  }
}

export const referenceBackend: Backend = {
  name: 'reference',
  open: ({ runsPerRead = 1 }) => new ReferenceSession(runsPerRead),
};
