import { describe, expect, it } from 'vitest';
import { bandsOf, evenBands, inputRows } from '../../../../src/tensor/wasm/emit/bands.js';
import { tileRuns } from '../../../../src/tensor/wasm/emit/conv-weight.js';
import { productsByColumn } from '../../../../src/tensor/wasm/emit/depthwise.js';
import { evenTiles, panelWidths } from '../../../../src/tensor/wasm/emit/tile.js';

describe('evenTiles', () => {
  it('cuts rows into tiles of nearly equal height, the taller ones first', () => {
    expect(evenTiles(13, 6)).toEqual([
      { height: 5, count: 1 },
      { height: 4, count: 2 },
    ]);
  });

  it('leaves no empty kind of tile', () => {
    expect(evenTiles(12, 6)).toEqual([{ height: 6, count: 2 }]);
  });
});

describe('panelWidths', () => {
  it('gives full panels, then what is left', () => {
    expect(panelWidths(40, 16)).toEqual([16, 16, 8]);
    expect(panelWidths(5, 16)).toEqual([5]);
  });
});

describe('bands', () => {
  it('cut the images of a small batch, so that there are units for all threads', () => {
    expect(evenBands(2, 28)).toEqual({ height: 28, rows: 7, count: 4 });
    expect(evenBands(64, 28)).toEqual({ height: 28, rows: 28, count: 1 });
  });

  it('are never lower than a row', () => {
    expect(evenBands(1, 3)).toEqual({ height: 3, rows: 1, count: 3 });
  });

  it('may end with a lower one', () => {
    expect(bandsOf(10, 4).count).toBe(3);
  });

  it('read the rows that their windows cover', () => {
    expect(inputRows(4, 2, 3, 3)).toBe(3 * 2 + 3 * 2 + 1);
  });
});

describe('tileRuns', () => {
  it('joins tiles of one pattern that lie a constant step apart', () => {
    expect(tileRuns([0, 4, 100, 104, 200, 204], 2)).toEqual([
      { start: 0, first: 0, pattern: [0, 4], step: 100, count: 3 },
    ]);
  });

  it('begins another run where the pattern or the step changes', () => {
    const runs = tileRuns([0, 4, 100, 104, 300, 304, 400, 408], 2);
    expect(runs.map(({ start, count }) => [start, count])).toEqual([
      [0, 2],
      [4, 1],
      [6, 1],
    ]);
  });
});

describe('productsByColumn', () => {
  it('lists each column of the input once, with all products that it takes part in', () => {
    expect(productsByColumn(2, 2, (pixel, column) => pixel + column)).toEqual([
      [0, [{ pixel: 0, column: 0 }]],
      [1, [{ pixel: 0, column: 1 }, { pixel: 1, column: 0 }]],
      [2, [{ pixel: 1, column: 1 }]],
    ]); // prettier-ignore
  });
});
