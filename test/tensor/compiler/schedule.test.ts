import { describe, expect, it } from 'vitest';
import { add, exp, input, matmul, type Node, reduceMax, sub, transpose } from '../../../src/tensor/index.js';
import { scheduleProgram } from '../../../src/tensor/compiler/schedule.js';
import { alignedBytes } from '../../../src/tensor/compiler/memory-plan.js';
import { adamStep } from '../helpers/adam-step.js';
import { plainBackend } from '../helpers/plain-backend.js';
import { showKernel } from '../helpers/show-kernel.js';

type Updates = readonly (readonly [Node, Node])[];

const scheduled = (outputs: readonly Node[], updates: Updates = [], backend = plainBackend) =>
  scheduleProgram({ outputs, updates }, backend);

/** Kernels by the level of their last stage. */
function levelsOf({ kernels, stages, levels }: ReturnType<typeof scheduled>): string[][] {
  return Array.from({ length: levels }, (_, level) =>
    kernels.filter((k) => stages.get(k)?.at(-1)?.level === level).map(showKernel).sort(),
  ); // prettier-ignore
}

describe('levels', () => {
  it('of a diamond: its sides run side by side, its end after both', () => {
    const x = input('x', [16, 16]);
    const top = matmul(x, x);
    const [left, right] = [matmul(top, x), matmul(x, transpose(top))];
    expect(levelsOf(scheduled([matmul(left, right)]))).toEqual([
      ['matmul [16,16]'],
      ['matmul [16,16]', 'matmul [16,16]'],
      ['matmul [16,16]'],
    ]);
  });

  it('of a short and a long way to the same end: the short one does not wait', () => {
    const x = input('x', [16, 16]);
    const [long, short] = [matmul(matmul(matmul(x, x), x), x), matmul(x, transpose(x))];
    expect(levelsOf(scheduled([matmul(long, short)])).map((kernels) => kernels.length)).toEqual([2, 1, 1, 1]);
  });

  it('of a kernel with a stage of preparation: that runs on the level before, or as soon as what it reads is there', () => {
    const [x, w] = [input('x', [16, 16]), input('w', [16, 16])];
    const preparing = {
      ...plainBackend,
      preparation: (k: { kind: string }) => (k.kind === 'matmul' ? [w] : undefined),
    };
    const plan = scheduled([matmul(exp(x), w)], [], preparing);
    const product = plan.kernels.find((k) => k.kind === 'matmul');
    expect(product && plan.stages.get(product)?.map((s) => s.level)).toEqual([0, 1]);
  });
});

describe('updates of state', () => {
  it('go into the buffers that they replace: Adam is one kernel without a byte of its own but two numbers', () => {
    const { p, m, v, updated, mean, square } = adamStep([128, 256]);
    const { placement, memory, kernels } = scheduled([], [[p, updated], [m, mean], [v, square]]); // prettier-ignore
    expect(new Map(placement.inPlace)).toEqual(new Map([[updated, p], [mean, m], [square, v]])); // prettier-ignore
    expect(placement.copied).toEqual([]);
    expect(kernels).toHaveLength(2);
    expect(memory.bytes).toBe(2 * alignedBytes(4));
  });

  it('come after all readers of the old value', () => {
    const [w, g, x] = [input('w', [8, 8]), input('g', [8, 8]), input('x', [8, 8])];
    const plan = scheduled([matmul(matmul(x, x), w)], [[w, sub(w, g)]]);
    expect(plan.placement.inPlace.size).toBe(1);
    expect(levelsOf(plan)).toEqual([['matmul [8,8]'], ['matmul [8,8]'], ['loop [8,8] + sub']]);
  });

  it('are copied where the new value is made of other elements of the old one', () => {
    const w = input('w', [8, 8]);
    const product = matmul(w, w);
    expect(scheduled([], [[w, product]]).placement.copied).toEqual([[w, product]]);
    const turned = transpose(add(w, 1));
    const { placement } = scheduled([], [[w, turned]]);
    expect(placement.inPlace.size).toBe(0);
    expect(placement.copied).toHaveLength(1);
  });

  it('are taken from copies where two states swap their values', () => {
    const [a, b] = [input('a', [8]), input('b', [8])];
    const { placement, kernels } = scheduled([], [[a, b], [b, a]]); // prettier-ignore
    // Both are copied before either is replaced.
    expect(kernels.map(showKernel)).toEqual(['loop [8] + stop_gradient', 'loop [8] + stop_gradient']);
    expect([...placement.inPlace.values(), ...placement.copied.map(([state]) => state)].sort((x, y) => x.id - y.id)).toEqual([a, b]); // prettier-ignore
  });
});

describe('memory', () => {
  it('is shared by values that are not needed at the same time, and never by a result', () => {
    const x = input('x', [16, 16]);
    const chain = [x];
    for (let i = 0; i < 6; i++) chain.push(matmul(chain[i], x));
    const { memory } = scheduled([chain[6]]);
    const places = chain.slice(1).map((node) => memory.offsets.get(node));
    expect(new Set(places.slice(0, 5)).size).toBe(2);
    expect(memory.bytes).toBeLessThanOrEqual(3 * alignedBytes(4 * 256));
    // Neighbours: one is read while the other is written.
    places.slice(1).forEach((place, i) => expect(place).not.toBe(places[i]));
    const both = scheduled([chain[1], chain[6], reduceMax(chain[3])]).memory;
    const others = [2, 3, 4, 5, 6].map((i) => both.offsets.get(chain[i]));
    expect(others).not.toContain(both.offsets.get(chain[1]));
  });
});
