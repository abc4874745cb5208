/** What the threads of a trace and the one that starts them agree on. */

/** Words that all threads share: arrivals and generation of a barrier, threads done, and a task counter for each run and phase. */
export const WORDS = { arrivals: 0, generation: 1, done: 2, counters: 3 } as const;

/** Numbers that are noted of each task: thread, begin and end. */
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
  /** Number of its first task among those of a run. */
  readonly first: number;
  readonly ranges: readonly TracedRange[];
  /** The order in which this thread takes the tasks of the first kernel; empty where all take them as they come. */
  readonly order: readonly number[];
}

export interface TraceThreadData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly words: Int32Array;
  readonly log: Float64Array;
  readonly thread: number;
  readonly threads: number;
  readonly phases: readonly TracedPhase[];
  /** Tasks of a run. */
  readonly tasks: number;
  /** Address of this thread's scratch memory. */
  readonly area: number;
  readonly runs: number;
}
