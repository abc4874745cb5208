/**
 * A step as the threads see it: runs a program's kernels by its plan of tasks, as the compiled driver does, and notes when each
 * thread begins and ends each task. The driver here is JavaScript and costs some microseconds a phase more than the real one.
 */
import { Worker } from 'node:worker_threads';
import type { KernelSpan } from '../backend.js';
import type { KernelEntry } from './compile.js';
import { ownOrder, type PhasePlan, phasesOf, type PhaseStep } from '../compiler/tasks.js';
import type { EmittedKernel } from './emit/kernel.js';
import { workerFile } from '../worker-file.js';
import { NOTES, type TracedRange, type TraceThreadData, WORDS } from './trace-plan.js';

/** Longer than any sensible trace takes, in milliseconds. */
const PATIENCE = 120_000;

export interface TracedProgram {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Of a loop, the trace goes through its body once a run. */
  readonly schedule: readonly PhaseStep<PhasePlan<EmittedKernel>>[];
  readonly kernels: readonly KernelEntry[];
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** Runs a program `runs` times on `threads` threads of its own; the tasks of the run of median length, from its start on. */
export function traceProgram(program: TracedProgram, threads: number, runs: number): KernelSpan[] {
  const { module, memory, schedule, kernels, scratch, scratchBytes } = program;
  const numbers = new Map(kernels.map(({ emitted }, i) => [emitted, i]));
  let tasks = 0;
  const phases = phasesOf(schedule).map(({ shared, ranges }) => {
    const first = tasks;
    tasks += ranges[ranges.length - 1].end;
    const plain = ranges.map(({ kernel, start, end, units }): TracedRange => {
      return { kernel: numbers.get(kernel) ?? 0, start, end, units, total: kernel.units };
    });
    return { shared, first, ranges: plain };
  });
  const words = new Int32Array(new SharedArrayBuffer(4 * (WORDS.counters + runs * phases.length)));
  const log = new Float64Array(new SharedArrayBuffer(8 * NOTES * runs * tasks));
  const workers = Array.from({ length: threads }, (_, thread) => {
    const area = scratch + thread * scratchBytes;
    const ordered = phases.map((phase) => ({
      ...phase,
      order: threads === 2 ? ownOrder(thread, phase.ranges[0].end) : [],
    }));
    const workerData: TraceThreadData = {
      module,
      memory,
      words,
      log,
      thread,
      threads,
      phases: ordered,
      tasks,
      area,
      runs,
    };
    return new Worker(workerFile('tensor/wasm/trace-thread'), { workerData });
  });
  const deadline = performance.now() + PATIENCE;
  for (let done = 0; done < threads; done = Atomics.load(words, WORDS.done)) {
    if (performance.now() > deadline) throw new Error('the threads of a trace do not answer');
    Atomics.wait(words, WORDS.done, done, 1000);
  }
  for (const worker of workers) void worker.terminate();

  const kernelOf = phases.flatMap(({ ranges }) =>
    ranges.flatMap(({ kernel, start, end }) => Array.from({ length: end - start }, () => kernel)),
  );
  const traces = Array.from({ length: runs }, (_, run) => {
    const spans = kernelOf.map((kernel, task): KernelSpan => {
      const slot = NOTES * (run * tasks + task);
      return { kernel, thread: log[slot], start: log[slot + 1], end: log[slot + 2] };
    });
    const start = spans.reduce((least, s) => Math.min(least, s.start), Infinity);
    return spans.map((s) => ({ ...s, start: s.start - start, end: s.end - start }));
  });
  const length = (spans: readonly KernelSpan[]): number => spans.reduce((most, s) => Math.max(most, s.end), 0);
  return traces.sort((a, b) => length(a) - length(b))[runs >> 1];
}
