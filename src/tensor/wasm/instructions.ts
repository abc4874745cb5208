/** The opcodes of the instructions that our kernels use. See the WebAssembly 2.0 binary format, and its proposals for threads and relaxed SIMD. */

export type ValueType = 'i32' | 'i64' | 'f32' | 'v128';

export const typeCodes: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, v128: 0x7b };

/** Plain one-byte instructions. */
export const plain = {
  unreachable: 0x00, drop: 0x1a, select: 0x1b,
  'i32.eqz': 0x45, 'i32.eq': 0x46, 'i32.ne': 0x47, 'i32.lt_s': 0x48, 'i32.lt_u': 0x49, 'i32.gt_s': 0x4a, 'i32.gt_u': 0x4b,
  'i32.ge_s': 0x4e, 'i32.ge_u': 0x4f,
  'f32.eq': 0x5b, 'f32.le': 0x5f,
  'i32.add': 0x6a, 'i32.sub': 0x6b, 'i32.mul': 0x6c, 'i32.div_u': 0x6e, 'i32.rem_u': 0x70,
  'i32.and': 0x71, 'i32.shl': 0x74, 'i32.shr_s': 0x75, 'i32.shr_u': 0x76,
  'f32.add': 0x92,
} as const; // prettier-ignore

/** Instructions with the SIMD prefix 0xfd that take no immediate. */
export const simd = {
  'i32x4.splat': 0x11, 'f32x4.splat': 0x13,
  'i32x4.eq': 0x37, 'i32x4.ne': 0x38, 'i32x4.lt_s': 0x39, 'i32x4.lt_u': 0x3a, 'i32x4.gt_s': 0x3b, 'i32x4.gt_u': 0x3c,
  'i32x4.le_s': 0x3d, 'i32x4.le_u': 0x3e, 'i32x4.ge_s': 0x3f, 'i32x4.ge_u': 0x40,
  'f32x4.eq': 0x41, 'f32x4.ne': 0x42, 'f32x4.lt': 0x43, 'f32x4.gt': 0x44, 'f32x4.le': 0x45, 'f32x4.ge': 0x46,
  'v128.not': 0x4d, 'v128.and': 0x4e, 'v128.andnot': 0x4f, 'v128.or': 0x50, 'v128.xor': 0x51, 'v128.bitselect': 0x52,
  'v128.any_true': 0x53,
  'f32x4.floor': 0x68,
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
export const memory = {
  'i32.load': [[0x28], 2], 'f32.load': [[0x2a], 2], 'i32.load8_u': [[0x2d], 0], 'i32.store': [[0x36], 2],
  'f32.store': [[0x38], 2],
  'v128.load': [[0xfd, 0x00], 4], 'v128.load32_splat': [[0xfd, 0x09], 2], 'v128.store': [[0xfd, 0x0b], 4],
  'v128.load32_zero': [[0xfd, 0x5c], 2],
  'i32.atomic.load': [[0xfe, 0x10], 2], 'i32.atomic.store': [[0xfe, 0x17], 2], 'i32.atomic.rmw.add': [[0xfe, 0x1e], 2],
  'memory.atomic.notify': [[0xfe, 0x00], 2], 'memory.atomic.wait32': [[0xfe, 0x01], 2],
} as const; // prettier-ignore

/** Lane loads and stores: opcode and alignment. */
export const laneMemory = {
  'v128.load32_lane': [0x56, 2], 'v128.store8_lane': [0x58, 0], 'v128.store32_lane': [0x5a, 2],
} as const; // prettier-ignore

export const laneAccess = {
  'i32x4.extract_lane': 0x1b, 'i32x4.replace_lane': 0x1c, 'f32x4.extract_lane': 0x1f,
} as const; // prettier-ignore

/** Instructions without an immediate. */
export type Instruction = keyof typeof plain | keyof typeof simd;
export type MemoryInstruction = keyof typeof memory;
