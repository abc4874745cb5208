/** The types and layout shared by the threads of a trace and the one that starts them. */
import type { MessagePort } from 'node:worker_threads';
import type { PhaseStep } from '../compiler/tasks.js';

/** Words that all threads share: arrivals and generation of a barrier, threads done, and tasks taken of the current phase. */
export const WORDS = { arrivals: 0, generation: 1, done: 2, tasks: 3, count: 4 } as const;

/** Numbers recorded per task: kernel, begin and end. */
export const NOTES = 3;

/** A kernel's tasks in a phase, numbered from `start` to `end`; each takes `units` of its `total` units. */
export interface TracedRange {
  readonly kernel: number;
  readonly start: number;
  readonly end: number;
  readonly units: number;
  readonly total: number;
}

export interface TracedPhase {
  readonly shared: boolean;
  readonly ranges: readonly TracedRange[];
  /** The order in which this thread takes the tasks of the first kernel; empty where all take them as they come. */
  readonly order: readonly number[];
}

export interface TraceThreadData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly words: Int32Array;
  readonly thread: number;
  readonly threads: number;
  readonly steps: readonly PhaseStep<TracedPhase>[];
  /** Address of this thread's scratch memory. */
  readonly area: number;
  readonly runs: number;
  /** Where the records go at the end. */
  readonly port: MessagePort;
}

/** What a thread recorded in each run, NOTES numbers per task. */
export type TraceNotes = readonly (readonly number[])[];
