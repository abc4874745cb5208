/**
 * A small WebAssembly assembler: modules, functions and the instructions that our kernels use, SIMD and atomics included.
 *
 * Whole numbers (addresses, indices, conditions) are written as formulas, see i32.ts; vectors in stack order.
 */
import { ByteWriter, float32Bits } from './bytes.js';
import { i32, I32, I32Local, type Local } from './i32.js';
import {
  type Instruction,
  laneAccess,
  laneMemory,
  memory,
  type MemoryInstruction,
  plain,
  simd,
  typeCodes,
  type ValueType,
} from './instructions.js';

export { at, i32, type I32, type I32Local, type Local } from './i32.js';

export type Vector = Local<'v128'>;

/** Address in memory of a word with these bits, as a signed number; undefined where it is better made in place. */
export type ConstantPool = (bits: number, type: 'f32' | 'i32') => number | undefined;

type LoadInstruction = Extract<MemoryInstruction, `${'i32' | 'f32' | 'v128'}.load${string}`>;
type StoreInstruction = Extract<MemoryInstruction, `${'i32' | 'f32' | 'v128'}.store${string}`>;

/** Emits the body of one function. Addresses in bytes; `offset` immediates too. */
export class FunctionEmitter {
  private readonly code = new ByteWriter();
  private readonly locals: ValueType[] = [];

  constructor(
    private readonly parameters: readonly ValueType[],
    private readonly constants?: ConstantPool,
  ) {}

  /** A fresh local, zero at the start. */
  local(type: 'i32'): I32Local;
  local<T extends ValueType>(type: T): Local<T>;
  local(type: ValueType): Local {
    this.locals.push(type);
    return localOf(this.parameters.length + this.locals.length - 1, type);
  }

  /** Fresh locals of one type, to be taken apart. */
  i32Locals(count: number): I32Local[] {
    return Array.from({ length: count }, () => this.local('i32'));
  }

  vectors(count: number): Vector[] {
    return Array.from({ length: count }, () => this.local('v128'));
  }

  /** A fresh local that is given a value here. */
  let(value: I32 | number): I32Local {
    const local = this.local('i32');
    this.assign(local, value);
    return local;
  }

  assign(local: I32Local, value: I32 | number): this {
    return this.value(value).set(local);
  }

  /** Leaves a number on the stack. */
  value(value: I32 | number): this {
    for (const step of i32(value).steps) {
      switch (step.kind) {
        case 'constant':
          this.i32(step.value);
          break;
        case 'local':
          this.code.byte(0x20).unsigned(step.index);
          break;
        case 'operation':
          this.op(step.name);
          break;
        case 'load':
          this.mem('i32.load', step.offset);
      }
    }
    return this;
  }

  /** Leaves what lies at an address on the stack. */
  load(name: LoadInstruction, address: I32 | number, offset = 0): this {
    return this.value(address).mem(name, offset);
  }

  /** Stores a local, or what `value` leaves on the stack, at an address. */
  store(name: StoreInstruction, address: I32 | number, value: Local | (() => unknown), offset = 0): this {
    this.value(address);
    if (typeof value === 'function') value();
    else this.get(value);
    return this.mem(name, offset);
  }

  op(...names: Instruction[]): this {
    for (const name of names) {
      if (name in plain) this.code.byte(plain[name as keyof typeof plain]);
      else this.code.byte(0xfd).unsigned(simd[name as keyof typeof simd]);
    }
    return this;
  }

  get(local: Local): this {
    this.code.byte(0x20).unsigned(local.index);
    return this;
  }

  set(local: Local): this {
    this.code.byte(0x21).unsigned(local.index);
    return this;
  }

  tee(local: Local): this {
    this.code.byte(0x22).unsigned(local.index);
    return this;
  }

  i32(value: number): this {
    this.code.byte(0x41).signed(value);
    return this;
  }

  f32(value: number): this {
    this.code.byte(0x43).float32(value);
    return this;
  }

