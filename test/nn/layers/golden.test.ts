import { describe, expect, it } from 'vitest';
import {
  grad,
  reduceSum,
  type Session,
  sizeOf,
  mul,
  wasmBackend,
  referenceBackend,
} from '../../../src/tensor/index.js';
import { golden } from '../helpers/golden.js';
import { expectDerivatives, expectValues, network, valuesOf, wave } from '../helpers/network.js';

interface Case {
  readonly layer: string | Readonly<Record<string, unknown>>;
  readonly batch: number;
  readonly sample: readonly number[];
  readonly shape: readonly number[];
  readonly output: readonly number[];
}
const cases = golden<Case[]>('layers').map((c) => ({ title: `${JSON.stringify(c.layer)} on ${c.sample}`, ...c }));

/** What make-layers.py gives each tensor. */
const valuesFor = (name: string, length: number): number[] => {
  if (name === 'x') return wave(length, 0.37, 0.11);
  if (name.endsWith('.depthwise_weight')) return wave(length, 0.29, 0.4);
  return name.endsWith('.weight') ? wave(length, 0.53, 0.2) : wave(length, 0.71, 0.3);
};

describe('layers as in PyTorch (golden/make-layers.py)', () => {
  it.each(cases)('$title', ({ layer, batch, sample, shape, output }) => {
    const { x, model } = network([layer], sample, { batch });
    expect(model.rows[0].outputShape).toEqual(shape);
    const given = Object.fromEntries(
      [x, ...model.parameters.map((p) => p.node)].map((node) => {
        const name = node.op === 'input' ? node.attrs.name : '';
        return [name, valuesFor(name, sizeOf(node.shape))];
      }),
    );
    expectValues(valuesOf([model.output], given)[0], output);
  });

  it.each(cases)('$title has the derivatives of finite differences', ({ layer, sample }) => {
    expectDerivatives(network([layer], sample, { batch: 2 }));
  });

  it.each(cases)('$title is the same on wasm, gradients included', async ({ layer, batch, sample }) => {
    const { x, model } = network([layer], sample, { batch });
    const nodes = [x, ...model.parameters.map((p) => p.node)];
    const gradients = grad(reduceSum(mul(model.output, model.output)), nodes);
    const [expected, actual] = await Promise.all(
      [referenceBackend, wasmBackend].map(async (backend) => {
        const session: Session = backend.open({ threads: 2 });
        for (const node of nodes)
          session.write(node, valuesFor(node.op === 'input' ? node.attrs.name : '', sizeOf(node.shape)));
        const outputs = [model.output, ...gradients];
        const executable = session.compile({ name: 'layer', outputs, updates: [] });
        executable.run();
        const values = (await executable.read()).map((read) => Array.from(read));
        session.close();
        return values;
      }),
    );
    expected.flat().forEach((value, i) => expect(actual.flat()[i]).toBeCloseTo(value, 3));
  });
});

describe('sequences', () => {
  it('have one axis of positions and one of channels', () => {
    expect(() => network([{ conv1d: { filters: 2, kernel_size: 3 } }], [8])).toThrow(
      'layers.0 (conv1d): needs [length, channels] per sample, got [8]; put a layer reshape: {shape: [8, 1]} before it',
    );
    expect(() => network(['max_pool1d'], [4, 4, 1])).toThrow('layers.0 (max_pool1d): needs [length, channels]');
  });

  it('must be as long as a filter', () => {
    expect(() => network([{ conv1d: { filters: 2, kernel_size: 3, dilation: 2 } }], [4, 1])).toThrow(
      'layers.0 (conv1d): a kernel of 5 does not fit into a length of 4; it must be at most as long, or use padding: same',
    );
  });
});

describe('convolutions of other kinds', () => {
  it('have the weights of their definition', () => {
    const countOf = (layer: unknown) => network([layer], [8, 8, 4]).model.rows[0].parameters;
    expect(countOf({ conv2d: { filters: 16, kernel_size: 3, use_bias: false } })).toBe(9 * 4 * 16);
    expect(countOf({ depthwise_conv2d: { kernel_size: 3, use_bias: false } })).toBe(9 * 4);
    expect(countOf({ separable_conv2d: { filters: 16, kernel_size: 3, use_bias: false } })).toBe(9 * 4 + 4 * 16);
    expect(countOf({ conv2d_transpose: { filters: 16, kernel_size: 3 } })).toBe(9 * 4 * 16 + 16);
  });

  it('count the multiplications of a transposed convolution by its input', () => {
    const { rows } = network([{ conv2d_transpose: { filters: 3, kernel_size: 2, strides: 2 } }], [5, 5, 4]).model;
    expect(rows[0].macs).toBe(25 * 4 * 4 * 3);
  });

  it.each(['conv2d_transpose', 'depthwise_conv2d', 'separable_conv2d'])('%s wants images', (type) => {
    const params = type === 'depthwise_conv2d' ? { kernel_size: 3 } : { kernel_size: 3, filters: 2 };
    expect(() => network([{ [type]: params }], [9])).toThrow(
      `layers.0 (${type}): needs [height, width, channels] per sample, got [9]`,
    );
  });

  it('name groups that do not divide the channels', () => {
    const transposed = { filters: 4, kernel_size: 2, groups: 4 };
    expect(() => network([{ conv2d_transpose: transposed }], [3, 3, 2])).toThrow(
      "groups (4) must divide the input's channels (2 of [3, 3, 2]) and the filters (4)",
    );
  });
});
