/**
 * Compiles a program into one WebAssembly module: lower, form kernels, order them in phases, plan memory, emit. Threads run the
 * kernels of a phase side by side and meet at a barrier between phases.
 */
import type { Program } from '../backend.js';
import { type Node, withScope } from '../graph.js';
import { stopGradient } from '../primitives/elementwise.js';
import { sizeOf, stridesOf } from '../shape.js';
import { ModuleEmitter } from './assembler.js';
import { convWorkspace, emitConv, packsWeights } from './emit/conv.js';
import { emitArgmax, emitScatterAdd } from './emit/index.js';
import { emitLoop, emitLoopKernel, type EmitContext, type EmittedKernel } from './emit/loop.js';
import { emitMatmul } from './emit/matmul.js';
import { emitPool } from './emit/pool.js';
import { emitReduce } from './emit/reduce.js';
import { bytesOf } from './emit/expression.js';
import { emitDriver, type Phase, type PhasePlan, planPhases } from './driver.js';
import { accessesOf, type Expression } from '../compiler/expression.js';
import type { Features } from './features.js';
import { interleave, joinReaders } from './interleave.js';
import { hasEqualParts, isAligned, isLeaf, type Kernel, operandsOf, type RegionsKernel } from '../compiler/kernel.js';
import { KernelPlanner } from '../compiler/kernels.js';
import { lower } from '../compiler/lower.js';
import { MathLibrary } from './emit/math.js';
import { alignedBytes, type Lifetime, planMemory } from '../compiler/memory-plan.js';

export interface CompiledProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Address of each output's value. */
  readonly outputs: readonly { address: number; node: Node }[];
  readonly phases: number;
  /** The kernels in the order in which they run; each is exported as `kernel.<index>`. */
  readonly kernels: readonly KernelEntry[];
  /** How the kernels are shared between threads, each by itself. */
  readonly schedule: readonly PhasePlan[];
  /** Start of the first thread's scratch memory, and how much each thread has. */
  readonly scratch: number;
  readonly scratchBytes: number;
  /** Whether worker threads take part. */
  readonly parallel: boolean;
}

/** A kernel's function (begin, end, scratch) and what it does. */
export interface KernelEntry {
  readonly emitted: EmittedKernel;
  readonly phase: number;
  readonly kernel: Kernel;
  /** Inputs that it replaces. */
  readonly updates: readonly Node[];
  /** Stage of the kernel: 0, or 1 behind a stage that packs or clears. */
  readonly stage: number;
  readonly stages: number;
}

/** Where a program's memory comes from. */
export interface MemoryHost {
  readonly threads: number;
  readonly control: { barrier: number; counters: number; maxCounters: number };
  /** Address of an input's or constant's buffer, allocated on first use. */
  leaf(node: Node): number;
  /** Address of a word with these bits, which no program changes; undefined where there is no room for one more. */
  constant(bits: number): number | undefined;
  /** Addresses of areas of at least `bytes` bytes that programs share, as only one runs at a time. */
  arena(bytes: number): number;
  scratch(bytes: number): number;
}

/** One step of a kernel: its stages run in phases of their own. */
interface Stage {
  readonly kernel: Kernel;
  readonly number: number;
  level: number;
}

