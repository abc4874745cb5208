/** A thread of a trace: goes through the steps of a program as its driver does, and records when each task begins and ends. */
import { workerData } from 'node:worker_threads';
import type { PhaseStep } from '../compiler/tasks.js';
import { type TracedPhase, type TracedRange, type TraceNotes, type TraceThreadData, WORDS } from './trace-plan.js';

const { module, memory, words, thread, threads, steps, area, runs, port } = workerData as TraceThreadData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
/** Polls of the barrier before the thread goes to sleep. */
const SPINS = 20_000;

const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Waits until all threads are here. None takes a task then, so those of the next phase are counted from 0. */
function meet(): void {
  const generation = Atomics.load(words, WORDS.generation);
  if (Atomics.add(words, WORDS.arrivals, 1) === threads - 1) {
    Atomics.store(words, WORDS.arrivals, 0);
    Atomics.store(words, WORDS.tasks, 0);
    Atomics.add(words, WORDS.generation, 1);
    Atomics.notify(words, WORDS.generation);
    return;
  }
  let polls = SPINS;
  while (Atomics.load(words, WORDS.generation) === generation)
    if (--polls < 0) Atomics.wait(words, WORDS.generation, generation);
}

function perform(notes: number[], { kernel, units, total, start }: TracedRange, task: number): void {
  const call = exports[`kernel.${kernel}`] as (begin: number, end: number, area: number) => void;
  const first = (task - start) * units;
  const begin = now();
  call(first, Math.min(first + units, total), area);
  notes.push(kernel, begin, now());
}

/** Takes tasks of a shared phase until none are left. */
function share(notes: number[], { ranges, order }: TracedPhase): void {
  const end = ranges[ranges.length - 1].end;
  let own = 0;
  for (;;) {
    const taken = Atomics.add(words, WORDS.tasks, 1);
    if (taken >= end) return;
    const task = taken < order.length ? order[own++] : taken;
    const range = ranges.find((r) => task < r.end);
    if (range !== undefined) perform(notes, range, task);
  }
}

/** Whether the last phase was shared: one that a thread runs alone needs no barrier after another such phase. */
let wasShared = false;

function runPhase(notes: number[], phase: TracedPhase): void {
  if (phase.shared || wasShared) meet();
  wasShared = phase.shared;
  if (phase.shared) share(notes, phase);
  else if (thread === 0) for (const range of phase.ranges) perform(notes, range, range.start);
}

function go(notes: number[], list: readonly PhaseStep<TracedPhase>[]): void {
  for (const step of list) {
    if ('phase' in step) {
      runPhase(notes, step.phase);
      continue;
    }
    // The trip count may have just been computed.
    meet();
    const [trips] = new Int32Array(memory.buffer, step.trips, 1);
    for (let trip = 0; trip < trips; trip++) {
      go(notes, step.body);
      meet();
      wasShared = false;
    }
  }
}

const all: TraceNotes = Array.from({ length: runs }, () => {
  const notes: number[] = [];
  meet();
  go(notes, steps);
  return notes;
});
port.postMessage(all);
Atomics.add(words, WORDS.done, 1);
Atomics.notify(words, WORDS.done);
