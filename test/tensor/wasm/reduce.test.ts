import { describe, expect, it } from 'vitest';
import { div, hostRandom, input, mul, type Node, portableBackend, reduceMax, reduceSum, reshape, sub, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore
import { between, pick, seeds, whole } from '../helpers/random-values.js';

const backends = [
  ['wasm', wasmBackend],
  ['wasm-portable', portableBackend],
] as const;

type Values = readonly (readonly [Node, readonly number[]])[];

async function run(backend: typeof wasmBackend, output: Node, inputs: Values, threads: number): Promise<number[]> {
  const session = backend.open({ threads });
  for (const [node, values] of inputs) session.write(node, values);
  const executable = session.compile({ name: 'reduce', outputs: [output], updates: [] });
  executable.run();
  const values = [...(await executable.read())[0]];
  session.close();
  return values;
}

describe.each(backends)('reductions over rows of many columns on %s', (_, backend) => {
  const widths = [48, 49, 63, 64, 65, 100, 127, 128, 130, 256, 300, 1023, 1025, 1100, 2500];
  const random = (seed: number) => hostRandom(seed, 'columns');

  it('add every column up in the order of the rows, so that the bits depend on neither width nor threads', async () => {
    for (const seed of seeds(40)) {
      const draw = random(seed);
      const [rows, columns] = [whole(draw, 1, 37), pick(draw, widths)];
      const x = input('x', [rows, columns]);
      const y = input('y', [rows, columns]);
      const values = [x, y].map(() => Array.from({ length: rows * columns }, () => between(draw, -2, 2)));
      const expected = Array.from({ length: columns }, (_, c) => {
        let sum = 0;
        for (let r = 0; r < rows; r++)
          sum = Math.fround(sum + Math.fround(values[0][r * columns + c] * values[1][r * columns + c]));
        return sum;
      });
      for (const threads of [1, 2]) {
        const found = (await run(backend, reduceSum(mul(x, y), [0]), [[x, values[0]], [y, values[1]]], threads)); // prettier-ignore
        expect(found, `seed ${seed}: [${rows}, ${columns}] on ${threads} threads`).toEqual(expected);
      }
    }
  });

  it('keep the axes that are not summed, with one number for each row in the summand and an epilogue after the sum', async () => {
    for (const seed of seeds(40)) {
      const draw = random(seed + 1000);
      const shape = [whole(draw, 1, 5), whole(draw, 1, 3), whole(draw, 2, 21), pick(draw, widths.slice(0, 11))];
      const [batch, outer, rows, columns] = shape;
      const x = input('x', shape);
      const means = input('means', [batch, outer, rows]);
      const scale = input('scale', [batch, columns]);
      const sizes = [batch * outer * rows * columns, batch * outer * rows, batch * columns];
      const [xs, ms, ss] = sizes.map((size) => Array.from({ length: size }, () => between(draw, -2, 2)));
      const sums = reduceSum(sub(x, reshape(means, [batch, outer, rows, 1])), [1, 2]);
      const expected = Array.from({ length: batch * columns }, (_, k) => {
        const [b, c] = [Math.floor(k / columns), k % columns];
        let sum = 0;
        for (let r = b * outer * rows; r < (b + 1) * outer * rows; r++)
          sum = Math.fround(sum + Math.fround(xs[r * columns + c] - ms[r]));
        return Math.fround(sum * ss[k]);
      });
      const found = (await run(backend, mul(sums, scale), [[x, xs], [means, ms], [scale, ss]], 2)); // prettier-ignore
      expect(found, `seed ${seed}: [${shape.join(', ')}]`).toEqual(expected);
    }
  });

  it('find the largest of every column, NaN where there is one', async () => {
    for (const seed of seeds(40)) {
      const draw = random(seed + 2000);
      const [rows, columns] = [whole(draw, 1, 19), pick(draw, widths)];
      const x = input('x', [rows, columns]);
      const values = Array.from({ length: rows * columns }, () => (draw.below(200) === 0 ? NaN : between(draw, -2, 2)));
      const expected = Array.from({ length: columns }, (_, c) => Math.max(...Array.from({ length: rows }, (_, r) => values[r * columns + c]))); // prettier-ignore
      expect(await run(backend, reduceMax(x, [0]), [[x, values]], 2), `seed ${seed}: [${rows}, ${columns}]`).toEqual(
        expected,
      );
    }
  });

  it('sum whole numbers exactly', async () => {
    const x = input('x', [9, 77], 'i32');
    const values = Array.from({ length: 9 * 77 }, (_, i) => ((i * 7919) % 2003) - 1000);
    const expected = Array.from({ length: 77 }, (_, c) => Array.from({ length: 9 }, (_, r) => values[r * 77 + c]).reduce((a, b) => a + b)); // prettier-ignore
    expect(await run(backend, reduceSum(x, [0]), [[x, values]], 1)).toEqual(expected);
  });
});

describe.each(backends)('reductions along rows on %s', (_, backend) => {
  it('give every row the same bits whatever the number of rows, with work before and after the sum', async () => {
    for (const seed of seeds(40)) {
      const draw = hostRandom(seed, 'rows');
      const [rows, columns] = [whole(draw, 64, 75), pick(draw, [1, 3, 4, 7, 16, 31, 32, 50, 130])];
      const [values, means, scales] = [rows * columns, rows, rows].map((size) => Array.from({ length: size }, () => between(draw, -2, 2))); // prettier-ignore
      const of = (first: number, count: number, threads: number): Promise<number[]> => {
        const x = input('x', [count, columns]);
        const [mean, scale] = [input('mean', [count]), input('scale', [count])];
        const centred = sub(x, reshape(div(mean, 3), [count, 1]));
        const part = (all: readonly number[], width: number) => all.slice(first * width, (first + count) * width);
        const output = div(mul(reduceSum(mul(centred, centred), [1]), scale), 7);
        return run(backend, output, [[x, part(values, columns)], [mean, part(means, 1)], [scale, part(scales, 1)]], threads); // prettier-ignore
      };
      const all = await of(0, rows, 2);
      const pieces = [...(await of(0, 20, 1)), ...(await of(20, 43, 1)), ...(await of(63, rows - 63, 1))];
      expect(all, `seed ${seed}: [${rows}, ${columns}]`).toEqual(pieces);
      const exact = Array.from({ length: rows }, (_, r) => {
        const row = values.slice(r * columns, (r + 1) * columns);
        return (row.reduce((sum, v) => sum + (v - means[r] / 3) ** 2, 0) * scales[r]) / 7;
      });
      all.forEach((v, r) => expect(Math.abs(v - exact[r])).toBeLessThanOrEqual(4e-6 * columns));
    }
  });

  it('divide by powers of two as exactly as by other numbers', async () => {
    const x = input('x', [9]);
    const values = [1, -3, 1e-40, 3e38, 0, -0, Infinity, NaN, 5e-45].map(Math.fround);
    for (const divisor of [2, 0.25, 1024, 2 ** -120, 2 ** 126, -8, 3])
      expect(await run(backend, div(x, divisor), [[x, values]], 1)).toEqual(
        values.map((v) => Math.fround(v / divisor)),
      );
  });
});