export function compileProgram(program: Program, features: Features, host: MemoryHost): CompiledProgram {
  // Results that are inputs are copied to a buffer of their own: the input may be updated in the same run.
  const targets = new Set(program.updates.map(([target]) => target));
  const own = (node: Node): Node => (targets.has(node) ? withScope(node.scope, () => stopGradient(node)) : node);
  const lowered = lower([...program.outputs.map(own), ...program.updates.map(([, value]) => own(value))]);
  const outputs = lowered.slice(0, program.outputs.length);
  const updates = program.updates.map(([target], i) => [target, lowered[program.outputs.length + i]] as const);
  const kernels = new KernelPlanner(lowered).plan();
  const placement = placeUpdates(kernels, updates);
  const stages = orderStages(kernels, placement.after);
  const lastLevel = Math.max(-1, ...stages.map((s) => s.level));

  // Memory: everything that is neither a leaf nor updated in place lives in the arena while it is needed.
  const lifetimes: Lifetime<Node | Kernel>[] = [];
  const levelOf = (kernel: Kernel): number =>
    Math.max(...stages.filter((s) => s.kernel === kernel).map((s) => s.level));
  const firstLevel = (kernel: Kernel): number =>
    Math.min(...stages.filter((s) => s.kernel === kernel).map((s) => s.level));
  const endures = new Set<Node>([...outputs, ...placement.copied.map(([, value]) => value)]);
  for (const kernel of kernels) {
    for (const node of kernel.outputs) {
      if (placement.inPlace.has(node)) continue;
      const readers = kernels.filter((k) => k.reads.has(node)).map(levelOf);
      const last = endures.has(node) ? lastLevel + 1 : Math.max(levelOf(kernel), ...readers);
      lifetimes.push({ key: node, bytes: sizeOf(node.shape) * bytesOf(node.dtype), first: firstLevel(kernel), last });
    }
    const workspace = kernel.kind === 'conv' ? convWorkspace(kernel, features) : 0;
    if (workspace > 0)
      lifetimes.push({ key: kernel, bytes: workspace, first: firstLevel(kernel), last: levelOf(kernel) });
  }
  const memory = planMemory(lifetimes);

  // Where there are no pairs, V8 keeps whole numbers in registers or makes them quickly enough.
  const module = new ModuleEmitter((bits, type) => (type === 'f32' || features.wide ? host.constant(bits) : undefined));
  let base = 0;
  const offsets = memory.offsets;
  const address = (node: Node): number => {
    const target = placement.inPlace.get(node);
    if (target) return host.leaf(target);
    if (isLeaf(node)) return host.leaf(node);
    const offset = offsets.get(node);
    if (offset === undefined) throw new Error(`internal: ${node.op} has no memory`);
    return base + offset;
  };
  const context: EmitContext = { module, math: new MathLibrary(module, features.fma), features, address };

  base = host.arena(memory.bytes);

  const entries = new Map<EmittedKernel, Omit<KernelEntry, 'emitted' | 'phase'>>();
  const phases: EmittedKernel[][] = Array.from({ length: lastLevel + 1 }, () => []);
  for (const kernel of kernels) {
    const emitted = emitKernel(context, kernel, base + (offsets.get(kernel) ?? 0));
    const own = stages.filter((s) => s.kernel === kernel);
    const updates = kernel.outputs.flatMap((o) => placement.inPlace.get(o) ?? []);
    emitted.forEach((group, i) => {
      phases[own[i].level].push(...group);
      for (const k of group) entries.set(k, { kernel, updates, stage: i, stages: emitted.length });
    });
  }
  const copies = placement.copied.map(([target, value]) => {
    const { shape } = target;
    const strides = stridesOf(shape);
    const expressions: Expression[] = [{ kind: 'load', access: { buffer: value, offset: 0, strides } }];
    const copy = emitLoop(context, { shape, expressions, targets: [{ buffer: target, offset: 0, strides }] });
    const kernel: Kernel = { kind: 'loop', shape, outputs: [target], expressions, reads: new Set([value]) };
    entries.set(copy, { kernel, updates: [target], stage: 0, stages: 1 });
    return copy;
  });
  if (copies.length > 0) phases.push(copies);

  const all: Phase[] = phases.filter((p) => p.length > 0);
  const scratchBytes = alignedBytes(Math.max(0, ...all.flat().map((k) => k.scratch)));
  const scratch = host.scratch(scratchBytes * host.threads);
  const listed: KernelEntry[] = [];
  all.forEach((phase, number) => {
    for (const emitted of phase) {
      const entry = entries.get(emitted);
      if (entry === undefined) throw new Error('internal: a kernel has no entry');
      module.export(emitted.function, `kernel.${listed.length}`);
      listed.push({ emitted, phase: number, ...entry });
    }
  });
  const plan = (list: readonly Phase[]): PhasePlan[] => planPhases(list, host.threads, host.control.maxCounters);
  const driven = plan(all.map((phase) => interleave(module, phase, (emitted) => entries.get(emitted)?.kernel)));
  emitDriver(module, driven, { ...host.control, threads: host.threads, scratch, scratchBytes });
  return {
    bytes: module.bytes(),
    outputs: outputs.map((node) => ({ address: address(node), node })),
    phases: all.length,
    kernels: listed,
    schedule: plan(all),
    scratch,
    scratchBytes,
    parallel: driven.some((phase) => phase.shared),
  };
}

/** The stages of a kernel: groups of functions that may run side by side. */
function emitKernel(context: EmitContext, kernel: Kernel, workspace: number): EmittedKernel[][] {
  switch (kernel.kind) {
    case 'loop':
      return [[emitLoopKernel(context, kernel)]];
    case 'reduce':
      return [[emitReduce(context, kernel)]];
    case 'matmul':
      return [[emitMatmul(context, kernel)]];
    case 'conv':
      return emitConv(context, kernel, workspace).map((k) => [k]);
    case 'pool':
      return [[emitPool(context, kernel)]];
    case 'argmax':
      return [[emitArgmax(context, kernel)]];
    case 'scatter':
      return [[emitScatterAdd(context, kernel)]];
    case 'regions':
      return emitRegions(context, kernel);
  }
}

function emitRegions(context: EmitContext, { root, shape, outputs, regions }: RegionsKernel): EmittedKernel[][] {
  const [buffer] = outputs;
  if (hasEqualParts(root)) {
    const targets = regions.map(({ offset, strides }) => ({ buffer, offset, strides }));
    return [[emitLoop(context, { shape: regions[0].shape, expressions: regions.map((r) => r.expression), targets })]];
  }
  const filled = regions.map((r) =>
    emitLoop(context, {
      shape: r.shape,
      expressions: [r.expression],
      targets: [{ buffer, offset: r.offset, strides: r.strides }],
    }),
  );
  if (root.op !== 'pad') return [filled];
  const fill = emitLoop(context, {
    shape,
    expressions: [{ kind: 'constant', value: root.attrs.value }],
    targets: [{ buffer, offset: 0, strides: stridesOf(shape) }],
  });
  return [[fill], filled];
}

