import { describe, expect, it } from 'vitest';
import { constant, type Node } from '../../../src/tensor/index.js';
import {
  adjustBrightness, adjustContrast, adjustGamma, adjustHue, adjustSaturation,
} from '../../../src/nn/augmentations/colour.js'; // prettier-ignore
import { smoothField } from '../../../src/nn/augmentations/elastic.js';
import { moved, rotation, scaled } from '../../../src/nn/augmentations/geometric.js';
import { type Matrix, product, squareToQuadrilateral } from '../../../src/nn/augmentations/matrix.js';
import { symmetricBeta } from '../../../src/nn/augmentations/mixing.js';
import { gaussianBlur } from '../../../src/nn/augmentations/pixels.js';
import { type Fill, interpolate, type Positions, sourcesOf } from '../../../src/nn/augmentations/resample.js';
import { difference, golden } from '../helpers/golden.js';
import { valuesOf } from '../helpers/network.js';

interface Case<V> {
  readonly value: V;
  readonly output: readonly number[];
}
interface Golden {
  readonly geometry: readonly (Case<number | number[] | [number, number][]> & { map: string; mode: Fill['mode'] })[];
  readonly elastic: readonly number[];
  readonly blur: readonly { sigma: number; largest: number; output: readonly number[] }[];
  readonly colour: { readonly pixels: readonly number[] } & Readonly<Record<string, Case<number>>>;
  readonly beta: readonly { alpha: number; levels: readonly number[]; quantiles: readonly number[] }[];
}

/** From scipy and colorsys, by make-augmentations.py. */
const expected = golden<Golden>('augmentations');
const size = { height: 7, width: 9 };
const wave = (count: number): number[] => Array.from({ length: count }, (_, i) => (Math.sin(0.37 * i + 0.11) + 1) / 2);

/** The test image, resampled. */
function resampled(matrix: Matrix, mode: Fill['mode'], displacement?: Positions): number[] {
  const pixels = { rows: constant(wave(63), [63, 1]), first: constant([0], [1], 'i32') };
  const sources = sourcesOf(matrix, 1, size, displacement);
  return valuesOf(interpolate(pixels, sources, size, { mode, value: 0.25 }))[0];
}

describe('one resampling of images', () => {
  const matrices: Record<string, (value: never) => Matrix> = {
    rotate: (degrees: number) => rotation((degrees * Math.PI) / 180),
    translate: ([x, y]: [number, number]) => moved(x, y),
    scale: ([x, y]: [number, number]) => scaled(x, y),
    perspective: (corners: [number, number][]) => squareToQuadrilateral(corners, 4.5, 3.5),
    composed: ([degrees, x, y]: [number, number, number]) => product(rotation((degrees * Math.PI) / 180), moved(x, y)),
  };
  for (const { map, value, mode, output } of expected.geometry) {
    it(`${map}, ${mode} outside, as scipy.ndimage`, () => {
      const plane = (values: number[]): Node => constant(values, [1, 7, 9]);
      const field = { x: plane(wave(63).map((v) => 2 * v - 1)), y: plane(wave(63).map((v) => 1 - v)) };
      const actual = resampled(matrices[map](value as never), mode, map === 'composed' ? field : undefined);
      expect(difference(actual, output)).toBeLessThan(1e-8);
    });
  }
});

describe('elastic deformation', () => {
  it('smooths its noise as scipy.ndimage.gaussian_filter', () => {
    const noise = constant(wave(126).map((v) => 2 * v - 1), [2, 7, 9]); // prettier-ignore
    expect(difference(valuesOf([smoothField(noise, 1.5, 3)])[0], expected.elastic)).toBeLessThan(1e-8);
  });
});

describe('blur', () => {
  for (const { sigma, largest, output } of expected.blur) {
    it(`of ${sigma} pixels, as scipy.ndimage.gaussian_filter`, () => {
      const plane = constant(wave(63), [1, 7, 9]);
      expect(difference(valuesOf(gaussianBlur([plane], sigma, largest))[0], output)).toBeLessThan(1e-8);
    });
  }
});

describe('colours', () => {
  const planes = [0, 1, 2].map((c) => constant(expected.colour.pixels.filter((_, i) => i % 3 === c), [1, 5, 5])); // prettier-ignore
  const changes = {
    brightness: adjustBrightness,
    contrast: adjustContrast,
    gamma: adjustGamma,
    saturation: adjustSaturation,
    hue: adjustHue,
    'hue back': adjustHue,
  };
  for (const [name, change] of Object.entries(changes)) {
    it(`${name}, as ${name.startsWith('hue') ? 'colorsys' : 'numpy'}`, () => {
      const { value, output } = expected.colour[name];
      const [red, green, blue] = valuesOf(change(planes, value));
      const actual = red.flatMap((_, i) => [red[i], green[i], blue[i]]);
      expect(difference(actual, output)).toBeLessThan(1e-8);
    });
  }
});

describe('shares of mixup', () => {
  for (const { alpha, levels, quantiles } of expected.beta) {
    it(`have the quantiles of Beta(${alpha}, ${alpha})`, () => {
      // A grid of mid-points in both uniform numbers.
      const side = 300;
      const middle = (i: number): number => (i + 0.5) / side;
      const grid = Array.from({ length: side * side }, (_, i) => [middle(Math.floor(i / side)), middle(i % side)]);
      const uniform = (axis: 0 | 1): Node => constant(grid.map((point) => point[axis]), [side * side]); // prettier-ignore
      const [drawn] = valuesOf([symmetricBeta(uniform(0), uniform(1), alpha)]);
      drawn.sort((a, b) => a - b);
      levels.forEach((level, i) => {
        expect(Math.abs(drawn[Math.floor(level * drawn.length)] - quantiles[i])).toBeLessThan(0.006);
      });
    });
  }
});

describe('gamma', () => {
  it('keeps black black, however small the exponent', () => {
    const [values] = valuesOf(adjustGamma([constant([0, 0.25, 1], [1, 1, 3])], 0.01));
    expect(values[0]).toBe(0);
    expect(values[1]).toBeCloseTo(0.25 ** 0.01, 6);
    expect(values[2]).toBe(1);
  });
});
