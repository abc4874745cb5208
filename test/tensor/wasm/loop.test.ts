import { describe, expect, it } from 'vitest';
import {
  add, cast, concat, cos, div, erf, exp, expm1, floor, ge, gt, hostRandom, input, iota, log, log1p, lt, matmul, maximum,
  minimum, mul, neg, type Node, portableBackend, randomBits, reshape, select, shiftRight, sin, sqrt, sub, tanh, threefry2x32, wasmBackend,
} from '../../../src/tensor/index.js'; // prettier-ignore

const backends = [
  ['wasm', wasmBackend],
  ['wasm-portable', portableBackend],
] as const;

/** Bits of float32 values, all NaN alike. */
const bitsOf = (values: ArrayLike<number>): number[] => {
  const floats = Float32Array.from(values);
  const words = new Uint32Array(floats.buffer);
  return [...words].map((w, i) => (Number.isNaN(floats[i]) ? 0x7fc00000 : w));
};

async function run(
  backend: typeof wasmBackend,
  outputs: readonly Node[],
  inputs: readonly (readonly [Node, readonly number[]])[],
): Promise<number[][]> {
  // prettier-ignore
  const session = backend.open({ threads: 1 });
  for (const [node, values] of inputs) session.write(node, values);
  const executable = session.compile({ name: 'loop', outputs, updates: [] });
  executable.run();
  const values = (await executable.read()).map((read) => [...read]);
  session.close();
  return values;
}

/** Common, large, tiny, denormal and special numbers in random order. */
function mixedValues(size: number): number[] {
  const random = hostRandom(7, 'mixed');
  const special = [
    0,
    -0,
    Infinity,
    -Infinity,
    NaN,
    1e-40,
    -1e-42,
    3e38,
    -3e38,
    2 ** 23 + 1,
    -(2 ** 23) - 1,
    0.5,
    -0.5,
    2.5,
    1e-30,
  ];
  return Array.from({ length: size }, (_, i) => {
    if (i % 5 === 0) return Math.fround(special[random.below(special.length)]);
    return Math.fround((random.uniform() - 0.5) * 10 ** (random.below(7) - 3));
  });
}

const functions: Record<string, (x: Node) => Node> = {
  exp, expm1, log, log1p, tanh, erf, sin, cos, floor, sqrt, neg,
  'log of numbers kept from zero': (x) => log(maximum(x, 1e-30)),
  'a chain of them': (x) => mul(exp(neg(mul(x, x))), tanh(sub(floor(x), log(add(mul(x, x), 1))))),
  'choices': (x) => select(gt(x, 0.5), div(1, x), select(lt(x, -0.5), mul(x, 3), cast(ge(x, 0), 'f32'))),
}; // prettier-ignore

