/** Element-wise work fused behind a contraction, on sums that wait in memory: inside the tile it would take its registers. */
import type { FunctionEmitter } from '../assembler.js';
import { bytesOf, emitLoad, emitLoadSplat, emitStore, ExpressionEmitter } from './expression.js';
import type { EmitContext } from './loop.js';
import type { Access } from '../../compiler/expression.js';
import { type ContractionKernel, epilogueLayout } from '../../compiler/kernel.js';

/** Defines a function (buffer, row, column) that makes the kernel's outputs from a tile of `rows` x `vectors` sums, whose rows lie `outputStep` apart. */
export function defineTileEpilogue(
  context: EmitContext,
  kernel: ContractionKernel,
  { rows, vectors, columns, outputStep = 1 }: { rows: number; vectors: number; columns: number; outputStep?: number },
): number {
  return context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const epilogue = new Epilogue(f, context, kernel, { buffer: 0, row: 1, column: 2 });
    for (let r = 0; r < rows; r++)
      for (let v = 0; v < vectors; v++)
        epilogue.vector(16 * (r * vectors + v), r * outputStep, 4 * v, Math.min(4, columns - 4 * v));
  });
}

/** Vectors of a row that are computed in one pass of the loop. */
const UNROLL = 4;

/** Defines a function (buffer, row, column, count) that makes `columns` outputs (whole vectors) in each of `count` rows. */
export function defineRowEpilogue(context: EmitContext, kernel: ContractionKernel, columns: number): number {
  return context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f) => {
    const epilogue = new Epilogue(f, context, kernel, { buffer: 0, row: 1, column: 2 });
    const vectors = columns / 4;
    const group = (count: number): void => {
      for (let v = 0; v < count; v++) epilogue.vector(16 * v, 0, 4 * v, 4);
      epilogue.advance(16 * count, 0, 4 * count);
    };
    f.loop(() => {
      if (vectors >= UNROLL) f.countedLoop(Math.floor(vectors / UNROLL), () => group(UNROLL));
      if (vectors % UNROLL > 0) group(vectors % UNROLL);
      epilogue.advance(0, 1, -columns);
      f.get(3).i32(1).op('i32.sub').tee(3).branchIf(0);
    });
  });
}

/** The expressions of a kernel at places relative to a row and a column of its result. */
class Epilogue {
  private readonly emitter: ExpressionEmitter;
  private readonly strides: ReadonlyMap<Access, readonly [number, number]>;
  private readonly pointers = new Map<Access, number>();
  private readonly targets: readonly number[];
  private readonly width: number;

  constructor(
    private readonly f: FunctionEmitter,
    context: EmitContext,
    private readonly kernel: ContractionKernel,
    private readonly at: { readonly buffer: number; readonly row: number; readonly column: number },
  ) {
    const layout = epilogueLayout(kernel);
    if (!layout) throw new Error('internal: epilogue without a layout');
    this.strides = layout.strides;
    this.width = kernel.root.shape[kernel.root.shape.length - 1];
    this.emitter = new ExpressionEmitter(f, context.math, kernel.expressions);
    for (const [access, strides] of layout.strides) {
      const size = bytesOf(access.buffer.dtype);
      this.pointers.set(access, this.pointer(context.address(access.buffer) + access.offset * size, size, strides));
    }
    this.targets = kernel.outputs.map((o) => this.pointer(context.address(o), bytesOf(o.dtype), [this.width, 1]));
  }

  private pointer(base: number, size: number, [rowStride, columnStride]: readonly [number, number]): number {
    const { f, at } = this;
    const local = f.local('i32');
    f.i32(base);
    if (rowStride !== 0)
      f.get(at.row)
        .i32(rowStride * size)
        .op('i32.mul', 'i32.add');
    if (columnStride !== 0)
      f.get(at.column)
        .i32(columnStride * size)
        .op('i32.mul', 'i32.add');
    f.set(local);
    return local;
  }

  /** Makes `lanes` neighbouring outputs, from the sums at a byte of the buffer. */
  vector(sums: number, row: number, column: number, lanes: number): void {
    const { f, kernel, emitter } = this;
    emitter.begin();
    const results = kernel.expressions.map((e, i) => {
      emitter.emit(
        e,
        {
          root: () => f.get(this.at.buffer).mem('v128.load', sums),
          index: () => {
            throw new Error('internal: index ramp behind a tile');
          },
          load: (access) => {
            const [rowStride, columnStride] = this.strides.get(access) ?? [0, 0];
            const { dtype } = access.buffer;
            const offset = (row * rowStride + column * columnStride) * bytesOf(dtype);
            f.get(this.pointers.get(access) ?? 0);
            if (columnStride === 1) emitLoad(f, dtype, offset);
            else emitLoadSplat(f, dtype, offset);
          },
        },
        kernel.outputs[i].dtype,
      );
      const result = f.local('v128');
      f.set(result);
      return result;
    });
    kernel.outputs.forEach((o, i) => {
      const offset = (row * this.width + column) * bytesOf(o.dtype);
      emitStore(f, o.dtype, this.targets[i], results[i], lanes, 1, offset);
    });
  }

  /** Moves on in the buffer, by rows and by columns. */
  advance(sums: number, rows: number, columns: number): void {
    const { f } = this;
    f.bump(this.at.buffer, sums);
    for (const [access, [rowStride, columnStride]] of this.strides)
      f.bump(
        this.pointers.get(access) ?? 0,
        (rows * rowStride + columns * columnStride) * bytesOf(access.buffer.dtype),
      );
    this.kernel.outputs.forEach((o, i) => f.bump(this.targets[i], (rows * this.width + columns) * bytesOf(o.dtype)));
  }
}
