/** Projective maps of the plane, one a sample: 3x3 matrices whose entries are numbers or [batch] nodes. */
import { add, div, mul, type Node, sub } from '../../tensor/index.js';

/** A number for all samples, or one for each, [batch]. */
export type Quantity = Node | number;

/** Row by row; (x, y, 1) is mapped to (x', y', w), which means the point (x' / w, y' / w). */
export type Matrix = readonly [
  Quantity, Quantity, Quantity,
  Quantity, Quantity, Quantity,
  Quantity, Quantity, Quantity,
]; // prettier-ignore

export const identity: Matrix = [1, 0, 0, 0, 1, 0, 0, 0, 1];

const bothNumbers = (a: Quantity, b: Quantity): a is number => typeof a === 'number' && typeof b === 'number';

/** Sums, differences, products and quotients that stay numbers where all are numbers. */
export const plus = (a: Quantity, b: Quantity): Quantity => (bothNumbers(a, b) ? a + (b as number) : add(a, b));
export const minus = (a: Quantity, b: Quantity): Quantity => (bothNumbers(a, b) ? a - (b as number) : sub(a, b));
export const over = (a: Quantity, b: Quantity): Quantity => (bothNumbers(a, b) ? a / (b as number) : div(a, b));
export function times(a: Quantity, b: Quantity): Quantity {
  if (a === 0 || b === 0) return 0;
  return bothNumbers(a, b) ? a * (b as number) : mul(a, b);
}

/** The map that applies `b` first and then `a`. */
export function product(a: Matrix, b: Matrix): Matrix {
  const entry = (row: number, column: number): Quantity =>
    [0, 1, 2].map((k) => times(a[3 * row + k], b[3 * k + column])).reduce(plus);
  return [
    entry(0, 0), entry(0, 1), entry(0, 2),
    entry(1, 0), entry(1, 1), entry(1, 2),
    entry(2, 0), entry(2, 1), entry(2, 2),
  ]; // prettier-ignore
}

/** Whether the map is affine, so that no division is needed. */
export const isAffine = (m: Matrix): boolean => m[6] === 0 && m[7] === 0 && m[8] === 1;

/**
 * The map of the square with corners (+-halfWidth, +-halfHeight) to a quadrilateral, whose corners are given in the order
 * top left, top right, bottom right, bottom left (Heckbert, "Fundamentals of texture mapping and image warping", 1989).
 */
export function squareToQuadrilateral(
  corners: readonly (readonly [Quantity, Quantity])[],
  halfWidth: number,
  halfHeight: number,
): Matrix {
  const [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = corners;
  const [dx1, dx2] = [minus(x1, x2), minus(x3, x2)];
  const [dy1, dy2] = [minus(y1, y2), minus(y3, y2)];
  const dx3 = plus(minus(x0, x1), minus(x2, x3));
  const dy3 = plus(minus(y0, y1), minus(y2, y3));
  const area = minus(times(dx1, dy2), times(dx2, dy1));
  const g = over(minus(times(dx3, dy2), times(dx2, dy3)), area);
  const h = over(minus(times(dx1, dy3), times(dx3, dy1)), area);
  const ofUnitSquare: Matrix = [
    plus(minus(x1, x0), times(g, x1)), plus(minus(x3, x0), times(h, x3)), x0,
    plus(minus(y1, y0), times(g, y1)), plus(minus(y3, y0), times(h, y3)), y0,
    g, h, 1,
  ]; // prettier-ignore
  const toUnitSquare: Matrix = [0.5 / halfWidth, 0, 0.5, 0, 0.5 / halfHeight, 0.5, 0, 0, 1];
  return product(ofUnitSquare, toUnitSquare);
}
