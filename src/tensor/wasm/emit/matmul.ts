/** Matrix products. A unit of work is a block of columns (and rows, where there are few columns) of one matrix of the batch. */
import { sizeOf } from '../../shape.js';
import { at, type FunctionEmitter, type I32, type I32Local } from '../assembler.js';
import { defineKernel, type EmitContext, type EmittedKernel, Memo } from './kernel.js';
import { emitPackPanel } from './pack.js';
import { defineTile, evenTiles, panelWidths, TILE_BUFFER, tileVectors } from './tile.js';
import { tileSize } from '../features.js';
import type { MatmulKernel } from '../../compiler/kernel.js';

/** Columns of a block: its packed panels should stay in the second-level cache. */
const BLOCK_COLUMNS = 64;
/** The fewest rows of a block, all of whose row tiles share the packed panels. */
const BLOCK_ROWS = 64;
/** Units that a product is cut into at least, where it is large enough. */
const UNITS = 8;
/** Packed blocks of at most this many bytes stay in the first-level cache while all rows pass by. */
const SMALL_BLOCK = 64 * 1024;

/** A matrix product's sizes, and how it is cut into blocks, panels and tiles. Strides are in bytes. */
function planMatmul(context: EmitContext, { root, operands }: MatmulKernel) {
  const rank = root.shape.length;
  const [m, n] = root.shape.slice(-2);
  const k = root.inputs[0].shape[rank - 1];
  const batchDims = root.shape.slice(0, -2);
  const [a, b] = operands.map(({ buffer, offset, strides }) => ({
    base: context.address(buffer) + 4 * offset,
    batch: strides.slice(0, -2).map((s) => 4 * s),
    row: 4 * strides[rank - 2],
    column: 4 * strides[rank - 1],
  }));

  const tileRows = Math.min(m, tileSize(context.features).rows);
  const panel = 4 * Math.min(Math.ceil(n / 4), tileVectors(context, tileRows));
  const batch = sizeOf(batchDims);
  // Small products: narrower blocks, and rows cut too where there are many, so that there is work for every thread.
  const mostRowBlocks = Math.max(1, Math.floor(m / BLOCK_ROWS));
  const evenColumns = Math.ceil((n * batch * mostRowBlocks) / UNITS / panel) * panel;
  const columns = Math.min(n, Math.max(panel, Math.min(Math.floor(BLOCK_COLUMNS / panel) * panel, evenColumns)));
  const columnBlocks = Math.ceil(n / columns);
  const rows = Math.ceil(m / Math.min(mostRowBlocks, Math.ceil(UNITS / (columnBlocks * batch))) / tileRows) * tileRows;
  const rowBlocks = Math.ceil(m / rows);
  // Packing pays only where several row tiles read it; a transposed operand always needs it.
  const packsColumns = b.column !== 4 || m > 2 * tileRows;
  // A transposed left operand steps far with each element of the sum, which the first-level cache maps to few places: its tiles
  // are packed too, once for all panels.
  const packsRows = !context.features.wide && a.row === 4 && a.column >= 1024 && columns > panel;
  return {
    m, n, k, batchDims, a, b, tileRows, panel, packsColumns, packsRows,
    /** Rows and columns of a block and of the last one, and how many there are. */
    down: { size: rows, last: m - (rowBlocks - 1) * rows, count: rowBlocks },
    across: { size: columns, last: n - (columnBlocks - 1) * columns, count: columnBlocks },
    units: batch * rowBlocks * columnBlocks,
    panelBytes: k * panel * 4,
    /** Where in scratch memory the packed rows of a tile are. */
    rowsAt: TILE_BUFFER + (packsColumns ? k * Math.ceil(columns / panel) * panel * 4 : 0),
    /** Bytes of an element of the sum in a tile's packed rows. */
    rowPitch: (height: number): number => 16 * Math.ceil(height / 4),
  }; // prettier-ignore
}

type MatmulPlan = ReturnType<typeof planMatmul>;

export function emitMatmul(context: EmitContext, kernel: MatmulKernel): EmittedKernel {
  const plan = planMatmul(context, kernel);
  const { k, a, b, down, across, panel, tileRows, packsColumns, packsRows, rowsAt, rowPitch } = plan;
  const tiles = new Memo<string>();
  /** (a, b, row, column, buffer): one tile of `height` rows and `columns` columns. */
  const tile = (height: number, columns: number): number =>
    tiles.get(`${height}x${columns}`, () => {
      const vectors = Math.ceil(columns / 4);
      const aStep = packsRows ? rowPitch(height) : a.column;
      const rows = Array.from({ length: height }, (_, r) => r * a.row);
      const loops = [{ count: k, aStep, bStep: packsColumns ? 16 * vectors : b.row }];
      return defineTile(context, kernel, { rows, vectors, columns, loops });
    });
  // Tiles are separate functions, made before the kernel that calls them.
  for (const width of new Set([...panelWidths(across.size, panel), ...panelWidths(across.last, panel)]))
    for (const block of new Set([down.size, down.last]))
      for (const { height } of evenTiles(block, tileRows)) tile(height, width);

  const index = defineKernel(context.module, (f, unit, scratch) => {
    const block = emitBlockPlace(f, plan, unit);
    eitherSize(f, block.column, across, (columns) =>
      eitherSize(f, block.row, down, (rows) => new BlockEmitter(f, plan, tile, block, scratch).emit(rows, columns)),
    );
  });
  return {
    function: index,
    units: plan.units,
    unitCost: (2 * k * down.size * across.size) / 16 + (packsColumns ? (k * across.size) / 2 : 0),
    scratch: rowsAt + (packsRows ? k * rowPitch(tileRows) : 0),
  };
}