function stageCount(kernel: Kernel): number {
  if (kernel.kind === 'conv') return packsWeights(kernel) ? 2 : 1;
  return kernel.kind === 'regions' && kernel.root.op === 'pad' ? 2 : 1;
}

interface Placement {
  /** The values that a kernel writes straight into the buffers of these inputs. */
  readonly inPlace: ReadonlyMap<Node, Node>;
  /** Updates that need a copy at the end. */
  readonly copied: readonly (readonly [Node, Node])[];
  /** For each kernel those that must come after it: readers of its results, and writers of what it reads. */
  readonly after: ReadonlyMap<Kernel, ReadonlySet<Kernel>>;
}

function placeUpdates(kernels: readonly Kernel[], updates: readonly (readonly [Node, Node])[]): Placement {
  const inPlace = new Map<Node, Node>();
  const copied: (readonly [Node, Node])[] = [];
  const taken = new Set<Node>();
  const after = readersOfResults(kernels);
  for (const [target, value] of updates) {
    const writer = kernels.find((k) => k.outputs.includes(value));
    const alone = !taken.has(value) && updates.filter(([t]) => t === target).length === 1;
    if (writer && alone && !inPlace.has(value) && readsOnlyHere(writer, target)) {
      const readers = kernels.filter((k) => k !== writer && k.reads.has(target));
      // Whoever reads the old value comes before the writer, which must not come before them for another reason.
      if (!comesBefore(writer, new Set(readers), after)) {
        inPlace.set(value, target);
        for (const reader of readers) after.get(reader)?.add(writer);
      }
    }
    taken.add(value);
    if (inPlace.get(value) !== target && target !== value) copied.push([target, value]);
  }
  return { inPlace, copied, after };
}

function readersOfResults(kernels: readonly Kernel[]): Map<Kernel, Set<Kernel>> {
  const producer = new Map<Node, Kernel>();
  for (const k of kernels) for (const o of k.outputs) producer.set(o, k);
  const after = new Map<Kernel, Set<Kernel>>(kernels.map((k) => [k, new Set()]));
  for (const k of kernels)
    for (const r of k.reads) {
      const p = producer.get(r);
      if (p && p !== k) after.get(p)?.add(k);
    }
  return after;
}

/** Whether `kernel` must come before one of `others`, by `after`. */
function comesBefore(kernel: Kernel, others: ReadonlySet<Kernel>, after: Placement['after']): boolean {
  const seen = new Set<Kernel>();
  const visit = (k: Kernel): boolean => {
    if (seen.has(k)) return false;
    seen.add(k);
    for (const next of after.get(k) ?? []) if (others.has(next) || visit(next)) return true;
    return false;
  };
  return others.size > 0 && visit(kernel);
}

/** Whether a kernel reads `input` at most at the very element that it is about to write. */
function readsOnlyHere(kernel: Kernel, input: Node): boolean {
  if (kernel.kind === 'regions' || kernel.kind === 'scatter' || kernel.kind === 'pool') return false;
  if (operandsOf(kernel).some((o) => o.buffer === input)) return false;
  if (kernel.kind === 'reduce' && accessesOf([kernel.input]).some((a) => a.buffer === input)) return false;
  return accessesOf(kernel.expressions).every((a) => a.buffer !== input || isAligned(a, kernel.shape));
}

/** Puts every stage on the lowest level behind all that it depends on. */
function orderStages(kernels: readonly Kernel[], after: Placement['after']): Stage[] {
  const before = new Map<Kernel, Kernel[]>(kernels.map((k) => [k, []]));
  for (const [k, nexts] of after) for (const n of nexts) before.get(n)?.push(k);
  const end = new Map<Kernel, number>();
  const stages: Stage[] = [];
  const producer = new Map<Node, Kernel>();
  for (const k of kernels) for (const o of k.outputs) producer.set(o, k);
  const visit = (kernel: Kernel): number => {
    const known = end.get(kernel);
    if (known !== undefined) return known;
    const ready = Math.max(-1, ...(before.get(kernel) ?? []).map(visit)) + 1;
    const count = stageCount(kernel);
    if (count === 1) {
      stages.push({ kernel, number: 0, level: ready });
      end.set(kernel, ready);
      return ready;
    }
    // The first stage only prepares: packs the weights, or clears the target. Weights are ready early.
    const weights = kernel.kind === 'conv' ? kernel.operands[1].buffer : undefined;
    const source = weights && producer.get(weights);
    const first = weights ? (source ? visit(source) + 1 : Math.max(0, ready - 1)) : Math.max(0, ready - 1);
    const last = Math.max(ready, first + 1);
    stages.push({ kernel, number: 0, level: first }, { kernel, number: 1, level: last });
    end.set(kernel, last);
    return last;
  };
  kernels.forEach(visit);
  joinReaders(stages, after);
  return stages;
}
