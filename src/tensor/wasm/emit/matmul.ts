/** Matrix products. A unit of work is a block of columns (and rows, where there are few columns) of one matrix of the batch. */
import { sizeOf } from '../../shape.js';
import type { FunctionEmitter } from '../assembler.js';
import { eachUnit, type EmitContext, type EmittedKernel } from './loop.js';
import { emitPackPanel } from './pack.js';
import { defineTile, evenTiles, TILE_BUFFER, tileVectors } from './tile.js';
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

export function emitMatmul(context: EmitContext, kernel: MatmulKernel): EmittedKernel {
  const { root, operands } = kernel;
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

  const rows = Math.min(m, tileSize(context.features).rows);
  const width = 4 * Math.min(Math.ceil(n / 4), tileVectors(context, rows));
  const batch = sizeOf(batchDims);
  // Small products: narrower blocks, and rows cut too where there are many, so that there is work for every thread.
  const mostRowBlocks = Math.max(1, Math.floor(m / BLOCK_ROWS));
  const evenColumns = Math.ceil((n * batch * mostRowBlocks) / UNITS / width) * width;
  const columns = Math.min(n, Math.max(width, Math.min(Math.floor(BLOCK_COLUMNS / width) * width, evenColumns)));
  const columnBlocks = Math.ceil(n / columns);
  const rowBlocks = Math.min(mostRowBlocks, Math.ceil(UNITS / (columnBlocks * batch)));
  const blockRows = Math.ceil(m / rowBlocks / rows) * rows;
  const usedRowBlocks = Math.ceil(m / blockRows);
  const lastRows = m - (usedRowBlocks - 1) * blockRows;
  // Packing pays only where several row tiles read it; a transposed operand always needs it.
  const packs = b.column !== 4 || m > 2 * rows;
  const panelBytes = k * width * 4;
  const blockBytes = packs ? k * Math.ceil(columns / width) * width * 4 : 0;
  // A transposed left operand steps far with each element of the sum, which the first-level cache maps to few places: its tiles
  // are packed too, once for all panels.
  const packsRows = !context.features.wide && a.row === 4 && a.column >= 1024 && columns > width;
  const rowPitch = (height: number): number => 16 * Math.ceil(height / 4);

  const tiles = new Map<string, number>();
  /** (a, b, row, column, buffer): one tile of `height` rows and `count` columns. */
  const tile = (height: number, count: number): number => {
    const key = `${height}x${count}`;
    const known = tiles.get(key);
    if (known !== undefined) return known;
    const vectors = Math.ceil(count / 4);
    const shape = {
      rows: Array.from({ length: height }, (_, r) => r * a.row),
      vectors,
      loops: [{ count: k, aStep: packsRows ? rowPitch(height) : a.column, bStep: packs ? 16 * vectors : b.row }],
    };
    const index = defineTile(context, kernel, shape, count);
    tiles.set(key, index);
    return index;
  };
  const lastColumns = n - (columnBlocks - 1) * columns;
  // Tiles are functions of their own, made before the kernel that calls them.
  for (const count of new Set([...panelWidths(columns, width), ...panelWidths(lastColumns, width)])) {
    for (const block of new Set([blockRows, lastRows]))
      for (const { height } of evenTiles(block, rows)) tile(height, count);
  }

  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [rest, aBase, bBase, firstRow, firstColumn, dim] = Array.from({ length: 6 }, () => f.local('i32'));
    eachUnit(f, (unit) => {
      const take = (count: number, into: number): void => {
        f.get(rest).i32(count).op('i32.rem_u').set(into).get(rest).i32(count).op('i32.div_u').set(rest);
      };
      f.get(unit).set(rest);
      take(columnBlocks, firstColumn);
      f.get(firstColumn).i32(columns).op('i32.mul').set(firstColumn);
      take(usedRowBlocks, firstRow);
      f.get(firstRow).i32(blockRows).op('i32.mul').set(firstRow);
      const batchRow = f.local('i32');
      f.get(rest).i32(m).op('i32.mul').set(batchRow);
      f.i32(a.base).set(aBase).i32(b.base).set(bBase);
      for (let d = batchDims.length - 1; d >= 0; d--) {
        take(batchDims[d], dim);
        f.get(aBase).get(dim).i32(a.batch[d]).op('i32.mul', 'i32.add').set(aBase);
        f.get(bBase).get(dim).i32(b.batch[d]).op('i32.mul', 'i32.add').set(bBase);
      }
      f.get(aBase).get(firstRow).i32(a.row).op('i32.mul', 'i32.add').set(aBase);
      f.get(bBase).get(firstColumn).i32(b.column).op('i32.mul', 'i32.add').set(bBase);
      // Blocks at the lower and right edge may be smaller.
      const either = (
        first: number,
        full: number,
        last: number,
        count: number,
        body: (extent: number) => void,
      ): void => {
        if (last === full || count === 1) body(last);
        else f.get(first).i32((count - 1) * full).op('i32.lt_s').if(() => body(full), () => body(last)); // prettier-ignore
      };
      const locals = { a: aBase, b: bBase, batchRow, firstRow, firstColumn };
      either(firstColumn, columns, lastColumns, columnBlocks, (blockColumns) => {
        either(firstRow, blockRows, lastRows, usedRowBlocks, (rowCount) =>
          emitBlock(f, locals, rowCount, blockColumns),
        );
      });
    });
  });

  interface BlockLocals {
    a: number;
    b: number;
    batchRow: number;
    firstRow: number;
    firstColumn: number;
  }
  function emitBlock(f: FunctionEmitter, at: BlockLocals, rowCount: number, blockColumns: number): void {
    const panels = panelWidths(blockColumns, width);
    if (packs) {
      const source = f.local('i32');
      const target = f.local('i32');
      f.get(2).i32(TILE_BUFFER).op('i32.add').set(target);
      panels.forEach((count, p) => {
        f.get(at.b)
          .i32(p * width * b.column)
          .op('i32.add')
          .set(source);
        emitPackPanel(f, { sums: [{ count: k, stride: b.row }], columnStride: b.column }, source, target, count);
      });
    }
    const row = f.local('i32');
    const left = f.local('i32');
    const rowTiles = (body: (height: number) => void): void => {
      f.i32(0).set(row).get(at.a).set(left);
      for (const { height, count } of evenTiles(rowCount, rows))
        f.countedLoop(count, () => {
          body(height);
          f.bump(row, height).bump(left, height * a.row);
        });
    };
    const call = (height: number, p: number): void => {
      if (packsRows)
        f.get(2)
          .i32(TILE_BUFFER + blockBytes)
          .op('i32.add');
      else f.get(left);
      if (packs)
        f.get(2)
          .i32(TILE_BUFFER + p * panelBytes)
          .op('i32.add');
      else
        f.get(at.b)
          .i32(p * width * 4)
          .op('i32.add');
      f.get(row).get(at.firstRow).op('i32.add').get(at.batchRow).op('i32.add');
      f.get(at.firstColumn)
        .i32(p * width)
        .op('i32.add');
      f.get(2).call(tile(height, panels[p]));
    };
    const across = (height: number): void => {
      if (packsRows) {
        const source = f.local('i32');
        const target = f.local('i32');
        f.get(left).set(source);
        f.get(2)
          .i32(TILE_BUFFER + blockBytes)
          .op('i32.add')
          .set(target);
        emitPackPanel(f, { sums: [{ count: k, stride: a.column }], columnStride: 4 }, source, target, height);
      }
      panels.forEach((_, p) => call(height, p));
    };
    if (packsRows || k * blockColumns * 4 <= SMALL_BLOCK) rowTiles(across);
    else panels.forEach((_, p) => rowTiles((height) => call(height, p)));
  }

  const flops = 2 * k * blockRows * columns;
  return {
    function: index,
    units: batch * usedRowBlocks * columnBlocks,
    unitCost: flops / 16 + (packs ? (k * columns) / 2 : 0),
    scratch: TILE_BUFFER + blockBytes + (packsRows ? k * rowPitch(rows) : 0),
  };
}

/** Widths of the panels of a block: full ones, then what is left in whole vectors. */
function panelWidths(columns: number, width: number): number[] {
  const widths: number[] = [];
  for (let left = columns; left > 0; left -= width) widths.push(Math.min(left, width));
  return widths;
}
