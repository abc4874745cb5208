/** A graph inside a node: the body of a loop. */
import { applyAs, type Node, type NodeOf, topologicalOrder, withScope } from './graph.js';

let nextId = 1;

/** A closed graph: results depend on nothing but its parameters and constants. Subgraphs are never shared. */
export class Subgraph {
  private readonly id = nextId++;

  constructor(
    readonly parameters: readonly NodeOf<'input'>[],
    readonly results: readonly Node[],
  ) {}

  /** Distinguishes the nodes that hold it. */
  toJSON(): number {
    return this.id;
  }
}

/**
 * The graph from `parameters` to `results`. What the results take from outside comes in by further parameters, whose values
 * `captured` has in the same order: everything that does not depend on the parameters is computed once, outside.
 */
export function closeOver(
  parameters: readonly NodeOf<'input'>[],
  results: readonly Node[],
): { subgraph: Subgraph; captured: Node[] } {
  const copies = new Map<Node, Node>(parameters.map((p) => [p, p]));
  const captured: Node[] = [];
  const entries: NodeOf<'input'>[] = [];
  /** A value from outside. Constants, and what only shows a tensor in another form, are taken along: they cost nothing inside. */
  const bring = (outer: Node): Node => {
    const known = copies.get(outer);
    if (known !== undefined) return known;
    let copy = outer;
    if (isView(outer)) copy = rebuild(outer, [bring(outer.inputs[0])]);
    else if (outer.op !== 'iota' && outer.op !== 'constant') {
      const entry = makeParameter(`captured ${captured.length}`, outer);
      captured.push(outer);
      entries.push(entry);
      copy = entry;
    }
    copies.set(outer, copy);
    return copy;
  };
  const inside = new Set<Node>(parameters);
  for (const node of topologicalOrder(results)) {
    if (inside.has(node) || !node.inputs.some((i) => inside.has(i))) continue;
    inside.add(node);
    copies.set(node, rebuild(node, node.inputs.map(bring)));
  }
  const closed = results.map(bring);
  return { subgraph: new Subgraph([...parameters, ...entries], closed), captured };
}

/** A parameter for values like those of `node`. */
export function makeParameter(name: string, { shape, dtype }: Node): NodeOf<'input'> {
  // Its own number keeps it apart from those of other subgraphs.
  return applyAs('input', [], { name: `${name} #${nextId++}` }, shape, dtype) as NodeOf<'input'>;
}

const isView = (node: Node): boolean =>
  node.op === 'reshape' ||
  node.op === 'broadcast' ||
  node.op === 'transpose' ||
  node.op === 'slice' ||
  node.op === 'reverse';

const rebuild = (node: Node, inputs: readonly Node[]): Node =>
  inputs.every((input, i) => input === node.inputs[i])
    ? node
    : withScope(node.scope, () => applyAs(node.op, inputs, node.attrs, node.shape, node.dtype));
