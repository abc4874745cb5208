/** One step of whatever optimizer a config names, over all parameters. */
import type { Node, Shape } from '../../tensor/index.js';
import { type OptimizerConfig, optimizerOf } from './index.js';

/** A parameter that is about to be updated. */
export interface Due {
  readonly name: string;
  readonly node: Node;
  readonly gradient: Node;
  /** Its learning rate, a scalar, and its options: those of its group. */
  readonly rate: Node;
  readonly params: OptimizerConfig;
}

/** Makes the input that holds a value of the optimizer, which starts at `initial` everywhere. */
export type MakeSlot = (name: string, shape: Shape, initial: number) => Node;

/** What a step makes of the parameters, and of the slots. `step` is 1-based, a scalar. */
export function applyOptimizer(
  config: OptimizerConfig,
  due: readonly Due[],
  step: Node,
  slot: MakeSlot,
): { readonly parameters: readonly Node[]; readonly slots: readonly (readonly [Node, Node])[] } {
  const optimizer = optimizerOf(config);
  const slots: [Node, Node][] = [];
  const changed = (nodes: Readonly<Record<string, Node>>, values: Readonly<Record<string, Node>>): void => {
    for (const [name, node] of Object.entries(nodes)) slots.push([node, values[name]]);
  };
  if (optimizer.kind === 'joint') {
    const zeros = (shapes: Readonly<Record<string, Shape>>, suffix = ''): Record<string, Node> =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, slot(`${name}${suffix}`, shape, 0)]));
    const states = due.map(({ name, node }) => zeros(optimizer.slots(config, node.shape), `.${name}`));
    const shared = zeros(optimizer.shared(config));
    const result = optimizer.update({
      parameters: due.map(({ node }) => node),
      gradients: due.map(({ gradient }) => gradient),
      states,
      shared,
      rate: due[0].rate,
      params: config,
    });
    states.forEach((state, i) => changed(state, result.states[i]));
    changed(shared, result.shared);
    return { parameters: result.parameters, slots };
  }
  const parameters = due.map(({ name, node, gradient, rate, params }) => {
    const initial = Object.entries(optimizer.state(config, node.shape));
    const state = Object.fromEntries(initial.map(([key, from]) => [key, slot(`${key}.${name}`, node.shape, from)]));
    const updated = optimizer.update({ parameter: node, gradient, state, rate, step, params });
    changed(state, updated.state);
    return updated.parameter;
  });
  return { parameters, slots };
}

/** How many values the optimizer keeps for each weight of a matrix. */
export function slotsPerWeight(config: OptimizerConfig): number {
  const optimizer = optimizerOf(config);
  if (optimizer.kind === 'each') return Object.keys(optimizer.state(config, [1, 1])).length;
  return Object.values(optimizer.slots(config, [1])).reduce((total, shape) => total + shape.reduce((a, b) => a * b, 1), 0); // prettier-ignore
}
