/** Kernels that compute or follow indices element by element: argmax and scatter-add. */
import { sizeOf } from '../../shape.js';
import { bytesOf } from './expression.js';
import { eachUnit, type EmitContext, type EmittedKernel } from './loop.js';
import type { ArgmaxKernel, ScatterKernel } from '../../compiler/kernel.js';

/** Index of the first maximum along an axis; a unit is one result. */
export function emitArgmax(context: EmitContext, kernel: ArgmaxKernel): EmittedKernel {
  const { root } = kernel;
  const [{ buffer }] = kernel.operands;
  const { shape } = root.inputs[0];
  const { axis } = root.attrs;
  const length = shape[axis];
  const inner = sizeOf(shape.slice(axis + 1));
  const size = bytesOf(buffer.dtype);
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [at, best, candidate] = Array.from({ length: 3 }, () => f.local('i32'));
    const [position, chosen] = [f.local('i32'), f.local('i32')];
    const [bestFloat, candidateFloat] = [f.local('f32'), f.local('f32')];
    const float = buffer.dtype === 'f32';
    eachUnit(f, (unit) => {
      f.get(unit)
        .i32(inner)
        .op('i32.div_u')
        .i32(length * inner)
        .op('i32.mul');
      f.get(unit)
        .i32(inner)
        .op('i32.rem_u', 'i32.add')
        .i32(size)
        .op('i32.mul')
        .i32(context.address(buffer))
        .op('i32.add')
        .set(at);
      f.i32(0).set(position).i32(0).set(chosen);
      if (float) f.f32(-Infinity).set(bestFloat);
      else
        f.get(at)
          .mem(size === 4 ? 'i32.load' : 'i32.load8_u')
          .set(best);
      f.countedLoop(length, () => {
        if (float) {
          // Larger, or the first NaN.
          f.get(at).mem('f32.load').tee(candidateFloat).get(bestFloat).op('f32.le', 'i32.eqz');
          f.get(bestFloat).get(bestFloat).op('f32.eq', 'i32.and');
        } else {
          f.get(at)
            .mem(size === 4 ? 'i32.load' : 'i32.load8_u')
            .tee(candidate)
            .get(best);
          f.op(buffer.dtype === 'i32' ? 'i32.gt_s' : 'i32.gt_u');
        }
        f.if(() => {
          if (float) f.get(candidateFloat).set(bestFloat);
          else f.get(candidate).set(best);
          f.get(position).set(chosen);
        });
        f.bump(position, 1).bump(at, inner * size);
      });
      f.get(unit)
        .i32(4)
        .op('i32.mul')
        .i32(context.address(kernel.outputs[0]))
        .op('i32.add')
        .get(chosen)
        .mem('i32.store');
    });
  });
  return { function: index, units: sizeOf(root.shape), unitCost: length * 2, scratch: 0 };
}

/** Columns of one unit of a scatter-add. */
const STRIPE = 64;

/** Rows added at indices, in order; a unit is a stripe of columns, so no two threads meet. */
export function emitScatterAdd(context: EmitContext, kernel: ScatterKernel): EmittedKernel {
  const { root } = kernel;
  const [indices, updates] = kernel.operands.map((o) => context.address(o.buffer));
  const out = context.address(kernel.outputs[0]);
  const rows = root.shape[0];
  const columns = sizeOf(root.shape.slice(1));
  const count = sizeOf(root.inputs[0].shape);
  const stripes = Math.ceil(columns / STRIPE);
  const vectors = columns % 4 === 0;
  const load = vectors ? 'v128.load' : 'f32.load';
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [first, last, column, target, source, item] = Array.from({ length: 6 }, () => f.local('i32'));
    const eachColumn = (body: () => void): void => {
      f.get(first)
        .set(column)
        .loop(() => {
          body();
          f.bump(column, vectors ? 16 : 4)
            .get(column)
            .get(last)
            .op('i32.lt_s')
            .branchIf(0);
        });
    };
    eachUnit(f, (unit) => {
      f.get(unit)
        .i32(STRIPE * 4)
        .op('i32.mul')
        .set(first);
      f.get(first)
        .i32(STRIPE * 4)
        .op('i32.add')
        .tee(last)
        .i32(columns * 4)
        .get(last)
        .i32(columns * 4)
        .op('i32.lt_s', 'select')
        .set(last);
      f.i32(out).set(target);
      if (rows > 0) {
        f.countedLoop(rows, () => {
          eachColumn(() => {
            f.get(target).get(column).op('i32.add');
            if (vectors) f.splat(0).mem('v128.store');
            else f.i32(0).mem('i32.store');
          });
          f.bump(target, columns * 4);
        });
      }
      f.i32(updates).set(source).i32(indices).set(item);
      f.countedLoop(count, () => {
        f.get(item)
          .mem('i32.load')
          .i32(columns * 4)
          .op('i32.mul')
          .i32(out)
          .op('i32.add')
          .set(target);
        eachColumn(() => {
          f.get(target).get(column).op('i32.add');
          f.get(target).get(column).op('i32.add').mem(load);
          f.get(source).get(column).op('i32.add').mem(load);
          if (vectors) f.op('f32x4.add').mem('v128.store');
          else f.op('f32.add').mem('f32.store');
        });
        f.bump(source, columns * 4).bump(item, 4);
      });
    });
  });
  return {
    function: index,
    units: stripes,
    unitCost: ((rows + 2 * count) * Math.min(columns, STRIPE)) / (vectors ? 4 : 1),
    scratch: 0,
  };
}
