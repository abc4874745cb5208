import { describe, expect, it } from 'vitest';
import { accumulate, addNoise, chain, clip, everyNth, type GradientTransformation } from '../../src/nn/gradient-transformations.js'; // prettier-ignore
import { RandomSource } from '../../src/nn/random-source.js';
import { constant, evaluate, type Node } from '../../src/tensor/index.js';

const parameters = [
  { name: 'w', node: constant([0, 0], [2]), outputAxis: 0 },
  { name: 'b', node: constant(0), outputAxis: 0 },
];
const shapes = { w: [2], b: [] };

/** What a transformation makes of the gradients of one step after another, its state going along. */
function run(transformation: GradientTransformation, steps: readonly { readonly w: number[]; readonly b: number }[]) {
  let state: Record<string, Node> = Object.fromEntries(
    Object.entries(transformation.init(shapes)).map(([name, { shape, initial }]) => [
      name,
      constant(Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => initial), shape), // prettier-ignore
    ]),
  );
  return steps.map(({ w, b }, i) => {
    const gradients = { w: constant(w, [2]), b: constant(b) };
    const result = transformation.update({ gradients, step: constant(i + 1) }, state);
    state = { ...result.state };
    const { gradients: out, step, isDue } = result.flow;
    const value = (node: Node): number[] => Array.from(evaluate([node], () => Uint32Array.of(1, 2))[0]);
    if (isDue !== undefined && value(isDue)[0] === 0) return undefined;
    return { w: value(out.w), b: value(out.b)[0], step: value(step)[0] };
  });
}

const rising = [1, 2, 3, 4, 5, 6, 7].map((i) => ({ w: [i, 10 * i], b: -i }));

describe('accumulate', () => {
  it('hands on the mean of a group, and counts the groups', () => {
    expect(run(accumulate(3, constant(0)), rising)).toEqual([
      undefined,
      undefined,
      { w: [2, 20], b: -2, step: 1 },
      undefined,
      undefined,
      { w: [5, 50], b: -5, step: 2 },
      undefined,
    ]);
  });

  it('hands on what is there when it is told that no more comes, averaged over that', () => {
    expect(run(accumulate(3, constant(1)), rising.slice(0, 2))).toEqual([
      { w: [1, 10], b: -1, step: 1 },
      { w: [2, 20], b: -2, step: 2 },
    ]);
  });

  it('keeps its sums by the names of the gradients', () => {
    expect(Object.keys(accumulate(2, constant(0)).init(shapes))).toEqual([
      'gradient_sum.w',
      'gradient_sum.b',
      'collected',
      'updates',
    ]);
  });
});

describe('everyNth', () => {
  it('lets the gradients of every n-th step through, numbered by themselves', () => {
    const due = run(everyNth(2), rising);
    expect(due.map((flow) => flow?.step)).toEqual([undefined, 1, undefined, 2, undefined, 3, undefined]);
    expect(due[3]).toEqual({ w: [4, 40], b: -4, step: 2 });
  });
});

describe('a chain', () => {
  it('hands gradients from part to part: groups of two, of which every second one counts, clipped as a whole', () => {
    const limits = clip({ norm: 1 }, parameters);
    const [, , , fourth] = run(chain(accumulate(2, constant(0)), everyNth(2), limits), rising);
    const norm = Math.hypot(3.5, 35, 3.5) + 1e-6;
    expect(fourth?.step).toBe(1);
    expect(fourth?.w[1]).toBeCloseTo(35 / norm, 12);
    expect(fourth?.b).toBeCloseTo(-3.5 / norm, 12);
  });

  it('keeps the state of a part while one before it holds the gradients back', () => {
    // Of steps 2, 4 and 6, groups of two: the first ends with step 4.
    expect(run(chain(everyNth(2), accumulate(2, constant(0))), rising).map((flow) => flow?.w[0])).toEqual([
      undefined,
      undefined,
      undefined,
      3,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('of nothing changes nothing', () => {
    expect(run(chain(), rising.slice(0, 1))).toEqual([{ w: [1, 10], b: -1, step: 1 }]);
  });
});

it('noise has its size from the number of the update', () => {
  const random = new RandomSource();
  const noise = (eta: number) => run(addNoise({ eta, gamma: 2 }, parameters, random), rising.slice(0, 2));
  const [first, second] = noise(1);
  const [silent] = noise(0);
  expect(silent?.w).toEqual([1, 10]);
  // The same draws in both steps; the standard deviation falls with 1 / t.
  expect((second?.b ?? 0) + 2).toBeCloseTo(((first?.b ?? 0) + 1) / 2, 12);
  expect(first?.b).not.toBe(-1);
});
