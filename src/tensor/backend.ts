/** What a backend is: it compiles programs over a shared set of input buffers and runs them. */
import type { DType, Node, Values } from './graph.js';
import type { Heap } from './wasm/heap.js';

/** What a program computes: a list of nodes, or nodes by name. */
export type Outputs = readonly Node[] | Readonly<Record<string, Node>>;

/** One step: what to compute, and which inputs to replace by new values once everything has been computed. */
export interface Program<O extends Outputs = Outputs> {
  readonly name: string;
  readonly outputs: O;
  /** State updates: input nodes and the nodes (of the same shape and type) whose values they take. */
  readonly updates: readonly (readonly [Node, Node])[];
}

/** The values of a program's outputs, in the same order or under the same names. */
export type OutputValues<O extends Outputs> = { readonly [K in keyof O]: TypedValues };

export interface Executable<O extends Outputs = Outputs> {
  /** Runs the program once on the current values of its inputs. It need not have finished when this returns. */
  run(): void;
  /**
   * The values of the outputs after the last run before this call. They stay valid until `runsPerRead` more runs of the session
   * have been started; copy them to keep them.
   */
  read(): Promise<OutputValues<O>>;
  /** Times each kernel by itself on one thread, where the backend has kernels; state is updated as by `runs` runs. */
  profile?(runs: number): KernelProfile[];
  /** What each thread does when, in the run of median length among `runs`, which update state. `kernel` is an index as in `profile`. */
  trace?(runs: number): KernelSpan[];
}

/** A thread's work on a part of a kernel; milliseconds from the start of the run. */
export interface KernelSpan {
  readonly kernel: number;
  readonly thread: number;
  readonly start: number;
  readonly end: number;
}

/** One kernel of a compiled program. */
export interface KernelProfile {
  /** Kernels of one phase may run side by side. */
  readonly phase: number;
  /** Whether all threads take part in its phase. */
  readonly shared: boolean;
  /** The layer or part that it belongs to; ends in ` gradient` where it computes derivatives. */
  readonly scope: string;
  /** Names of the program's inputs that it (or, if it has one, its heavy operation) reads, and of those that it replaces. */
  readonly reads: readonly string[];
  readonly updates: readonly string[];
  readonly kind: string;
  /** Element-wise operations computed in it. */
  readonly fused: readonly string[];
  readonly shape: readonly number[];
  /** Median time on one thread. */
  readonly milliseconds: number;
  /** Of the heavy operation; zero if the kernel is memory-bound. */
  readonly flops: number;
  /** Of all buffers read and written, each once. */
  readonly bytes: number;
}

export type TypedValues = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

/** Input buffers and the programs that share them. Inputs are one buffer by node, zero until written. */
export interface Session {
  /**
   * How many runs to start between two waits for their values: 1 where reading costs nothing, more where a device would stand idle
   * while the host waits.
   */
  readonly runsPerRead: number;
  compile<O extends Outputs>(program: Program<O>): Executable<O>;
  write(input: Node, values: ArrayLike<number>): void;
  /** Bytes of the session's own memory: an input of bytes that is later written from them takes them without a copy. */
  reserve(bytes: number): Uint8Array;
  /** A copy of an input's value after all runs so far. */
  read(input: Node): Promise<TypedValues>;
  /** Bytes held, by use. */
  memory(): MemoryReport;
  close(): void;
}

export interface MemoryReport {
  /** The values of inputs and constants. */
  readonly inputs: number;
  /** What programs need while they run, at its peak. */
  readonly scratch: number;
  /** All, with the padding between buffers. */
  readonly total: number;
}

export interface SessionOptions {
  readonly threads: number;
  /** Whether 3x3 convolutions may use Winograd's algorithm (faster, larger rounding errors) where the backend has it. Default: true. */
  readonly winograd?: boolean;
  /** Existing memory for the session to take over, where the backend supports that. */
  readonly heap?: Heap;
  /** See `Session.runsPerRead`. Default: the backend's choice. */
  readonly runsPerRead?: number;
}

/** The outputs of a program as a list, and a function that turns a list of values back into its outputs. */
export function listOutputs<O extends Outputs>(
  outputs: O,
): { readonly nodes: readonly Node[]; readonly valuesOf: (row: readonly TypedValues[]) => OutputValues<O> } {
  const isRow = (value: Outputs): value is readonly Node[] => Array.isArray(value);
  if (isRow(outputs)) return { nodes: outputs, valuesOf: (row) => row as OutputValues<O> };
  const names = Object.keys(outputs);
  const named = (row: readonly TypedValues[]): unknown => Object.fromEntries(names.map((name, i) => [name, row[i]]));
  return { nodes: Object.values<Node>(outputs), valuesOf: (row) => named(row) as OutputValues<O> };
}

export interface Backend {
  readonly name: string;
  open(options: SessionOptions): Session;
}

/** Typed arrays for each dtype; `float` is Float64Array on the reference backend. */
export function allocate(dtype: DType, size: number): Values {
  switch (dtype) {
    case 'f32':
      return new Float64Array(size);
    case 'i32':
      return new Int32Array(size);
    case 'u32':
      return new Uint32Array(size);
    case 'u8':
    case 'bool':
      return new Uint8Array(size);
  }
}
