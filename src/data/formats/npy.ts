/**
 * The NPY format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a magic string, a version, a header
 * written as a Python dict, then the elements, row by row (C order) or column by column (Fortran order). The length is checked
 * against the header before anything is allocated.
 */
import { DataError, type DataErrorPlace } from '../data-error.js';
import { sizeOf } from '../../tensor/shape.js';
import type { NumericArray } from './numeric-array.js';

interface NpyElementType {
  readonly name: string;
  readonly bytes: number;
  readonly get: (view: DataView, offset: number, little: boolean) => number;
}

const type = (name: string, bytes: number, get: NpyElementType['get']): NpyElementType => ({ name, bytes, get });

/** By kind and size, as in `<f4` without the byte order. */
const ELEMENT_TYPES: Readonly<Record<string, NpyElementType>> = {
  b1: type('bool', 1, (view, at) => (view.getUint8(at) === 0 ? 0 : 1)),
  u1: type('u8', 1, (view, at) => view.getUint8(at)),
  i1: type('i8', 1, (view, at) => view.getInt8(at)),
  u2: type('u16', 2, (view, at, little) => view.getUint16(at, little)),
  i2: type('i16', 2, (view, at, little) => view.getInt16(at, little)),
  u4: type('u32', 4, (view, at, little) => view.getUint32(at, little)),
  i4: type('i32', 4, (view, at, little) => view.getInt32(at, little)),
  u8: type('u64', 8, (view, at, little) => Number(view.getBigUint64(at, little))),
  i8: type('i64', 8, (view, at, little) => Number(view.getBigInt64(at, little))),
  f2: type('f16', 2, (view, at, little) => halfFloat(view.getUint16(at, little))),
  f4: type('f32', 4, (view, at, little) => view.getFloat32(at, little)),
  f8: type('f64', 8, (view, at, little) => view.getFloat64(at, little)),
};

/** A binary16 of IEEE 754: a sign, 5 bits of exponent, 10 of fraction. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const WHOLE_FILE_HINT = 'the file is damaged or was not written whole';
/** NumPy itself refuses longer ones. */
const LONGEST_HEADER = 10_000;
const MOST_DIMENSIONS = 32;

/** The array in `bytes`, the content of a .npy file. Throws DataError if the length does not match the header. */
export function parseNpy(bytes: Buffer, place: DataErrorPlace): NumericArray {
  const { descr, fortranOrder, dims, offset } = parseHeader(bytes, place);
  const [, order, code] = /^([<>|=])([a-zA-Z]\d+)$/.exec(descr) ?? [];
  const element: NpyElementType | undefined = ELEMENT_TYPES[code ?? ''];
  if (element === undefined) {
    const hint = 'save it as numbers: array.astype("float32"), or as integers for labels';
    throw new DataError(`elements of type "${descr}", which nn does not read`, { ...place, hint });
  }
  if (order === '=' || (order === '|' && element.bytes > 1)) {
    throw new DataError(`the type "${descr}" does not say its byte order`, { ...place, hint: WHOLE_FILE_HINT });
  }
  const size = sizeOf(dims);
  const expected = size * element.bytes;
  const found = bytes.length - offset;
  const described = `${dims.join(' x ')} values of type ${element.name}, ${expected} bytes`;
  if (found < expected) {
    throw new DataError(`truncated: the header promises ${described}, but there are ${found}`, {
      ...place,
      hint: WHOLE_FILE_HINT,
    });
  }
  if (found > expected) {
    throw new DataError(`${found - expected} bytes after the end of the ${described} that the header promises`, {
      ...place,
      hint: 'the header does not match the content: the file is damaged',
    });
  }
  const content = bytes.subarray(offset);
  const values = elements(content, element, order !== '>', size);
  if (element.bytes === 8 && element.name !== 'f64') refuseInexact(values, element, place);
  return { type: element.name, dims, values: fortranOrder && dims.length > 1 ? inRowOrder(values, dims) : values };
}

