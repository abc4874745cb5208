/** A session of the wasm backend: one shared memory, one module per program, worker threads that wait between runs. */
import { type Executable, listOutputs, type MemoryReport, type Outputs, type Program, type Session, type TypedValues } from '../backend.js'; // prettier-ignore
import type { DType, Node } from '../graph.js';
import { sizeOf } from '../shape.js';
import { compileProgram } from './compile.js';
import { bytesOf } from './emit/lanes.js';
import type { Features } from './features.js';
import { CONTROL, Heap } from './heap.js';
import { profileKernels } from './profile.js';
import { ThreadPool } from './thread-pool.js';
import { traceProgram } from './trace.js';

/** A step that updates at least this many elements has work for all threads. */
const MUCH_STATE = 50_000;

interface WasmExecutable<O extends Outputs> extends Executable<O> {
  /** The outputs in memory, for synchronous callers. */
  readonly views: readonly TypedValues[];
}

export class WasmSession implements Session {
  private readonly leaves = new Map<Node, number>();
  private readonly constants = new Map<number, number>();
  private readonly pool: ThreadPool;
  private readonly words: Int32Array;
  private readonly areas = { arena: { address: 0, bytes: 0 }, scratch: { address: 0, bytes: 0 } };
  private inputBytes = 0;
  private arenaBytes = 0;
  private programs = 0;

  constructor(
    private readonly features: Features,
    private readonly threads: number,
    private readonly heap = new Heap(),
    readonly runsPerRead = 1,
  ) {
    this.words = new Int32Array(heap.memory.buffer, 0, CONTROL.end / 4);
    this.pool = new ThreadPool(heap.memory, threads);
  }

  private leaf(node: Node): number {
    const known = this.leaves.get(node);
    if (known !== undefined) return known;
    const bytes = sizeOf(node.shape) * bytesOf(node.dtype);
    const address = this.heap.allocate(bytes, node.op === 'input' ? `the buffer ${node.attrs.name}` : 'a constant');
    this.inputBytes += bytes;
    this.leaves.set(node, address);
    if (node.op === 'constant') this.view(node.dtype, address, sizeOf(node.shape)).set(node.attrs.values);
    return address;
  }

  private constant(bits: number): number | undefined {
    const known = this.constants.get(bits);
    if (known !== undefined) return known;
    const address = CONTROL.constants + 4 * this.constants.size;
    if (address === CONTROL.end) return undefined;
    this.words[address / 4] = bits;
    this.constants.set(bits, address);
    return address;
  }

  /** An area that programs share; one that has become too small stays allocated, as programs hold its address. */
  private area(kind: keyof WasmSession['areas'], bytes: number, program: Program): number {
    if (bytes > this.areas[kind].bytes) {
      this.areas[kind] = { address: this.heap.allocate(bytes, `the program ${program.name}`), bytes };
      this.arenaBytes += bytes;
    }
    return this.areas[kind].address;
  }

  private view(dtype: DType, address: number, length: number): Float32Array | Int32Array | Uint32Array | Uint8Array {
    switch (dtype) {
      case 'f32':
        return new Float32Array(this.heap.memory.buffer, address, length);
      case 'i32':
        return new Int32Array(this.heap.memory.buffer, address, length);
      case 'u32':
        return new Uint32Array(this.heap.memory.buffer, address, length);
      case 'u8':
      case 'bool':
        return new Uint8Array(this.heap.memory.buffer, address, length);
    }
  }

  compile<O extends Outputs>(program: Program<O>): WasmExecutable<O> {
    const { nodes, valuesOf } = listOutputs(program.outputs);
    // Threads take a while to start: if they are sure to be needed, they start while this one compiles.
    const state = program.updates.reduce((sum, [target]) => sum + sizeOf(target.shape), 0);
    if (state >= MUCH_STATE) this.pool.start();
    const compiled = compileProgram({ ...program, outputs: nodes }, this.features, {
      threads: this.threads,
      control: CONTROL,
      leaf: (node) => this.leaf(node),
      constant: (bits) => this.constant(bits),
      arena: (bytes) => this.area('arena', bytes, program),
      scratch: (bytes) => this.area('scratch', bytes, program),
    });
    const module = new WebAssembly.Module(compiled.bytes);
    const instance = new WebAssembly.Instance(module, { env: { memory: this.heap.memory } });
    const run = instance.exports.run as (thread: number) => void;
    const number = this.programs++;
    const parallel = compiled.parallel;
    if (parallel) {
      this.pool.start();
      this.pool.load({ module, number });
    }
    const outputs = compiled.outputs.map(({ address, node }) => this.view(node.dtype, address, sizeOf(node.shape)));
    const alone = (): void => run(0);
    // If every run is awaited, callers can read the memory itself, and one promise serves all.
    const views = Promise.resolve(valuesOf(outputs));
    return {
      run: parallel ? () => this.pool.run(number, alone) : alone,
      views: outputs,
      read: () => (this.runsPerRead === 1 ? views : Promise.resolve(valuesOf(outputs.map((view) => view.slice())))),
      profile: (runs) => profileKernels(instance.exports, this.heap.memory, compiled, runs),
      trace: (runs) => traceProgram({ module, memory: this.heap.memory, ...compiled }, this.threads, runs),
    };
  }

  write(input: Node, values: ArrayLike<number>): void {
    const size = sizeOf(input.shape);
    if (values.length !== size) throw new RangeError(`an input of ${size} elements was given ${values.length} values`);
    if (input.dtype === 'u8' && !this.leaves.has(input) && this.heap.has(values)) {
      this.leaves.set(input, values.byteOffset);
      return;
    }
    this.view(input.dtype, this.leaf(input), size).set(values);
  }

  reserve(bytes: number): Uint8Array {
    return this.heap.reserve(bytes);
  }

  read(input: Node): Promise<TypedValues> {
    return Promise.resolve(this.view(input.dtype, this.leaf(input), sizeOf(input.shape)).slice());
  }

  memory(): MemoryReport {
    const { reserved, used } = this.heap;
    return { inputs: this.inputBytes + reserved, scratch: this.arenaBytes, total: used };
  }

  close(): void {
    this.pool.close();
  }
}
