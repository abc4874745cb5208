/** What the kernels of a compiled program do and how long each takes, for `nn profile`. */
import type { KernelProfile } from '../backend.js';
import type { Node } from '../graph.js';
import { sizeOf } from '../shape.js';
import type { CompiledProgram } from './compile.js';
import { bytesOf } from './emit/expression.js';
import { accessesOf, type Expression } from '../compiler/expression.js';
import type { Kernel } from '../compiler/kernels.js';

/** Times every kernel by itself, `runs` times through the whole program on one thread; keeps each one's median. */
export function profileKernels(
  exports: Readonly<Record<string, unknown>>,
  { kernels, scratch, schedule }: CompiledProgram,
  runs: number,
): KernelProfile[] {
  const times = kernels.map(() => new Float64Array(runs));
  for (let run = 0; run < runs; run++) {
    kernels.forEach(({ emitted }, i) => {
      const call = exports[`kernel.${i}`] as (begin: number, end: number, scratch: number) => void;
      const start = performance.now();
      call(0, emitted.units, scratch);
      times[i][run] = performance.now() - start;
    });
  }
  return kernels.map((entry, i) => {
    const { kernel, stage, stages, phase } = entry;
    const main = stage === stages - 1;
    return {
      phase,
      shared: schedule[phase].shared,
      scope: scopeOf(kernel),
      reads: main ? namesOf(kernel.root ? kernel.operands.map((o) => o.buffer) : [...kernel.reads]) : [],
      updates: main ? namesOf(entry.updates) : [],
      kind: main ? (kernel.root?.op ?? kernel.kind) : `${kernel.root?.op ?? kernel.kind} (prepare)`,
      fused: main ? fusedInto(kernel) : [],
      shape: kernel.shape,
      milliseconds: times[i].sort()[runs >> 1],
      flops: main ? flopsOf(kernel.root) : 0,
      bytes: main ? trafficOf(kernel) : 0,
    };
  });
}

const namesOf = (nodes: readonly Node[]): string[] => nodes.flatMap((n) => (n.op === 'input' ? [n.attrs.name] : []));

function scopeOf(kernel: Kernel): string {
  const scopes = new Set(kernel.outputs.map((o) => o.scope).filter(Boolean));
  return kernel.root?.scope || [...scopes][0] || 'step';
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
  if (kernel.input) visit(kernel.input);
  kernel.expressions.forEach(visit);
  return [...names];
}

/** Multiply-adds count as two. */
function flopsOf(root: Node | undefined): number {
  if (root === undefined) return 0;
  const product = (w: readonly number[], outputs: number): number => 2 * outputs * w[0] * w[1] * w[2];
  switch (root.op) {
    case 'matmul':
      return 2 * sizeOf(root.shape) * root.inputs[0].shape[root.shape.length - 1];
    case 'conv':
      return product(root.inputs[1].shape, sizeOf(root.shape));
    case 'conv_input':
      return product(root.inputs[1].shape, sizeOf(root.inputs[0].shape));
    case 'conv_weight':
      return product(root.shape.slice(-4), sizeOf(root.inputs[1].shape));
    default:
      return 0;
  }
}

/** Bytes of all buffers that a kernel reads and writes, each once; of a gathered one, what is gathered. */
function trafficOf(kernel: Kernel): number {
  const bytes = (node: Node): number => sizeOf(node.shape) * bytesOf(node.dtype);
  const gathered = new Set(
    accessesOf([...kernel.expressions, ...(kernel.input ? [kernel.input] : [])]).flatMap((a) =>
      a.indirect ? [a.buffer] : [],
    ),
  );
  const reads = [...kernel.reads].map((n) => (gathered.has(n) ? sizeOf(kernel.shape) * bytesOf(n.dtype) : bytes(n)));
  return [...reads, ...kernel.outputs.map(bytes)].reduce((a, b) => a + b, 0);
}