  i64(value: number): this {
    this.code.byte(0x42).signed(value);
    return this;
  }

  /** A vector of four equal floats. */
  splat(value: number): this {
    return this.splatWord(float32Bits(value), 'f32');
  }

  /** A vector of four equal 32-bit integers. */
  splatInt(value: number): this {
    return this.splatWord(value | 0, 'i32');
  }

  private splatWord(bits: number, type: 'f32' | 'i32'): this {
    // V8 makes a constant by three instructions (all zeros or ones by one), and a pair of them by nine: a load is cheaper.
    const address = bits === 0 || bits === -1 ? undefined : this.constants?.(bits, type);
    if (address !== undefined) return this.i32(0).mem('v128.load32_splat', address);
    const four = [bits & 255, (bits >>> 8) & 255, (bits >>> 16) & 255, bits >>> 24];
    return this.v128([...four, ...four, ...four, ...four]);
  }

  /** A constant vector of 16 bytes. */
  v128(bytes: readonly number[]): this {
    this.code.byte(0xfd).byte(0x0c).append(bytes);
    return this;
  }

  shuffle(lanes: readonly number[]): this {
    this.code.byte(0xfd).byte(0x0d).append(lanes);
    return this;
  }

  /** Shuffle of 32-bit lanes: 0 to 3 of the first operand, 4 to 7 of the second. */
  shuffle32(lanes: readonly number[]): this {
    return this.shuffle(lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]));
  }

  mem(name: MemoryInstruction, offset = 0): this {
    const [opcode, align] = memory[name];
    this.code.append(opcode).byte(align).unsigned(offset);
    return this;
  }

  laneMem(name: keyof typeof laneMemory, lane: number, offset = 0): this {
    const [opcode, align] = laneMemory[name];
    this.code.byte(0xfd).byte(opcode).byte(align).unsigned(offset).byte(lane);
    return this;
  }

  lane(name: keyof typeof laneAccess, lane: number): this {
    this.code.byte(0xfd).byte(laneAccess[name]).byte(lane);
    return this;
  }

  /** Calls a function with numbers, after any vector arguments already on the stack. */
  call(index: number, ...numbers: readonly (I32 | number)[]): this {
    for (const number of numbers) this.value(number);
    this.code.byte(0x10).unsigned(index);
    return this;
  }

  /** `branch(0)` inside goes back to its start; its end is passed once. */
  loop(body: () => void): this {
    return this.structure(0x03, body);
  }

  /** `branch(0)` inside goes to its end. */
  block(body: () => void): this {
    return this.structure(0x02, body);
  }

  /** Consumes a condition from the stack. */
  if(then: () => void, otherwise?: () => void): this {
    return this.structure(0x04, () => {
      then();
      if (otherwise === undefined) return;
      this.code.byte(0x05);
      otherwise();
    });
  }

  private structure(opcode: number, body: () => void): this {
    this.code.byte(opcode).byte(0x40);
    body();
    this.code.byte(0x0b);
    return this;
  }

  branch(depth: number): this {
    this.code.byte(0x0c).unsigned(depth);
    return this;
  }

  /** Consumes a condition from the stack. */
  branchIf(depth: number): this {
    this.code.byte(0x0d).unsigned(depth);
    return this;
  }

  when(condition: I32, then: () => void, otherwise?: () => void): this {
    return this.value(condition).if(then, otherwise);
  }

  /** local += by. */
  bump(local: I32Local, by: number): this {
    return by === 0 ? this : this.assign(local, local.plus(by));
  }

  /** do body while condition. */
  doWhile(body: () => void, condition: I32): this {
    return this.loop(() => {
      body();
      this.value(condition).branchIf(0);
    });
  }

  /** do { body; counter += step } while (counter < end). */
  upTo(end: I32 | number, counter: I32Local, step: number, body: () => void): this {
    return this.doWhile(() => {
      body();
      this.bump(counter, step);
    }, counter.isLess(end));
  }

  /** do body while (--count > 0). */
  countDown(count: I32Local, body: () => void): this {
    return this.doWhile(() => {
      body();
      this.assign(count, count.minus(1));
    }, count);
  }

  /** Runs `body` a fixed number of times (at least once). A single pass needs no loop. */
  repeat(times: number, body: () => void): this {
    if (times !== 1) return this.countDown(this.let(times), body);
    body();
    return this;
  }

  /** The function's bytes: locals, code, end. */
  finish(): Uint8Array {
    const runs: [number, ValueType][] = [];
    for (const type of this.locals) {
      const last = runs[runs.length - 1];
      if (last?.[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    const locals = new ByteWriter().unsigned(runs.length);
    for (const [n, type] of runs) locals.unsigned(n).byte(typeCodes[type]);
    const { bytes } = this.code;
    return new ByteWriter().unsigned(locals.bytes.length + bytes.length + 1).append(locals.bytes).append(bytes).byte(0x0b).bytes; // prettier-ignore
  }
}

const localOf = (index: number, type: ValueType): Local => (type === 'i32' ? new I32Local(index) : { index, type });

/** The parameters of a function as locals. */
export type LocalsOf<P extends readonly ValueType[]> = {
  readonly [K in keyof P]: P[K] extends 'i32' ? I32Local : Local<P[K]>;
};

interface Defined {
  type: number;
  exportName?: string;
  body: Uint8Array;
}

/** A module that imports the shared memory `env.memory` and defines functions. */
export class ModuleEmitter {
  private readonly types: string[] = [];
  private readonly typeBytes: Uint8Array[] = [];
  private readonly functions: Defined[] = [];

  constructor(private readonly constants?: ConstantPool) {}

  private type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const { bytes } = new ByteWriter()
      .byte(0x60)
      .unsigned(parameters.length)
      .append(parameters.map((type) => typeCodes[type]))
      .unsigned(results.length)
      .append(results.map((type) => typeCodes[type]));
    const key = bytes.join();
    const known = this.types.indexOf(key);
    if (known >= 0) return known;
    this.typeBytes.push(bytes);
    return this.types.push(key) - 1;
  }

  /** Defines a function and returns its index; `emit` is given the parameters. */
  function<const P extends readonly ValueType[]>(
    signature: { parameters: P; results?: readonly ValueType[]; export?: string },
    emit: (f: FunctionEmitter, ...parameters: LocalsOf<P>) => void,
  ): number {
    const f = new FunctionEmitter(signature.parameters, this.constants);
    emit(f, ...(signature.parameters.map((type, i) => localOf(i, type)) as unknown as LocalsOf<P>));
    const type = this.type(signature.parameters, signature.results ?? []);
    return this.functions.push({ type, exportName: signature.export, body: f.finish() }) - 1;
  }

  /** Exports a function defined before under a name. */
  export(index: number, name: string): void {
    this.functions[index].exportName = name;
  }

  /** The module's bytes. `shared` memories have a maximum of 4 GiB. */
  bytes(shared = true): Uint8Array<ArrayBuffer> {
    const module = new ByteWriter().append([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    const section = (id: number, items: readonly Uint8Array[]): void => {
      if (items.length === 0) return;
      const { bytes } = new ByteWriter().vector(items);
      module.byte(id).unsigned(bytes.length).append(bytes);
    };
    const heap = new ByteWriter().text('env').text('memory').byte(0x02).byte(shared ? 0x03 : 0x01).unsigned(1).unsigned(65536); // prettier-ignore
    const { functions } = this;
    const types = functions.map(({ type }) => new ByteWriter().unsigned(type).bytes);
    const exported = functions.flatMap(({ exportName }, i) =>
      exportName ? [new ByteWriter().text(exportName).byte(0x00).unsigned(i).bytes] : [],
    );
    const bodies = functions.map(({ body }) => body);
    section(1, this.typeBytes);
    section(2, [heap.bytes]);
    section(3, types);
    section(7, exported);
    section(10, bodies);
    return new Uint8Array(module.bytes);
  }
}
