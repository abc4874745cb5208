/** Compiles a program into one WebAssembly module: a function for every kernel of its schedule, and the driver that runs them. */
import type { Program } from '../backend.js';
import type { Node } from '../graph.js';
import { sizeOf, stridesOf } from '../shape.js';
import { isLeaf, type Kernel, type LoopKernel, type RepeatKernel } from '../compiler/kernel.js';
import { alignedBytes } from '../compiler/memory-plan.js';
import { type KernelSchedule, scheduleProgram } from '../compiler/schedule.js';
import type { BackendTraits } from '../compiler/target.js';
import { mapPhases, type PhasePlan, phasesOf, planPhase, type PhaseStep } from '../compiler/tasks.js';
import { ModuleEmitter } from './assembler.js';
import { emitDriver } from './driver.js';
import { emitKernel, preparationOf } from './emit-kernel.js';
import { convWorkspace } from './emit/conv.js';
import type { EmitContext, EmittedKernel } from './emit/kernel.js';
import { bytesOf } from './emit/lanes.js';
import { emitLoopKernel } from './emit/loop.js';
import { MathLibrary } from './emit/math.js';
import type { Features } from './features.js';
import { interleave } from './interleave.js';

export interface CompiledProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Address of each output's value. */
  readonly outputs: readonly { address: number; node: Node }[];
  /** The kernels in the order in which they run; each is exported as `kernel.<index>`. */
  readonly kernels: readonly KernelEntry[];
  /** How the kernels are shared between threads, each by itself. */
  readonly schedule: readonly PhaseStep<PhasePlan<EmittedKernel>>[];
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
  /** Stage of the kernel: 0, or 1 after a stage that packs or clears. */
  readonly stage: number;
  readonly stages: number;
}

/** Where a program's memory comes from. */
export interface MemoryHost {
  readonly threads: number;
  readonly control: { barrier: number; counter: number; failed: number };
  /** Address of an input's or constant's buffer, allocated on first use. */
  leaf(node: Node): number;
  /** Address of a word with these bits, which no program changes; undefined where there is no room for one more. */
  constant(bits: number): number | undefined;
  /** Addresses of areas of at least `bytes` bytes that programs share, as only one runs at a time. */
  arena(bytes: number): number;
  scratch(bytes: number): number;
}

type EmittedPhase = EmittedKernel[];
type Entries = Map<EmittedKernel, Omit<KernelEntry, 'emitted' | 'phase'>>;

const bytes = (node: Node): number => sizeOf(node.shape) * bytesOf(node.dtype);

const targetOf = (features: Features): BackendTraits => ({
  bytes,
  workspace: (kernel) => (kernel.kind === 'conv' ? convWorkspace(kernel, features) : 0),
  preparation: preparationOf,
});

export function compileProgram(
  program: Program<readonly Node[]>,
  features: Features,
  host: MemoryHost,
): CompiledProgram {
  const schedule = scheduleProgram(program, targetOf(features));
  // Where there are no pairs, V8 keeps whole numbers in registers or makes them quickly enough.
  const module = new ModuleEmitter((bits, type) => (type === 'f32' || features.wide ? host.constant(bits) : undefined));
  const base = host.arena(schedule.memory.bytes);
  const address = addressesOf(schedule, base, (node) => host.leaf(node));
  const context: EmitContext = { module, math: new MathLibrary(module, features.fma), features, address };
  const entries: Entries = new Map();
  const steps = emitSchedule(context, schedule, base, entries);
  const all = phasesOf(steps);
  const scratchBytes = alignedBytes(all.flat().reduce((most, k) => Math.max(most, k.scratch), 0));
  const scratch = host.scratch(scratchBytes * host.threads);
  const kernels = exportKernels(module, all, entries);
  const kernelOf = (emitted: EmittedKernel): Kernel | undefined => entries.get(emitted)?.kernel;
  const plan = (phase: EmittedPhase): PhasePlan<EmittedKernel> => planPhase(phase, host.threads);
  const driven = mapPhases(steps, (phase) => plan(interleave(module, phase, kernelOf)));
  emitDriver(module, driven, { ...host.control, threads: host.threads, scratch, scratchBytes });
  return {
    bytes: module.bytes(),
    outputs: schedule.outputs.map((node) => ({ address: address(node), node })),
    kernels,
    schedule: mapPhases(steps, plan),
    scratch,
    scratchBytes,
    parallel: phasesOf(driven).some((phase) => phase.shared),
  };
}

