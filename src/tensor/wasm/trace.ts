/**
 * A step as the threads see it: runs a program's kernels by its plan of tasks, as the compiled driver does, and notes when each
 * thread begins and ends each task. The driver here is JavaScript and costs some microseconds a phase more than the real one.
 */
import { Worker } from 'node:worker_threads';
import type { KernelSpan } from '../backend.js';
import type { KernelEntry } from './compile.js';
import { mapPhases, ownOrder, phasesOf, type PhasePlan, type Step } from '../compiler/tasks.js';
import type { EmittedKernel } from './emit/kernel.js';

/**
 * What a thread does: words hold the barrier's arrivals and generation, the threads done, and the number of tasks taken in a phase,
 * which meeting makes 0. Of the steps of a loop it notes the last one.
 */
const THREAD_SOURCE = `
const { module, memory, words, log, thread, threads, steps, tasks, area, runs } = require('node:worker_threads').workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
const now = () => Number(process.hrtime.bigint()) / 1e6;
const meet = () => {
  const generation = Atomics.load(words, 1);
  if (Atomics.add(words, 0, 1) === threads - 1) {
    Atomics.store(words, 0, 0);
    Atomics.store(words, 3, 0);
    Atomics.add(words, 1, 1);
    Atomics.notify(words, 1);
    return;
  }
  let polls = 20000;
  while (Atomics.load(words, 1) === generation) if (--polls < 0) Atomics.wait(words, 1, generation);
};
let run = 0;
const goThroughPhase = ({ shared, first, ranges, order }) => {
  const perform = ({ kernel, units, total, start }, task) => {
    const slot = 3 * (run * tasks + first + task);
    const begin = (task - start) * units;
    log[slot] = thread;
    log[slot + 1] = now();
    exports['kernel.' + kernel](begin, Math.min(begin + units, total), area);
    log[slot + 2] = now();
  };
  if (!shared) {
    if (thread === 0) for (const range of ranges) perform(range, range.start);
    return;
  }
  const end = ranges[ranges.length - 1].end;
  let own = 0;
  for (let taken = Atomics.add(words, 3, 1); taken < end; taken = Atomics.add(words, 3, 1)) {
    const task = taken < order.length ? order[own++] : taken;
    perform(ranges.find((range) => task < range.end), task);
  }
};
let before = false;
let together = false;
const go = (list) => {
  for (const step of list) {
    const isLoop = 'trips' in step;
    if (isLoop || before && (step.phase.shared || together)) meet();
    if (isLoop) {
      before = together = false;
      for (let left = new Int32Array(memory.buffer, step.trips, 1)[0]; left > 0; left--) {
        go(step.body);
        meet();
        before = together = false;
      }
      continue;
    }
    goThroughPhase(step.phase);
    before = true;
    together = step.phase.shared;
  }
};
for (; run < runs; run++) {
  meet();
  before = together = false;
  go(steps);
}
Atomics.add(words, 2, 1);
Atomics.notify(words, 2);
`;

/** Longer than any sensible trace takes, in milliseconds. */
const PATIENCE = 120_000;

export interface TracedProgram {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly schedule: readonly Step<PhasePlan<EmittedKernel>>[];
  readonly kernels: readonly KernelEntry[];
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** Runs a program `runs` times on `threads` threads of its own; the tasks of the run of median length, from its start on. */
export function traceProgram(program: TracedProgram, threads: number, runs: number): KernelSpan[] {
  const { module, memory, schedule, kernels, scratch, scratchBytes } = program;
  const numbers = new Map(kernels.map(({ emitted }, i) => [emitted, i]));
  let tasks = 0;
  const steps = mapPhases(schedule, ({ shared, ranges }) => {
    const first = tasks;
    tasks += ranges[ranges.length - 1].end;
    const plain = ranges.map(({ kernel, ...rest }) => ({ ...rest, kernel: numbers.get(kernel), total: kernel.units }));
    return { shared, first, ranges: plain };
  });
  const words = new Int32Array(new SharedArrayBuffer(4 * 4));
  const log = new Float64Array(new SharedArrayBuffer(8 * 3 * runs * tasks));
  const workers = Array.from({ length: threads }, (_, thread) => {
    const area = scratch + thread * scratchBytes;
    const ordered = mapPhases(steps, (phase) => ({
      ...phase,
      order: threads === 2 ? ownOrder(thread, phase.ranges[0].end) : [],
    }));
    const workerData = { module, memory, words, log, thread, threads, steps: ordered, tasks, area, runs };
    return new Worker(THREAD_SOURCE, { eval: true, workerData });
  });
  const deadline = performance.now() + PATIENCE;
  for (let done = 0; done < threads; done = Atomics.load(words, 2)) {
    if (performance.now() > deadline) throw new Error('the threads of a trace do not answer');
    Atomics.wait(words, 2, done, 1000);
  }
  for (const worker of workers) void worker.terminate();

  const kernelOf = phasesOf(steps).flatMap(({ ranges }) =>
    ranges.flatMap(({ kernel, start, end }) => Array.from({ length: end - start }, () => kernel ?? 0)),
  );
  const traces = Array.from({ length: runs }, (_, run) => {
    const spans = kernelOf.map((kernel, task): KernelSpan => {
      const slot = 3 * (run * tasks + task);
      return { kernel, thread: log[slot], start: log[slot + 1], end: log[slot + 2] };
    });
    const start = spans.reduce((least, s) => Math.min(least, s.start), Infinity);
    return spans.map((s) => ({ ...s, start: s.start - start, end: s.end - start }));
  });
  const length = (spans: readonly KernelSpan[]): number => spans.reduce((most, s) => Math.max(most, s.end), 0);
  return traces.sort((a, b) => length(a) - length(b))[runs >> 1];
}
