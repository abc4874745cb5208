import { describe, expect, it } from 'vitest';
import { type ConvAttrs } from '../../../src/tensor/graph.js';
import { conv, convInput, convWeight, hostRandom, input, type Node, sizeOf } from '../../../src/tensor/index.js';
import { type Features, probeFeatures } from '../../../src/tensor/wasm/features.js';
import { WasmSession } from '../../../src/tensor/wasm/session.js';
import { cases, type GraphInput } from '../helpers/random-graph.js';
import { seeds } from '../helpers/random-values.js';

type Values = ReadonlyMap<Node, ArrayLike<number>>;

/** The bits of the outputs, as computed with these features. */
async function bitsOf(outputs: readonly Node[], values: Values, features: Features): Promise<Uint8Array[]> {
  const session = new WasmSession(features, 1);
  try {
    for (const [node, given] of values) session.write(node, given);
    const executable = session.compile({ name: 'bits', outputs, updates: [] });
    executable.run();
    return (await executable.read()).map((v) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength).slice());
  } finally {
    session.close();
  }
}

/** Code for V8's 256-bit pairs, which Node has from 24 on, and code that an older one runs on the same CPU. */
async function expectSameBits(outputs: readonly Node[], values: Values, what: string): Promise<void> {
  const probed: Features = { ...probeFeatures(), winograd: true };
  const [wide, narrow] = await Promise.all(
    [true, false].map((isWide) => bitsOf(outputs, values, { ...probed, wide: isWide })),
  );
  wide.forEach((bits, i) => {
    // Buffers are compared at once: an assertion on arrays of this length takes seconds.
    expect(Buffer.compare(bits, narrow[i]), `${what}: output ${i}`).toBe(0);
  });
}

/** A convolution and both of its gradients. */
function convolution(images: readonly [number, number, number, number], filters: number, size: number, stride: number) {
  const attrs: ConvAttrs = { strides: [stride, stride], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 }; // prettier-ignore
  const x = input('x', images);
  const w = input('w', [size, size, images[3], filters]);
  const y = conv(x, w, attrs);
  const g = input('g', y.shape);
  const random = hostRandom(1, `${images.join()} ${filters} ${size} ${stride}`);
  const values = new Map(
    [x, w, g].map((node) => [node, Float32Array.from({ length: sizeOf(node.shape) }, () => random.uniform() - 0.5)]),
  );
  return { outputs: [y, convInput(g, w, x.shape, attrs), convWeight(x, g, w.shape, attrs)], values };
}

describe('the bits of a result are the same whether V8 pairs vectors or not', () => {
  // Around where Winograd's algorithm begins to pay.
  it.each([4, 8, 16, 24, 32, 64])('of 3x3 convolutions of %i channels', async (channels) => {
    for (const filters of [4, 8, 16, 32, 64]) {
      const { outputs, values } = convolution([4, 12, 12, channels], filters, 3, 1);
      await expectSameBits(outputs, values, `${channels} to ${filters}`);
    }
  });

  // Around where input gradients are better scattered than gathered.
  it.each([1, 2, 3, 5])('of convolutions with strides of %i', async (stride) => {
    for (const channels of [1, 3, 4, 6, 8, 12, 16, 20, 32]) {
      for (const [filters, size] of [[6, 5], [16, 3], [16, 7]] as const) {
        const { outputs, values } = convolution([2, 14, 14, channels], filters, size, stride);
        await expectSameBits(outputs, values, `${channels} to ${filters}, kernel ${size}`);
      } // prettier-ignore
    }
  });

  it.each(Object.entries(cases))('of %s', async (name, make) => {
    for (const seed of seeds(20)) {
      const { output, inputs } = make(hostRandom(seed, name));
      const values = new Map(inputs.map(({ node, values }: GraphInput) => [node, values]));
      await expectSameBits([output], values, `seed ${seed}`);
    }
  });
});