/** Blocks at the lower and right edge may be smaller. */
function eitherSize(
  f: FunctionEmitter,
  first: I32,
  { size, last, count }: MatmulPlan['down'],
  body: (size: number) => void,
): void {
  if (last === size || count === 1) body(last);
  else f.when(first.isLess((count - 1) * size), () => body(size), () => body(last)); // prettier-ignore
}

/** Where a block lies: addresses in A and B, its first row and column, and the first row of its matrix among all of the batch. */
interface BlockPlace {
  readonly a: I32Local;
  readonly b: I32Local;
  readonly row: I32Local;
  readonly column: I32Local;
  readonly batchRow: I32Local;
}

function emitBlockPlace(f: FunctionEmitter, plan: MatmulPlan, unit: I32Local): BlockPlace {
  const { a, b, across, down, batchDims } = plan;
  const [rest, row, column, batchRow, index] = f.i32Locals(5);
  const take = (count: number, into: I32Local): void => {
    f.assign(into, rest.modulo(count)).assign(rest, rest.over(count));
  };
  f.assign(rest, unit);
  take(across.count, column);
  f.assign(column, column.times(across.size));
  take(down.count, row);
  f.assign(row, row.times(down.size));
  f.assign(batchRow, rest.times(plan.m));
  const [left, right] = [f.let(a.base), f.let(b.base)];
  for (let d = batchDims.length - 1; d >= 0; d--) {
    take(batchDims[d], index);
    f.assign(left, left.plus(index.times(a.batch[d]))).assign(right, right.plus(index.times(b.batch[d])));
  }
  f.assign(left, at(left, [row, a.row])).assign(right, at(right, [column, b.column]));
  return { a: left, b: right, row, column, batchRow };
}

class BlockEmitter {
  /** The tile's first row in the block, and its address in A. */
  private readonly row: I32Local;
  private readonly left: I32Local;

  constructor(
    private readonly f: FunctionEmitter,
    private readonly plan: MatmulPlan,
    private readonly tile: (height: number, columns: number) => number,
    private readonly block: BlockPlace,
    private readonly scratch: I32,
  ) {
    [this.row, this.left] = f.i32Locals(2);
  }

  emit(rows: number, columns: number): void {
    const { packsColumns, packsRows, k, panel } = this.plan;
    const panels = panelWidths(columns, panel);
    if (packsColumns) this.packColumns(panels);
    const allPanels = (height: number): void => {
      if (packsRows) this.packRows(height);
      panels.forEach((_, p) => this.callTile(height, panels, p));
    };
    if (packsRows || k * columns * 4 <= SMALL_BLOCK) this.eachRowTile(rows, allPanels);
    else panels.forEach((_, p) => this.eachRowTile(rows, (height) => this.callTile(height, panels, p)));
  }

  private packColumns(panels: readonly number[]): void {
    const { f, block } = this;
    const { k, b, panel } = this.plan;
    const [source, target] = f.i32Locals(2);
    f.assign(target, this.scratch.plus(TILE_BUFFER));
    panels.forEach((width, p) => {
      f.assign(source, block.b.plus(p * panel * b.column));
      emitPackPanel(f, { sums: [{ count: k, stride: b.row }], columnStride: b.column }, source, target, width);
    });
  }

  private packRows(height: number): void {
    const { f, plan } = this;
    const source = f.let(this.left);
    const target = f.let(this.scratch.plus(plan.rowsAt));
    emitPackPanel(f, { sums: [{ count: plan.k, stride: plan.a.column }], columnStride: 4 }, source, target, height);
  }

  private eachRowTile(rows: number, body: (height: number) => void): void {
    const { f, row, left, plan } = this;
    f.assign(row, 0).assign(left, this.block.a);
    for (const { height, count } of evenTiles(rows, plan.tileRows))
      f.repeat(count, () => {
        body(height);
        f.bump(row, height).bump(left, height * plan.a.row);
      });
  }

  private callTile(height: number, panels: readonly number[], p: number): void {
    const { f, plan, block, scratch } = this;
    const { panel, panelBytes, packsRows, packsColumns, rowsAt } = plan;
    f.call(
      this.tile(height, panels[p]),
      packsRows ? scratch.plus(rowsAt) : this.left,
      packsColumns ? scratch.plus(TILE_BUFFER + p * panelBytes) : block.b.plus(p * panel * 4),
      this.row.plus(block.row).plus(block.batchRow),
      block.column.plus(p * panel),
      scratch,
    );
  }
}
