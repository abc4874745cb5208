/** State shared by `ReadAhead` and its thread. */

/** Indices into the shared control words. */
export const WORDS = { requested: 0, done: 1, isRunning: 2, hasFailed: 3, count: 4, buffer: 5, length: 6 } as const;

export interface ReadThreadData {
  /** The open file. */
  readonly fd: number;
  /** Bytes of a record. */
  readonly size: number;
  readonly words: Int32Array;
  /** The records of each window, in order. */
  readonly rows: readonly [Int32Array, Int32Array];
  readonly windows: readonly [Uint8Array, Uint8Array];
}
