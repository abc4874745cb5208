/**
 * A small WebAssembly assembler: modules, functions and the instructions that our kernels use, SIMD and atomics included.
 * Emitters call it in stack order, so that emitting code reads like the code it makes. See the WebAssembly 2.0 binary format.
 */

export type ValueType = 'i32' | 'i64' | 'f32' | 'v128';
const typeCodes: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, v128: 0x7b };

const scratch = new DataView(new ArrayBuffer(4));

/** Bytes, one after the other. */
class ByteWriter {
  private buffer = new Uint8Array(256);
  private length = 0;

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  byte(value: number): this {
    if (this.length === this.buffer.length) this.grow(this.length + 1);
    this.buffer[this.length++] = value;
    return this;
  }

  append(bytes: ArrayLike<number>): this {
    const end = this.length + bytes.length;
    if (end > this.buffer.length) this.grow(end);
    this.buffer.set(bytes, this.length);
    this.length = end;
    return this;
  }

  private grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    grown.set(this.buffer);
    this.buffer = grown;
  }

  /** Unsigned LEB128. */
  unsigned(value: number): this {
    if (value < 0) throw new RangeError(`internal: ${value} is not an unsigned number`);
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit integer. */
  signed(value: number): this {
    let rest = value | 0;
    // Bit 6 of the last byte is the sign.
    while (rest < -64 || rest > 63) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.byte(rest & 0x7f);
  }

  float32(value: number): this {
    scratch.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.byte(scratch.getUint8(i));
    return this;
  }

  /** Items behind their number. */
  vector(items: readonly Uint8Array[]): this {
    this.unsigned(items.length);
    for (const item of items) this.append(item);
    return this;
  }

  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.unsigned(bytes.length).append(bytes);
  }
}

/** Plain one-byte instructions. */
const plain = {
  unreachable: 0x00, return: 0x0f, drop: 0x1a, select: 0x1b,
  'i32.eqz': 0x45, 'i32.eq': 0x46, 'i32.ne': 0x47, 'i32.lt_s': 0x48, 'i32.lt_u': 0x49, 'i32.gt_s': 0x4a, 'i32.gt_u': 0x4b,
  'i32.le_s': 0x4c, 'i32.le_u': 0x4d, 'i32.ge_s': 0x4e, 'i32.ge_u': 0x4f,
  'f32.eq': 0x5b, 'f32.ne': 0x5c, 'f32.lt': 0x5d, 'f32.gt': 0x5e, 'f32.le': 0x5f, 'f32.ge': 0x60,
  'i32.add': 0x6a, 'i32.sub': 0x6b, 'i32.mul': 0x6c, 'i32.div_u': 0x6e, 'i32.rem_u': 0x70,
  'i32.and': 0x71, 'i32.or': 0x72, 'i32.xor': 0x73, 'i32.shl': 0x74, 'i32.shr_s': 0x75, 'i32.shr_u': 0x76,
  'f32.add': 0x92, 'f32.sub': 0x93, 'f32.mul': 0x94, 'f32.div': 0x95,
} as const; // prettier-ignore

/** Instructions behind the SIMD prefix 0xfd that take no immediate. */
const simd = {
  'i8x16.swizzle': 0x0e, 'i32x4.splat': 0x11, 'f32x4.splat': 0x13,
  'i32x4.eq': 0x37, 'i32x4.ne': 0x38, 'i32x4.lt_s': 0x39, 'i32x4.lt_u': 0x3a, 'i32x4.gt_s': 0x3b, 'i32x4.gt_u': 0x3c,
  'i32x4.le_s': 0x3d, 'i32x4.le_u': 0x3e, 'i32x4.ge_s': 0x3f, 'i32x4.ge_u': 0x40,
  'f32x4.eq': 0x41, 'f32x4.ne': 0x42, 'f32x4.lt': 0x43, 'f32x4.gt': 0x44, 'f32x4.le': 0x45, 'f32x4.ge': 0x46,
  'v128.not': 0x4d, 'v128.and': 0x4e, 'v128.andnot': 0x4f, 'v128.or': 0x50, 'v128.xor': 0x51, 'v128.bitselect': 0x52,
  'v128.any_true': 0x53,
  'f32x4.floor': 0x68, 'f32x4.trunc': 0x69, 'f32x4.nearest': 0x6a,
  'i16x8.extend_low_i8x16_u': 0x89, 'i32x4.extend_low_i16x8_u': 0xa9,
  'i32x4.abs': 0xa0, 'i32x4.neg': 0xa1, 'i32x4.shl': 0xab, 'i32x4.shr_s': 0xac, 'i32x4.shr_u': 0xad,
  'i32x4.add': 0xae, 'i32x4.sub': 0xb1, 'i32x4.mul': 0xb5, 'i32x4.min_s': 0xb6, 'i32x4.min_u': 0xb7,
  'i32x4.max_s': 0xb8, 'i32x4.max_u': 0xb9,
  'f32x4.abs': 0xe0, 'f32x4.neg': 0xe1, 'f32x4.sqrt': 0xe3, 'f32x4.add': 0xe4, 'f32x4.sub': 0xe5, 'f32x4.mul': 0xe6,
  'f32x4.div': 0xe7, 'f32x4.min': 0xe8, 'f32x4.max': 0xe9, 'f32x4.pmin': 0xea, 'f32x4.pmax': 0xeb,
  'i32x4.trunc_sat_f32x4_s': 0xf8, 'i32x4.trunc_sat_f32x4_u': 0xf9, 'f32x4.convert_i32x4_s': 0xfa,
  'f32x4.convert_i32x4_u': 0xfb, 'f32x4.relaxed_madd': 0x105,
} as const; // prettier-ignore

