import { describe, expect, it } from 'vitest';
import { type HostRandom, hostRandom, streamId, streamKey, threefry2x32 } from '../../src/tensor/index.js';

describe('threefry2x32', () => {
  // Random123's kat_vectors, threefry2x32 with 20 rounds.
  it.each([
    { key: [0, 0], counter: [0, 0], expected: [0x6b200159, 0x99ba4efe] },
    {
      key: [0xffffffff, 0xffffffff],
      counter: [0xffffffff, 0xffffffff],
      expected: [0x1cb996fc, 0xbb002be7],
    },
    {
      key: [0x13198a2e, 0x03707344],
      counter: [0x243f6a88, 0x85a308d3],
      expected: [0xc4923a9c, 0x483df7a0],
    },
  ])('gives the known answer $expected', ({ key, counter, expected }) => {
    expect(threefry2x32(key[0], key[1], counter[0], counter[1])).toEqual(expected);
  });

  it('takes signed words for the unsigned ones with the same bits', () => {
    expect(threefry2x32(-1, -1, -1, -1)).toEqual([0x1cb996fc, 0xbb002be7]);
  });
});

describe('streams', () => {
  it('are named by their 32-bit FNV-1a hash', () => {
    // The test vectors of FNV's authors for the 32-bit variant 1a.
    expect(streamId('')).toBe(0x811c9dc5);
    expect(streamId('a')).toBe(0xe40c292c);
    expect(streamId('foobar')).toBe(0xbf9cf968);
  });

  it('have different keys for seeds that differ in any bit up to 2^53', () => {
    const keys = [0, 1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1].map((seed) => streamKey(seed, 'x').join());
    expect(new Set(keys).size).toBe(keys.length);
    expect(streamKey(1, 'x')).not.toEqual(streamKey(1, 'y'));
  });

  it('repeat exactly for an equal seed and name', () => {
    const draw = (random: HostRandom): number[] => Array.from({ length: 9 }, () => random.bits());
    expect(draw(hostRandom(5, 'split'))).toEqual(draw(hostRandom(5, 'split')));
  });

  it('are independent: two of them agree in half of their bits', () => {
    const [a, b] = [hostRandom(5, 'split'), hostRandom(5, 'shuffle')];
    let equal = 0;
    for (let i = 0; i < 4096; i++) {
      for (let different = ~(a.bits() ^ b.bits()) >>> 0; different !== 0; different >>>= 1) equal += different & 1;
    }
    // Standard deviation of 131,072 fair coins: 181.
    expect(Math.abs(equal - 65536)).toBeLessThan(4 * 181);
  });
});

/** Pearson's statistic of equally likely cells. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((a, b) => a + b, 0) / counts.length;
  return counts.reduce((total, n) => total + (n - expected) ** 2 / expected, 0);
}
/** Mean plus four standard deviations of chi-square: exceeded by chance about once in 5000. */
const limitOf = (cells: number): number => cells - 1 + 4 * Math.sqrt(2 * (cells - 1));

describe('HostRandom', () => {
  it('draws uniform numbers in [0, 1)', () => {
    const random = hostRandom(1, 'uniform');
    const counts = new Array<number>(100).fill(0);
    for (let i = 0; i < 50_000; i++) {
      const value = random.uniform();
      expect(value >= 0 && value < 1).toBe(true);
      counts[Math.floor(value * 100)]++;
    }
    expect(chiSquare(counts)).toBeLessThan(limitOf(100));
  });

  it('draws successive numbers independently of each other', () => {
    const random = hostRandom(2, 'pairs');
    const counts = new Array<number>(256).fill(0);
    for (let i = 0; i < 50_000; i++) counts[random.below(16) * 16 + random.below(16)]++;
    expect(chiSquare(counts)).toBeLessThan(limitOf(256));
  });

  it('draws below(n) uniformly where n does not divide 2^32', () => {
    const random = hostRandom(3, 'below');
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 30_000; i++) counts[random.below(7)]++;
    expect(chiSquare(counts)).toBeLessThan(limitOf(7));
    // Just above 2^31, taking the remainder would make the lower half twice as likely.
    const n = 3 * 2 ** 30;
    const thirds = [0, 0, 0];
    for (let i = 0; i < 30_000; i++) thirds[Math.floor(random.below(n) / 2 ** 30)]++;
    expect(chiSquare(thirds)).toBeLessThan(limitOf(3));
  });

  it('draws below(n) as the remainder of its bits, for n of any size', () => {
    const [random, same] = [hostRandom(3, 'below'), hostRandom(3, 'below')];
    const sizes = hostRandom(3, 'sizes');
    for (let i = 0; i < 20_000; i++) {
      const n = Math.max(1, sizes.bits() >>> sizes.below(32));
      let bits = same.bits();
      while (bits >= 2 ** 32 - (2 ** 32 % n)) bits = same.bits();
      expect(random.below(n)).toBe(bits % n);
    }
  });

  it('takes below(1) and below(2^32), and refuses what has no answer', () => {
    const random = hostRandom(3, 'below');
    expect(random.below(1)).toBe(0);
    expect(random.below(2 ** 32)).toBeGreaterThanOrEqual(0);
    for (const n of [0, -1, NaN, 2 ** 33]) expect(() => random.below(n)).toThrow(RangeError);
  });

  it('draws normal numbers with the right moments', () => {
    const random = hostRandom(4, 'normal');
    const n = 50_000;
    const moments = [0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const value = random.normal();
      expect(Number.isFinite(value)).toBe(true);
      moments.forEach((_, k) => (moments[k] += value ** (k + 1) / n));
    }
    // Expected 0, 1, 0, 3 with variances 1, 2, 15, 96 over n.
    const spread = [1, 2, 15, 96].map((v) => 4 * Math.sqrt(v / n));
    [0, 1, 0, 3].forEach((m, k) => expect(Math.abs(moments[k] - m)).toBeLessThan(spread[k]));
  });

  it('permutes: every index once, also of nothing and of one', () => {
    const random = hostRandom(5, 'permutation');
    for (const n of [0, 1, 2, 17, 1000]) {
      expect([...random.permutation(n)].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    }
  });

  it('gives every permutation the same chance', () => {
    const random = hostRandom(6, 'permutation');
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.permutation(4).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    expect(chiSquare([...counts.values()])).toBeLessThan(limitOf(24));
  });
});
