/** Elements of any type in memory as the lanes of vectors: four words for each vector, of which booleans are masks. */
import type { DType } from '../../graph.js';
import { type FunctionEmitter, type I32, i32, type Vector } from '../assembler.js';

export const bytesOf = (dtype: DType): number => (dtype === 'u8' || dtype === 'bool' ? 1 : 4);

/** Leaves four neighbouring elements on the stack. */
export function emitLoad(f: FunctionEmitter, dtype: DType, address: I32 | number, offset = 0): void {
  if (bytesOf(dtype) === 4) {
    f.load('v128.load', address, offset);
    return;
  }
  f.load('v128.load32_zero', address, offset).op('i16x8.extend_low_i8x16_u', 'i32x4.extend_low_i16x8_u');
  if (dtype === 'bool') f.op('i32x4.neg');
}

/** Leaves one element in all lanes on the stack. */
export function emitLoadSplat(f: FunctionEmitter, dtype: DType, address: I32 | number, offset = 0): void {
  if (bytesOf(dtype) === 4) {
    f.load('v128.load32_splat', address, offset);
    return;
  }
  f.load('i32.load8_u', address, offset).op('i32x4.splat');
  if (dtype === 'bool') f.op('i32x4.neg');
}

/** Leaves up to four elements `stride` elements apart on the stack. */
export function emitLoadLanes(f: FunctionEmitter, dtype: DType, address: I32, stride: number, lanes: number): void {
  const place = (lane: number): I32 => address.plus(lane * stride * bytesOf(dtype));
  if (bytesOf(dtype) === 1) {
    f.load('i32.load8_u', address).op('i32x4.splat');
    for (let l = 1; l < lanes; l++) f.load('i32.load8_u', place(l)).lane('i32x4.replace_lane', l);
    if (dtype === 'bool') f.op('i32x4.neg');
    return;
  }
  const vector = f.local('v128');
  f.load('v128.load32_splat', address).set(vector);
  for (let l = 1; l < lanes; l++) f.value(place(l)).get(vector).laneMem('v128.load32_lane', l).set(vector);
  f.get(vector);
}

/** Stores the first `lanes` lanes of a vector, `stride` elements apart. */
export function emitStore(
  f: FunctionEmitter,
  dtype: DType,
  address: I32 | number,
  vector: Vector,
  { lanes = 4, stride = 1, offset = 0 }: { lanes?: number; stride?: number; offset?: number } = {},
): void {
  const size = bytesOf(dtype);
  if (dtype === 'bool') f.get(vector).splatInt(1).op('v128.and').set(vector);
  if (lanes === 4 && stride === 1) {
    if (size === 4) {
      f.store('v128.store', address, vector, offset);
      return;
    }
    const packed = f.local('v128');
    f.get(vector).get(vector).shuffle([0, 4, 8, 12, ...new Array<number>(12).fill(0)]).set(packed); // prettier-ignore
    f.value(address).get(packed).laneMem('v128.store32_lane', 0, offset);
    return;
  }
  for (let l = 0; l < lanes; l++) {
    f.value(l === 0 ? address : i32(address).plus(l * stride * size)).get(vector);
    if (size === 4) f.laneMem('v128.store32_lane', l, offset);
    else f.laneMem('v128.store8_lane', 4 * l, offset);
  }
}
