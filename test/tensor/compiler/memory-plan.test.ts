import { describe, expect, it } from 'vitest';
import { hostRandom } from '../../../src/tensor/index.js';
import { alignedBytes, type Lifetime, planMemory } from '../../../src/tensor/compiler/memory-plan.js';
import { seeds } from '../helpers/random-values.js';

const life = (key: string, bytes: number, first: number, last: number): Lifetime<string> => ({
  key,
  bytes,
  first,
  last,
});

describe('planMemory', () => {
  it('gives the same bytes to tensors whose lives do not meet', () => {
    const { offsets, bytes } = planMemory([life('a', 1000, 0, 1), life('b', 1000, 2, 3), life('c', 500, 4, 9)]);
    expect([...offsets.values()]).toEqual([0, 0, 0]);
    expect(bytes).toBe(alignedBytes(1000));
  });

  it('gives different ones to tensors that live in a common phase, be it the last of one and the first of the other', () => {
    const { offsets, bytes } = planMemory([life('a', 1000, 0, 2), life('b', 1000, 2, 3)]);
    expect(new Set(offsets.values()).size).toBe(2);
    expect(bytes).toBe(2 * alignedBytes(1000));
  });

  it('fills the gap that a small tensor fits', () => {
    const { offsets, bytes } = planMemory([
      life('left', 1024, 0, 9), life('middle', 512, 0, 3), life('right', 256, 0, 9), life('later', 128, 4, 9),
    ]); // prettier-ignore
    expect(offsets.get('later')).toBe(offsets.get('middle'));
    expect(bytes).toBe(alignedBytes(1024) + alignedBytes(512) + alignedBytes(256));
  });

  it('aligns every tensor to a cache line, with room for a vector after it', () => {
    const { offsets } = planMemory([life('a', 1, 0, 0), life('b', 64, 0, 0), life('c', 65, 0, 0)]);
    for (const offset of offsets.values()) expect(offset % 64).toBe(0);
    for (const bytes of [0, 1, 63, 64, 65]) expect(alignedBytes(bytes)).toBeGreaterThanOrEqual(bytes + 16);
  });

  it('never overlaps tensors that are live at the same time (random lifetimes)', () => {
    for (const seed of seeds(200)) {
      const random = hostRandom(seed, 'lives');
      const phases = 1 + random.below(400);
      const lives = Array.from({ length: 1 + random.below(60) }, (_, key) => {
        const first = random.below(phases);
        // Mostly short ones, some to the end.
        const length = random.below(4) === 0 ? phases - first : Math.min(phases - first, 1 + random.below(6));
        return { key, bytes: random.below(1000), first, last: first + length - 1 };
      });
      const { offsets, bytes } = planMemory(lives);
      const placed = lives.map((l) => ({ ...l, from: offsets.get(l.key) ?? NaN, to: (offsets.get(l.key) ?? NaN) + l.bytes })); // prettier-ignore
      placed.forEach((a, i) => {
        expect(a.from >= 0 && a.to <= bytes, `seed ${seed}: ${a.key} lies in the arena (NN_SEED=${seed})`).toBe(true);
        for (const b of placed.slice(0, i)) {
          const live = a.first <= b.last && b.first <= a.last;
          const overlap = a.from < b.to && b.from < a.to;
          if (live && overlap)
            expect.fail(`seed ${seed}: ${a.key} and ${b.key} live and lie together (NN_SEED=${seed})`);
        }
      });
      // No more than all side by side, and no less than the fullest phase.
      const fullest = Math.max(...Array.from({ length: phases }, (_, phase) =>
        lives.reduce((sum, l) => sum + (l.first <= phase && phase <= l.last ? alignedBytes(l.bytes) : 0), 0))); // prettier-ignore
      expect(bytes).toBeGreaterThanOrEqual(fullest);
      expect(bytes).toBeLessThanOrEqual(lives.reduce((sum, l) => sum + alignedBytes(l.bytes), 0));
    }
  });
});
