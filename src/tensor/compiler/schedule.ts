/**
 * The plan of a program, whatever the backend: its kernels, the order in which they run, where updates of state go, and where each
 * buffer lies. The body of a loop has its own plan.
 */
import { type Node, withScope } from '../graph.js';
import { stopGradient } from '../primitives/elementwise.js';
import { joinReaders } from './join-readers.js';
import type { Kernel, RepeatKernel } from './kernel.js';
import { sortByDependencies, planKernels } from './kernels.js';
import { lower } from './lower.js';
import { type Lifetime, planMemory } from './memory-plan.js';
import type { Stage, BackendTraits } from './target.js';
import { type Placement, placeUpdates } from './updates.js';

export interface KernelSchedule {
  readonly outputs: readonly Node[];
  readonly kernels: readonly Kernel[];
  readonly placement: Placement;
  readonly stages: ReadonlyMap<Kernel, readonly Stage[]>;
  /** The number of levels. Copied updates come after them. */
  readonly levels: number;
  /** Places of buffers and workspaces, from the start of the program's memory. */
  readonly memory: { readonly offsets: ReadonlyMap<Node | Kernel, number>; readonly bytes: number };
  readonly bodies: ReadonlyMap<RepeatKernel, KernelSchedule>;
}

/** What is computed: results, and the new values of inputs once everything is computed. */
export interface Computation {
  readonly outputs: readonly Node[];
  readonly updates: readonly (readonly [Node, Node])[];
}

export function scheduleProgram(program: Computation, target: BackendTraits): KernelSchedule {
  // Results that are inputs are copied: the input may be updated in the same run.
  const targets = new Set(program.updates.map(([input]) => input));
  const own = (node: Node): Node => (targets.has(node) ? withScope(node.scope, () => stopGradient(node)) : node);
  const lowered = lower([...program.outputs.map(own), ...program.updates.map(([, value]) => own(value))]);
  const outputs = lowered.slice(0, program.outputs.length);
  const updates = program.updates.map(([input], i) => [input, lowered[program.outputs.length + i]] as const);
  const kernels = planKernels(lowered);
  const bodies = new Map<RepeatKernel, KernelSchedule>();
  for (const kernel of kernels) if (kernel.kind === 'repeat') bodies.set(kernel, scheduleBody(kernel, target));
  const placement = placeUpdates(kernels, updates);
  const stages = orderStages(kernels, placement.after, target);
  const levels = stages.reduce((most, s) => Math.max(most, s.level + 1), 0);
  const byKernel = new Map<Kernel, Stage[]>(kernels.map((kernel) => [kernel, []]));
  for (const stage of stages) byKernel.get(stage.kernel)?.push(stage);
  const plan = { outputs, kernels, placement, stages: byKernel, levels, bodies };
  return { ...plan, memory: planMemory(lifetimesOf(plan, target)) };
}

/** The body of a loop as a program: the carried values are its state. */
function scheduleBody({ root }: RepeatKernel, target: BackendTraits): KernelSchedule {
  const { parameters, results } = root.attrs.body;
  const updates = results.map((result, i) => [parameters[i], result] as const);
  return scheduleProgram({ outputs: [], updates: updates.filter(([before, after]) => before !== after) }, target);
}

/** Puts every stage on the lowest level above all its dependencies. */
function orderStages(kernels: readonly Kernel[], after: Placement['after'], target: BackendTraits): Stage[] {
  const before = new Map<Kernel, Kernel[]>(kernels.map((k) => [k, []]));
  for (const [k, nexts] of after) for (const n of nexts) before.get(n)?.push(k);
  const producers = new Map<Node, Kernel>();
  for (const k of kernels) for (const o of k.outputs) producers.set(o, k);
  const ends = new Map<Kernel, number>();
  const behind = (sources: readonly Kernel[]): number =>
    sources.reduce((level, source) => Math.max(level, (ends.get(source) ?? 0) + 1), 0);
  const stages: Stage[] = [];
  for (const kernel of sortByDependencies(kernels, (k) => before.get(k) ?? [])) {
    const ready = behind(before.get(kernel) ?? []);
    const prepared = target.preparation(kernel);
    let level = ready;
    if (prepared !== undefined) {
      // What is not computed here is there from the start; it is prepared no earlier than needed.
      const sources = prepared.flatMap((node) => producers.get(node) ?? []);
      const first = sources.length > 0 ? behind(sources) : Math.max(0, ready - 1);
      stages.push({ kernel, level: first });
      level = Math.max(ready, first + 1);
    }
    stages.push({ kernel, level });
    ends.set(kernel, level);
  }
  joinReaders(stages, after, target);
  return stages;
}

/** When each buffer is in use that is neither an input or constant nor updated in place. */
function lifetimesOf(plan: Omit<KernelSchedule, 'memory'>, target: BackendTraits): Lifetime<Node | Kernel>[] {
  const { kernels, placement, stages, levels } = plan;
  const first = (kernel: Kernel): number => stages.get(kernel)?.[0].level ?? 0;
  const last = (kernel: Kernel): number => stages.get(kernel)?.at(-1)?.level ?? 0;
  const lastReads = new Map<Node, number>();
  for (const kernel of kernels)
    for (const node of kernel.reads) lastReads.set(node, Math.max(lastReads.get(node) ?? 0, last(kernel)));
  const endures = new Set<Node>([...plan.outputs, ...placement.copied.map(([, value]) => value)]);
  return kernels.flatMap((kernel) => {
    const buffers = kernel.outputs
      .filter((node) => !placement.inPlace.has(node))
      .map((node) => ({
        key: node,
        bytes: target.bytes(node),
        first: first(kernel),
        last: endures.has(node) ? levels : Math.max(last(kernel), lastReads.get(node) ?? 0),
      }));
    const bytes = kernel.kind === 'repeat' ? (plan.bodies.get(kernel)?.memory.bytes ?? 0) : target.workspace(kernel);
    return bytes > 0 ? [...buffers, { key: kernel, bytes, first: first(kernel), last: last(kernel) }] : buffers;
  });
}
