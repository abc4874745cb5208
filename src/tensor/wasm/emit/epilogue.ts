/** Element-wise epilogues of contractions, on sums buffered in memory: inside the tile they would take its registers. */
import { at, type FunctionEmitter, type I32Local } from '../assembler.js';
import { ExpressionEmitter } from './expression.js';
import type { EmitContext } from './kernel.js';
import { bytesOf, emitLoad, emitLoadSplat, emitStore } from './lanes.js';
import type { Access } from '../../compiler/expression.js';
import { type ContractionKernel, epilogueLayout } from '../../compiler/kernel.js';

/** Defines a function (buffer, row, column) that makes the kernel's outputs from a tile of `rows` x `vectors` sums, whose rows lie `outputStep` apart. */
export function defineTileEpilogue(
  context: EmitContext,
  kernel: ContractionKernel,
  { rows, vectors, columns, outputStep = 1 }: { rows: number; vectors: number; columns: number; outputStep?: number },
): number {
  return context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f, buffer, row, column) => {
    const epilogue = new Epilogue(f, context, kernel, { buffer, row, column });
    for (let r = 0; r < rows; r++)
      for (let v = 0; v < vectors; v++)
        epilogue.vector(16 * (r * vectors + v), r * outputStep, 4 * v, Math.min(4, columns - 4 * v));
  });
}

/** Vectors of a row that are computed in one pass of the loop. */
const UNROLL = 4;

/** Defines a function (buffer, row, column, count) that makes `columns` outputs (whole vectors) in each of `count` rows. */
export function defineRowEpilogue(context: EmitContext, kernel: ContractionKernel, columns: number): number {
  return context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f, buffer, row, column, count) => {
    const epilogue = new Epilogue(f, context, kernel, { buffer, row, column });
    const vectors = columns / 4;
    const group = (size: number): void => {
      for (let v = 0; v < size; v++) epilogue.vector(16 * v, 0, 4 * v, 4);
      epilogue.advance(16 * size, 0, 4 * size);
    };
    f.countDown(count, () => {
      if (vectors >= UNROLL) f.repeat(Math.floor(vectors / UNROLL), () => group(UNROLL));
      if (vectors % UNROLL > 0) group(vectors % UNROLL);
      epilogue.advance(0, 1, -columns);
    });
  });
}

/** A tensor that an epilogue reads or writes: the address of its element at the current row and column, and the elements to the next. */
interface EpilogueOperand {
  readonly pointer: I32Local;
  readonly size: number;
  readonly strides: readonly [row: number, column: number];
}

const offsetOf = ({ size, strides }: EpilogueOperand, row: number, column: number): number =>
  (row * strides[0] + column * strides[1]) * size;

/** The expressions of a kernel at places relative to a row and a column of its result. */
class Epilogue {
  private readonly emitter: ExpressionEmitter;
  private readonly operands: ReadonlyMap<Access, EpilogueOperand>;
  private readonly targets: readonly EpilogueOperand[];

  constructor(
    private readonly f: FunctionEmitter,
    context: EmitContext,
    private readonly kernel: ContractionKernel,
    private readonly at: { readonly buffer: I32Local; readonly row: I32Local; readonly column: I32Local },
  ) {
    const layout = epilogueLayout(kernel);
    if (!layout) throw new Error('internal: epilogue without a layout');
    const width = kernel.root.shape[kernel.root.shape.length - 1];
    this.emitter = new ExpressionEmitter(f, context.math, kernel.expressions);
    this.operands = new Map(
      [...layout.strides].map(([access, strides]) => {
        const size = bytesOf(access.buffer.dtype);
        return [access, this.operand(context.address(access.buffer) + access.offset * size, size, strides)];
      }),
    );
    this.targets = kernel.outputs.map((o) => this.operand(context.address(o), bytesOf(o.dtype), [width, 1]));
  }

  private operand(base: number, size: number, strides: readonly [number, number]): EpilogueOperand {
    const { row, column } = this.at;
    const pointer = this.f.let(at(base, [row, strides[0] * size], [column, strides[1] * size]));
    return { pointer, size, strides };
  }

  private operandOf(access: Access): EpilogueOperand {
    const operand = this.operands.get(access);
    if (operand === undefined) throw new Error('internal: an epilogue reads what its layout lacks');
    return operand;
  }

  /** Makes `lanes` neighbouring outputs, from the sums at a byte of the buffer. */
  vector(sums: number, row: number, column: number, lanes: number): void {
    const { f, kernel, emitter } = this;
    const point = {
      root: () => f.load('v128.load', this.at.buffer, sums),
      index: () => {
        throw new Error('internal: index ramp in an epilogue');
      },
      load: (access: Access) => {
        const operand = this.operandOf(access);
        const load = operand.strides[1] === 1 ? emitLoad : emitLoadSplat;
        load(f, access.buffer.dtype, operand.pointer, offsetOf(operand, row, column));
      },
    };
    const results = emitter.emitAll(kernel, point);
    kernel.outputs.forEach((o, i) => {
      const offset = offsetOf(this.targets[i], row, column);
      emitStore(f, o.dtype, this.targets[i].pointer, results[i], { lanes, offset });
    });
  }

  /** Moves on in the buffer, by rows and by columns. */
  advance(sums: number, rows: number, columns: number): void {
    this.f.bump(this.at.buffer, sums);
    for (const operand of [...this.operands.values(), ...this.targets])
      this.f.bump(operand.pointer, offsetOf(operand, rows, columns));
  }
}
