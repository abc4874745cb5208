/** Kernels that compute or follow indices element by element: argmax and scatter-add. */
import { sizeOf } from '../../shape.js';
import { type FunctionEmitter, type I32 } from '../assembler.js';
import { defineKernel, type EmitContext, type EmittedKernel } from './kernel.js';
import { bytesOf } from './lanes.js';
import type { ArgmaxKernel, ScatterKernel } from '../../compiler/kernel.js';

/** Index of the first maximum along an axis; a unit is one result. */
export function emitArgmax(context: EmitContext, { root, operands, outputs }: ArgmaxKernel): EmittedKernel {
  const [{ buffer }] = operands;
  const { shape } = root.inputs[0];
  const { axis } = root.attrs;
  const length = shape[axis];
  const inner = sizeOf(shape.slice(axis + 1));
  const size = bytesOf(buffer.dtype);
  const output = context.address(outputs[0]);
  const search = buffer.dtype === 'f32' ? floatRecord : wordRecord;
  const index = defineKernel(context.module, (f, unit) => {
    const first = unit.over(inner).times(length * inner).plus(unit.modulo(inner)); // prettier-ignore
    const element = f.let(first.times(size).plus(context.address(buffer)));
    const position = f.let(0);
    const chosen = f.let(0);
    const record = search(f, element, buffer.dtype);
    f.repeat(length, () => {
      record.isBroken();
      f.if(() => {
        record.keep();
        f.assign(chosen, position);
      });
      f.bump(position, 1).bump(element, inner * size);
    });
    f.store('i32.store', unit.times(4).plus(output), chosen);
  });
  return { function: index, units: sizeOf(root.shape), unitCost: length * 2, scratch: 0 };
}

/** The largest element so far. */
interface Record {
  /** Leaves on the stack whether the element at the address is larger. */
  isBroken(): void;
  /** Keeps that element. */
  keep(): void;
}

function floatRecord(f: FunctionEmitter, element: I32): Record {
  const [best, candidate] = [f.local('f32'), f.local('f32')];
  f.f32(-Infinity).set(best);
  return {
    isBroken: () => {
      // Larger, or the first NaN.
      f.load('f32.load', element).tee(candidate).get(best).op('f32.le', 'i32.eqz');
      f.get(best).get(best).op('f32.eq', 'i32.and');
    },
    keep: () => f.get(candidate).set(best),
  };
}

function wordRecord(f: FunctionEmitter, element: I32, dtype: string): Record {
  const load = (): FunctionEmitter => f.load(dtype === 'i32' || dtype === 'u32' ? 'i32.load' : 'i32.load8_u', element);
  const [best, candidate] = [f.local('i32'), f.local('i32')];
  load().set(best);
  return {
    isBroken: () => {
      load().tee(candidate).get(best);
      f.op(dtype === 'i32' ? 'i32.gt_s' : 'i32.gt_u');
    },
    keep: () => f.assign(best, candidate),
  };
}

/** Columns of one unit of a scatter-add. */
const STRIPE = 64;

/** Rows added at indices, in order; a unit is a stripe of columns, so no two threads meet. */
export function emitScatterAdd(context: EmitContext, { root, operands, outputs }: ScatterKernel): EmittedKernel {
  const [indices, updates] = operands.map((o) => context.address(o.buffer));
  const out = context.address(outputs[0]);
  const rows = root.shape[0];
  const columns = sizeOf(root.shape.slice(1));
  const rowBytes = columns * 4;
  const count = sizeOf(root.inputs[0].shape);
  const vectors = columns % 4 === 0;
  const index = defineKernel(context.module, (f, unit) => {
    const first = f.let(unit.times(STRIPE * 4));
    const last = f.let(first.plus(STRIPE * 4));
    f.assign(last, last.atMost(rowBytes));
    const column = f.local('i32');
    const eachColumn = (body: () => void): void => {
      f.assign(column, first).upTo(last, column, vectors ? 16 : 4, body);
    };
    const target = f.let(out);
    if (rows > 0) {
      f.repeat(rows, () => {
        eachColumn(() => {
          if (vectors) f.store('v128.store', target.plus(column), () => f.splat(0));
          else f.store('i32.store', target.plus(column), () => f.i32(0));
        });
        f.bump(target, rowBytes);
      });
    }
    const source = f.let(updates);
    const item = f.let(indices);
    f.repeat(count, () => {
      f.assign(target, item.word().times(rowBytes).plus(out));
      eachColumn(() => {
        const sum = (load: 'v128.load' | 'f32.load'): FunctionEmitter =>
          f.load(load, target.plus(column)).load(load, source.plus(column));
        if (vectors) f.store('v128.store', target.plus(column), () => sum('v128.load').op('f32x4.add'));
        else f.store('f32.store', target.plus(column), () => sum('f32.load').op('f32.add'));
      });
      f.bump(source, rowBytes).bump(item, 4);
    });
  });
  return {
    function: index,
    units: Math.ceil(columns / STRIPE),
    unitCost: ((rows + 2 * count) * Math.min(columns, STRIPE)) / (vectors ? 4 : 1),
    scratch: 0,
  };
}
