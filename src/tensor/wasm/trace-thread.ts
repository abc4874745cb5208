/** A thread of a trace: runs a program's kernels by its plan of tasks, and notes when each begins and ends. */
import { workerData } from 'node:worker_threads';
import { NOTES, type TracedPhase, type TracedRange, type TraceThreadData, WORDS } from './trace-plan.js';

const { module, memory, words, log, thread, threads, phases, tasks, area, runs } = workerData as TraceThreadData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
/** Polls of the barrier before the thread goes to sleep. */
const SPINS = 20_000;

const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Waits until all threads are here. */
function meet(): void {
  const generation = Atomics.load(words, WORDS.generation);
  if (Atomics.add(words, WORDS.arrivals, 1) === threads - 1) {
    Atomics.store(words, WORDS.arrivals, 0);
    Atomics.add(words, WORDS.generation, 1);
    Atomics.notify(words, WORDS.generation);
    return;
  }
  let polls = SPINS;
  while (Atomics.load(words, WORDS.generation) === generation)
    if (--polls < 0) Atomics.wait(words, WORDS.generation, generation);
}

function perform(run: number, phase: TracedPhase, { kernel, units, total, start }: TracedRange, task: number): void {
  const call = exports[`kernel.${kernel}`] as (begin: number, end: number, area: number) => void;
  const slot = NOTES * (run * tasks + phase.first + task);
  const begin = (task - start) * units;
  log[slot] = thread;
  log[slot + 1] = now();
  call(begin, Math.min(begin + units, total), area);
  log[slot + 2] = now();
}

/** Takes tasks of a shared phase until none is left. */
function share(run: number, phase: TracedPhase, counter: number): void {
  const { ranges, order } = phase;
  const end = ranges[ranges.length - 1].end;
  let own = 0;
  for (;;) {
    const taken = Atomics.add(words, counter, 1);
    if (taken >= end) return;
    const task = taken < order.length ? order[own++] : taken;
    const range = ranges.find((r) => task < r.end);
    if (range !== undefined) perform(run, phase, range, task);
  }
}

for (let run = 0; run < runs; run++) {
  meet();
  phases.forEach((phase, i) => {
    // A phase that one thread runs alone needs no meeting behind another such.
    if (i > 0 && (phase.shared || phases[i - 1].shared)) meet();
    if (phase.shared) share(run, phase, WORDS.counters + run * phases.length + i);
    else if (thread === 0) for (const range of phase.ranges) perform(run, phase, range, range.start);
  });
}
Atomics.add(words, WORDS.done, 1);
Atomics.notify(words, WORDS.done);