type AddressOf = (node: Node) => number;

/** Where the buffers of a schedule lie whose own memory begins at `base`. */
function addressesOf({ placement, memory }: KernelSchedule, base: number, leaf: AddressOf): AddressOf {
  return (node) => {
    const target = placement.inPlace.get(node);
    if (target) return leaf(target);
    if (isLeaf(node)) return leaf(node);
    const offset = memory.offsets.get(node);
    if (offset === undefined) throw new Error(`internal: ${node.op} has no memory`);
    return base + offset;
  };
}

/** The functions of a schedule's kernels, in steps; `entries` takes what each does. */
function emitSchedule(
  context: EmitContext,
  schedule: KernelSchedule,
  base: number,
  entries: Entries,
): PhaseStep<EmittedPhase>[] {
  const { kernels, placement, stages, levels, memory, bodies } = schedule;
  const workspace = (kernel: Kernel): number => base + (memory.offsets.get(kernel) ?? 0);
  const phases: EmittedPhase[] = Array.from({ length: levels }, () => []);
  const loops: PhaseStep<EmittedPhase>[][] = Array.from({ length: levels }, () => []);
  const levelOf = (kernel: Kernel, stage: number): number => stages.get(kernel)?.[stage]?.level ?? 0;
  const copy = (from: Node, to: Node): EmittedKernel => {
    const kernel = copyKernel(from, to);
    const emitted = emitLoopKernel(context, kernel);
    entries.set(emitted, { kernel, updates: to.op === 'input' ? [to] : [], stage: 0, stages: 1 });
    return emitted;
  };
  for (const kernel of kernels) {
    if (kernel.kind === 'repeat') {
      const body = bodies.get(kernel);
      if (body === undefined) throw new Error('internal: a loop has no body');
      const [trips, ...values] = kernel.operands.map((o) => o.buffer);
      phases[levelOf(kernel, 0)].push(...kernel.outputs.map((to, i) => copy(values[i], to)));
      const inner = workspace(kernel);
      const address = addressesOf(body, inner, addressesInside(context, kernel));
      const inside = emitSchedule({ ...context, address }, body, inner, entries);
      loops[levelOf(kernel, 1)].push({ trips: context.address(trips), body: inside });
      continue;
    }
    const emitted = emitKernel(context, kernel, workspace(kernel));
    const updates = kernel.outputs.flatMap((o) => placement.inPlace.get(o) ?? []);
    emitted.forEach((group, stage) => {
      phases[levelOf(kernel, stage)].push(...group);
      for (const k of group) entries.set(k, { kernel, updates, stage, stages: emitted.length });
    });
  }
  const copies = placement.copied.map(([to, value]) => copy(value, to));
  const steps = phases.flatMap((phase, level) => [{ phase }, ...loops[level]]);
  return [...steps, { phase: copies }].filter((step) => !('phase' in step) || step.phase.length > 0);
}

/** Where the parameters of a loop's body lie: those carried on where its results are, the others where its operands are. */
function addressesInside(context: EmitContext, { root, operands, outputs }: RepeatKernel): AddressOf {
  const buffers = operands.slice(1).map((o, i) => outputs.at(i) ?? o.buffer);
  const places = new Map<Node, Node>(root.attrs.body.parameters.map((parameter, i) => [parameter, buffers[i]]));
  return (node) => context.address(places.get(node) ?? node);
}

/** A loop that fills the buffer `to` with the values of `from`, which are as many. */
function copyKernel(from: Node, to: Node): LoopKernel {
  const { shape } = to;
  const access = { buffer: from, offset: 0, strides: stridesOf(shape) };
  return { kind: 'loop', shape, outputs: [to], expressions: [{ kind: 'load', access }], reads: new Set([from]) };
}

/** Exports the kernels in the order in which they run. */
function exportKernels(module: ModuleEmitter, phases: readonly EmittedPhase[], entries: Entries): KernelEntry[] {
  const listed = phases.flatMap((phase, number) => phase.map((emitted) => ({ emitted, phase: number })));
  return listed.map(({ emitted, phase }, i) => {
    const entry = entries.get(emitted);
    if (entry === undefined) throw new Error('internal: a kernel has no entry');
    module.export(emitted.function, `kernel.${i}`);
    return { emitted, phase, ...entry };
  });
}