describe.each(backends)('loops over elements on %s', (_, backend) => {
  // Pairs of vectors, single ones and single elements are computed by different code.
  const length = 71;
  const x = mixedValues(length);

  it.each(Object.entries(functions))(
    '%s: the same bits wherever in a vector, a pair or a rest an element lies',
    async (_, f) => {
      const node = input('x', [length]);
      const [plain] = await run(backend, [f(node)], [[node, x]]);
      for (const shift of [1, 2, 4, 5, 16, 61]) {
        const moved = x.map((_, i) => x[(i + shift) % length]);
        const [found] = await run(backend, [f(node)], [[node, moved]]);
        expect(bitsOf(found)).toEqual(bitsOf(plain.map((_, i) => plain[(i + shift) % length])));
      }
    },
  );

  it.each(Object.entries(functions))(
    '%s: the same bits behind a matrix product as in a loop of its own',
    async (_, f) => {
      const node = input('x', [length, 1]);
      const one = input('one', [1, 1]);
      // Zero has no sign behind a product.
      const values = x.map((v) => v + 0);
      const [behind, own] = (await run(backend, [f(matmul(node, one)), f(node)], [[node, values], [one, [1]]])); // prettier-ignore
      expect(bitsOf(behind)).toEqual(bitsOf(own));
    },
  );

  it('rounds down exactly, whatever the size of numbers', async () => {
    const node = input('x', [length]);
    expect(bitsOf((await run(backend, [floor(node)], [[node, x]]))[0])).toEqual(bitsOf(x.map(Math.floor)));
  });

  it('draws the words of the generator for every element, several draws in one loop', async () => {
    const key = input('key', [2], 'u32');
    const counter = reshape(iota([length], 0, 'u32'), [length]);
    const draws = [randomBits(key, counter, 5), randomBits(key, counter, 9)];
    const halves = draws.map((d) => cast(shiftRight(d, 8), 'f32'));
    const [sum, first] = await run(backend, [add(halves[0], mul(halves[1], 2 ** -24)), draws[0]], [[key, [123, 456]]]);
    const words = Array.from({ length }, (_, i) => [5, 9].map((stream) => threefry2x32(123, 456, i, stream)[0]));
    expect(first).toEqual(words.map(([a]) => a));
    expect(bitsOf(sum)).toEqual(
      bitsOf(words.map(([a, b]) => Math.fround((a >>> 8) + Math.fround((b >>> 8) * 2 ** -24)))),
    );
  });

  it('draws from counters that are drawn themselves', async () => {
    const key = input('key', [2], 'u32');
    const inner = randomBits(key, iota([length], 0, 'u32'), 1);
    const [found] = await run(backend, [randomBits(key, inner, 2)], [[key, [1, 2]]]);
    expect(found).toEqual(Array.from({ length }, (_, i) => threefry2x32(1, 2, threefry2x32(1, 2, i, 1)[0], 2)[0]));
  });

  it.each([2, 3, 4])('interleaves %i planes', async (count) => {
    const planes = Array.from({ length: count }, (_, c) => input(`p${c}`, [3, 23]));
    const values = planes.map((_, c) => Array.from({ length: 69 }, (_, i) => i + c / 8));
    const changed = planes.map((p, c) => reshape(add(mul(p, 2), c), [3, 23, 1]));
    const [found] = (await run(backend, [concat(changed, 2)], planes.map((p, c) => [p, values[c]] as const))); // prettier-ignore
    expect(found).toEqual(Array.from({ length: 69 * count }, (_, k) => 2 * values[k % count][Math.floor(k / count)] + (k % count))); // prettier-ignore
  });

  it('numbers elements along any axis', async () => {
    const shape = [3, 5, 24];
    const index = (axis: number): Node => iota(shape, axis, 'i32');
    const [found] = await run(backend, [add(add(mul(index(0), 10000), mul(index(1), 100)), index(2))], []);
    const expected = Array.from({ length: 360 }, (_, i) => 10000 * Math.floor(i / 120) + 100 * (Math.floor(i / 24) % 5) + (i % 24)); // prettier-ignore
    expect(found).toEqual(expected);
  });

  it('keeps what a pair reads from what it writes: several states updated in place, one from another', async () => {
    const [a, b] = [input('a', [length]), input('b', [length])];
    const session = backend.open({ threads: 1 });
    session.write(
      a,
      Array.from({ length }, (_, i) => i),
    );
    session.write(
      b,
      Array.from({ length }, (_, i) => 1000 - i),
    );
    const next = [minimum(b, 990), add(a, mul(b, 2))];
    const step = session.compile({ name: 'swap', outputs: [], updates: [[a, next[0]], [b, next[1]]] }); // prettier-ignore
    step.run();
    expect([...(await session.read(a))]).toEqual(Array.from({ length }, (_, i) => Math.min(1000 - i, 990)));
    expect([...(await session.read(b))]).toEqual(Array.from({ length }, (_, i) => i + 2 * (1000 - i)));
    session.close();
  });
});

it.each(backends)('%s refuses to divide whole numbers, also by a power of two', async (_, backend) => {
  const numbers = input('numbers', [8], 'i32');
  await expect(run(backend, [div(numbers, 4)], [])).rejects.toThrow('the wasm backend has no div of i32');
});
