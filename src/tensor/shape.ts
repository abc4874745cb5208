/** Shapes are plain readonly arrays of sizes, row-major. Everything here is pure arithmetic on them. */

export type Shape = readonly number[];

export const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** NumPy's broadcasting of several shapes, or undefined where they do not fit. */
export function broadcastShapes(...shapes: Shape[]): number[] | undefined {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const d = rank - shape.length + i;
      if (shape[i] === out[d] || shape[i] === 1) continue;
      if (out[d] !== 1) return undefined;
      out[d] = shape[i];
    }
  }
  return out;
}

/** The sorted, non-negative form of `axes`; all axes when undefined. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number): number[] {
  const list =
    axes === undefined ? Array.from({ length: rank }, (_, i) => i) : typeof axes === 'number' ? [axes] : axes;
  return [...new Set(list.map((a) => (a < 0 ? a + rank : a)))].sort((a, b) => a - b);
}

/** Calls `visit` with every multi-index of `shape` in row-major order; the array is reused between calls. */
export function forEachIndex(shape: Shape, visit: (index: readonly number[], linear: number) => void): void {
  const total = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  for (let linear = 0; linear < total; linear++) {
    visit(index, linear);
    for (let d = shape.length - 1; d >= 0; d--) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}