/** Loads and stores: opcode bytes and the natural alignment as a power of two. */
const memory = {
  'i32.load': [[0x28], 2], 'f32.load': [[0x2a], 2], 'i32.load8_u': [[0x2d], 0], 'i32.store': [[0x36], 2],
  'f32.store': [[0x38], 2], 'i32.store8': [[0x3a], 0],
  'v128.load': [[0xfd, 0x00], 4], 'v128.load32_splat': [[0xfd, 0x09], 2], 'v128.store': [[0xfd, 0x0b], 4],
  'v128.load32_zero': [[0xfd, 0x5c], 2],
  'i32.atomic.load': [[0xfe, 0x10], 2], 'i32.atomic.store': [[0xfe, 0x17], 2], 'i32.atomic.rmw.add': [[0xfe, 0x1e], 2],
  'memory.atomic.notify': [[0xfe, 0x00], 2], 'memory.atomic.wait32': [[0xfe, 0x01], 2],
} as const; // prettier-ignore

/** Lane loads and stores: opcode and alignment. */
const laneMemory = {
  'v128.load8_lane': [0x54, 0], 'v128.load32_lane': [0x56, 2], 'v128.store8_lane': [0x58, 0], 'v128.store32_lane': [0x5a, 2],
} as const; // prettier-ignore

const laneAccess = {
  'i8x16.extract_lane_u': 0x16, 'i32x4.extract_lane': 0x1b, 'i32x4.replace_lane': 0x1c, 'f32x4.extract_lane': 0x1f,
  'f32x4.replace_lane': 0x20,
} as const; // prettier-ignore

export type Instruction = keyof typeof plain | keyof typeof simd;

/** Address in memory of a word with these bits, as a signed number; undefined where it is better made in place. */
export type ConstantPool = (bits: number, type: 'f32' | 'i32') => number | undefined;

/** Emits the body of one function. Addresses in bytes; `offset` immediates too. */
export class FunctionEmitter {
  private readonly code = new ByteWriter();
  private readonly locals: ValueType[] = [];

  constructor(
    private readonly parameters: readonly ValueType[],
    private readonly constants?: ConstantPool,
  ) {}

  /** A fresh local, zero at the start. */
  local(type: ValueType): number {
    this.locals.push(type);
    return this.parameters.length + this.locals.length - 1;
  }

  op(...names: Instruction[]): this {
    for (const name of names) {
      if (name in plain) this.code.byte(plain[name as keyof typeof plain]);
      else this.code.byte(0xfd).unsigned(simd[name as keyof typeof simd]);
    }
    return this;
  }

  get(local: number): this {
    this.code.byte(0x20).unsigned(local);
    return this;
  }

  set(local: number): this {
    this.code.byte(0x21).unsigned(local);
    return this;
  }

  tee(local: number): this {
    this.code.byte(0x22).unsigned(local);
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
    scratch.setFloat32(0, value, true);
    return this.splatWord(scratch.getInt32(0, true), 'f32');
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

  mem(name: keyof typeof memory, offset = 0): this {
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

  call(index: number): this {
    this.code.byte(0x10).unsigned(index);
    return this;
  }

  /** Runs `body` while its loop is branched back to by `again(condition on the stack)`. */
  loop(body: () => void): this {
    this.code.byte(0x03).byte(0x40);
    body();
    this.code.byte(0x0b);
    return this;
  }

  block(body: () => void): this {
    this.code.byte(0x02).byte(0x40);
    body();
    this.code.byte(0x0b);
    return this;
  }

  /** Consumes a condition. */
  if(then: () => void, otherwise?: () => void): this {
    this.code.byte(0x04).byte(0x40);
    then();
    if (otherwise) {
      this.code.byte(0x05);
      otherwise();
    }
    this.code.byte(0x0b);
    return this;
  }

  branch(depth: number): this {
    this.code.byte(0x0c).unsigned(depth);
    return this;
  }

  branchIf(depth: number): this {
    this.code.byte(0x0d).unsigned(depth);
    return this;
  }

  fence(): this {
    this.code.append([0xfe, 0x03, 0x00]);
    return this;
  }

  /** local += value. */
  bump(local: number, value: number): this {
    return value === 0 ? this : this.get(local).i32(value).op('i32.add').set(local);
  }

  /**
   * for (counter = from; counter < to; counter += step) body; `from` and `to` are constants and from < to, so the test is at the
   * end. A single pass needs no loop.
   */
  countedLoop(count: number, body: () => void): this {
    if (count === 1) {
      body();
      return this;
    }
    const counter = this.local('i32');
    this.i32(count).set(counter);
    return this.loop(() => {
      body();
      this.get(counter).i32(1).op('i32.sub').tee(counter).branchIf(0);
    });
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

  /** Defines a function and returns its index; parameters are locals 0, 1, ... */
  function(
    signature: { parameters: readonly ValueType[]; results?: readonly ValueType[]; export?: string },
    emit: (f: FunctionEmitter) => void,
  ): number {
    const f = new FunctionEmitter(signature.parameters, this.constants);
    emit(f);
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