interface NpyHeader {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly dims: readonly number[];
  readonly offset: number;
}

function parseHeader(bytes: Buffer, place: DataErrorPlace): NpyHeader {
  if (bytes.length < 10 || bytes.toString('latin1', 0, 6) !== '\x93NUMPY') {
    throw new DataError('not a NumPy file: it does not start with \\x93NUMPY', {
      ...place,
      hint: 'numpy.save writes .npy files; for .npz archives use data.source: npz',
    });
  }
  const [major, lengthBytes] = [bytes[6], bytes[6] === 1 ? 2 : 4];
  if (major < 1 || major > 3) throw new DataError(`NPY version ${major}; nn reads 1 to 3`, place);
  const length = lengthBytes === 2 ? bytes.readUInt16LE(8) : bytes.length < 12 ? Infinity : bytes.readUInt32LE(8);
  const offset = 8 + lengthBytes + length;
  if (length > LONGEST_HEADER || offset > bytes.length) {
    throw new DataError(`truncated: a header of ${length} bytes, in a file of ${bytes.length}`, {
      ...place,
      hint: WHOLE_FILE_HINT,
    });
  }
  const text = bytes.toString('latin1', 8 + lengthBytes, offset);
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined && /'descr':\s*\[/.test(text)) {
    throw new DataError('records with named fields, which nn does not read', {
      ...place,
      hint: 'save one array of numbers: structured_to_unstructured(array)',
    });
  }
  if (descr === undefined || order === undefined || shape === undefined) {
    throw new DataError(`damaged: the header is ${JSON.stringify(text.trim().slice(0, 80))}`, {
      ...place,
      hint: WHOLE_FILE_HINT,
    });
  }
  const dims = (shape.match(/\d+/g) ?? []).map(Number);
  if (dims.length === 0) throw new DataError('a single number, not an array of samples', place);
  if (dims.includes(0)) throw new DataError(`the array is empty: its dimensions are ${dims.join(' x ')}`, place);
  if (dims.length > MOST_DIMENSIONS || !Number.isSafeInteger(sizeOf(dims) * 8)) {
    throw new DataError(`damaged: dimensions ${dims.join(' x ')} are larger than any file`, {
      ...place,
      hint: WHOLE_FILE_HINT,
    });
  }
  return { descr, fortranOrder: order === 'True', dims, offset };
}

function elements(bytes: Buffer, element: NpyElementType, little: boolean, size: number): Uint8Array | Float64Array {
  if (element.name === 'u8') return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = new Float64Array(size);
  for (let i = 0; i < size; i++) values[i] = element.get(view, i * element.bytes, little);
  return values;
}

/** Integers beyond 2^53 have no exact float64: they are identifiers, not measurements. */
function refuseInexact(values: Uint8Array | Float64Array, { name }: NpyElementType, place: DataErrorPlace): void {
  const bad = values.findIndex((value) => !Number.isSafeInteger(value));
  if (bad < 0) return;
  throw new DataError(`the ${name} element ${bad} (counted from 0) is about ${values[bad]}, too large to be exact`, {
    ...place,
    hint: 'numbers beyond 2^53 are usually identifiers: leave them out',
  });
}

/** Converts column-major to row-major. */
function inRowOrder<V extends Uint8Array | Float64Array>(values: V, dims: readonly number[]): V {
  const ordered = values.slice() as V;
  // The stride of each axis when the first index varies fastest.
  const strides: number[] = [];
  dims.reduce((stride, dim) => (strides.push(stride), stride * dim), 1);
  const index = dims.map(() => 0);
  let from = 0;
  for (let to = 0; to < values.length; to++) {
    ordered[to] = values[from];
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < dims[axis]) break;
      from -= strides[axis] * dims[axis];
      index[axis] = 0;
    }
  }
  return ordered;
}
