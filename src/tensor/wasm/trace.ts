/**
 * A step as the threads see it: runs a program's kernels by its plan of tasks, as the compiled driver does, and records when each
 * thread begins and ends each task. The driver here is JavaScript and costs some microseconds a phase more than the real one.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { KernelSpan } from '../backend.js';
import type { KernelEntry } from './compile.js';
import { mapPhases, ownOrder, type PhasePlan, type PhaseStep } from '../compiler/tasks.js';
import type { EmittedKernel } from './emit/kernel.js';
import { workerFile } from '../worker-file.js';
import { ThreadError } from './thread-pool.js';
import { NOTES, type TracedPhase, type TraceNotes, type TraceThreadData, WORDS } from './trace-plan.js';

/** Longer than any sensible trace takes, in milliseconds. */
const PATIENCE = 120_000;

export interface TracedProgram {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly schedule: readonly PhaseStep<PhasePlan<EmittedKernel>>[];
  readonly kernels: readonly KernelEntry[];
  readonly scratch: number;
  readonly scratchBytes: number;
}

/**
 * Runs a program `runs` times on `threads` new threads. Returns which thread worked on what and when, relative to the start of the
 * run of median length. The body of a loop appears once per trip.
 */
export function traceProgram(program: TracedProgram, threads: number, runs: number): KernelSpan[] {
  const { module, memory, schedule, kernels, scratch, scratchBytes } = program;
  const numbers = new Map(kernels.map(({ emitted }, i) => [emitted, i]));
  const words = new Int32Array(new SharedArrayBuffer(4 * WORDS.count));
  const started = Array.from({ length: threads }, (_, thread) => {
    const steps = mapPhases(schedule, ({ shared, ranges }): TracedPhase => ({
      shared,
      ranges: ranges.map(({ kernel, ...range }) => ({
        ...range,
        kernel: numbers.get(kernel) ?? 0,
        total: kernel.units,
      })),
      order: threads === 2 ? ownOrder(thread, ranges[0].end) : [],
    }));
    const { port1, port2: port } = new MessageChannel();
    const area = scratch + thread * scratchBytes;
    const workerData: TraceThreadData = { module, memory, words, thread, threads, steps, area, runs, port };
    const worker = new Worker(workerFile('tensor/wasm/trace-thread'), { workerData, transferList: [port] });
    return { worker, port: port1 };
  });
  const deadline = performance.now() + PATIENCE;
  for (let done = 0; done < threads; done = Atomics.load(words, WORDS.done)) {
    if (performance.now() > deadline) throw new ThreadError('the threads of a trace do not answer');
    Atomics.wait(words, WORDS.done, done, 1000);
  }
  const notes = started.map(({ worker, port }) => {
    const received: { readonly message: unknown } | undefined = receiveMessageOnPort(port);
    void worker.terminate();
    return received?.message as TraceNotes;
  });

  const traces = Array.from({ length: runs }, (_, run) => {
    const spans = notes.flatMap((ofThread, thread) => spansOf(ofThread[run], thread));
    const start = spans.reduce((least, s) => Math.min(least, s.start), Infinity);
    return spans.map((s) => ({ ...s, start: s.start - start, end: s.end - start })).sort((a, b) => a.start - b.start);
  });
  const length = (spans: readonly KernelSpan[]): number => spans.reduce((most, s) => Math.max(most, s.end), 0);
  return traces.sort((a, b) => length(a) - length(b))[runs >> 1];
}

const spansOf = (notes: readonly number[], thread: number): KernelSpan[] =>
  Array.from({ length: notes.length / NOTES }, (_, task) => {
    const [kernel, start, end] = notes.slice(NOTES * task, NOTES * (task + 1));
    return { kernel, thread, start, end };
  });
