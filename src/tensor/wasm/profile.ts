/** What the kernels of a compiled program do and how long each takes, for `nn profile`. */
import type { KernelProfile } from '../backend.js';
import { multiplyAddsOf, type Node } from '../graph.js';
import { sizeOf } from '../shape.js';
import type { CompiledProgram } from './compile.js';
import { bytesOf } from './emit/lanes.js';
import { accessesOf, type Expression } from '../compiler/expression.js';
import { mapPhases, phasesOf, type PhaseStep } from '../compiler/tasks.js';
import { expressionsOf, type Kernel, operandsOf, rootOf } from '../compiler/kernel.js';

/** Times every kernel by itself, `runs` times through the whole program on one thread; keeps the median of each one's time a run. */
export function profileKernels(
  exports: Readonly<Record<string, unknown>>,
  memory: WebAssembly.Memory,
  { kernels, scratch, schedule }: CompiledProgram,
  runs: number,
): KernelProfile[] {
  const times = kernels.map(() => new Float64Array(runs));
  const shared = phasesOf(schedule).map((phase) => phase.shared);
  const inPhase = shared.map((): number[] => []);
  kernels.forEach(({ phase }, i) => inPhase[phase].push(i));
  let numbered = 0;
  const steps = mapPhases(schedule, () => numbered++);
  const go = (list: readonly PhaseStep<number>[], run: number): void => {
    for (const step of list) {
      if ('phase' in step) {
        for (const i of inPhase[step.phase]) {
          const call = exports[`kernel.${i}`] as (begin: number, end: number, scratch: number) => void;
          const start = performance.now();
          call(0, kernels[i].emitted.units, scratch);
          times[i][run] += performance.now() - start;
        }
      } else {
        const [trips] = new Int32Array(memory.buffer, step.trips, 1);
        for (let trip = 0; trip < trips; trip++) go(step.body, run);
      }
    }
  };
  for (let run = 0; run < runs; run++) go(steps, run);
  return kernels.map((entry, i) => {
    const { kernel, stage, stages, phase } = entry;
    const main = stage === stages - 1;
    const root = rootOf(kernel);
    return {
      phase,
      shared: shared[phase],
      scope: scopeOf(kernel),
      reads: main ? namesOf(root ? operandsOf(kernel).map((o) => o.buffer) : [...kernel.reads]) : [],
      updates: main ? namesOf(entry.updates) : [],
      kind: main ? nameOf(kernel) : `${nameOf(kernel)} (prepare)`,
      fused: main ? fusedInto(kernel) : [],
      shape: kernel.shape,
      milliseconds: times[i].sort()[runs >> 1],
      flops: main && root !== undefined ? 2 * multiplyAddsOf(root) : 0,
      bytes: main ? trafficOf(kernel) : 0,
    };
  });
}

const namesOf = (nodes: readonly Node[]): string[] => nodes.flatMap((n) => (n.op === 'input' ? [n.attrs.name] : []));

/** The primitive that a kernel is for, under its own name. */
function nameOf(kernel: Kernel): string {
  const op = rootOf(kernel)?.op ?? kernel.kind;
  return op === 'conv_weight_parts' ? 'conv_weight' : op;
}

function scopeOf(kernel: Kernel): string {
  const scopes = new Set(kernel.outputs.map((o) => o.scope).filter(Boolean));
  return rootOf(kernel)?.scope || [...scopes][0] || 'step';
}

/** Names of the element-wise operations inside a kernel. */
function fusedInto(kernel: Kernel): string[] {
  const names = new Set<string>();
  const seen = new Set<Expression>();
  const visit = (e: Expression): void => {
    if (seen.has(e) || e.kind !== 'apply') return;
    seen.add(e);
    e.args.forEach(visit);
    names.add('kind' in e.node.attrs ? e.node.attrs.kind : e.node.op);
  };
  expressionsOf(kernel).forEach(visit);
  return [...names];
}

/** Bytes of all buffers that a kernel reads and writes, each once; of a gathered one, what is gathered. */
function trafficOf(kernel: Kernel): number {
  const bytes = (node: Node): number => sizeOf(node.shape) * bytesOf(node.dtype);
  const gathered = new Set(accessesOf(expressionsOf(kernel)).flatMap((a) => (a.indirect ? [a.buffer] : [])));
  const reads = [...kernel.reads].map((n) => (gathered.has(n) ? sizeOf(kernel.shape) * bytesOf(n.dtype) : bytes(n)));
  return [...reads, ...kernel.outputs.map(bytes)].reduce((a, b) => a + b, 0);
}
