import { describe, expect, it } from 'vitest';
import { type MetricConfig, metricOf, metrics, metricSchema } from '../../../src/nn/metrics/index.js';
import { type DType, type Shape, sizeOf } from '../../../src/tensor/index.js';
import { valuesAt } from '../../tensor/helpers/expect-gradient.js';
import { given, golden } from '../helpers/golden.js';

interface MetricCase {
  metric: string;
  params: Record<string, unknown>;
  shape: Shape;
  output: number[];
  targetShape: Shape;
  targetType: DType;
  target: number[];
  value: number;
}
const { cases } = golden<{ cases: MetricCase[] }>('metrics');

const parse = (name: string, params: object = {}): MetricConfig => metricSchema.parse({ [name]: params });

/** The metric over batches of the given sizes, as the training loop takes it. */
function measure(c: Omit<MetricCase, 'value'>, batches: readonly number[]): number {
  const config = parse(c.metric, c.params);
  const metric = metricOf(config);
  const [width, targetWidth] = [sizeOf(c.shape.slice(1)), sizeOf(c.targetShape.slice(1))];
  let sums: number[] = [];
  let at = 0;
  for (const size of batches) {
    const output = given('output', [size, ...c.shape.slice(1)], c.output.slice(at * width, (at + size) * width));
    const rows = c.target.slice(at * targetWidth, (at + size) * targetWidth);
    const target = given('target', [size, ...c.targetShape.slice(1)], rows, c.targetType);
    const [statistics] = valuesAt([metric.statistics(output.node, target.node, config)], [output, target]);
    sums = Array.from(statistics, (v, i) => v + (sums[i] ?? 0));
    at += size;
  }
  return metric.finalize(sums, config);
}

describe('metrics', () => {
  it('has values of scikit-learn for every metric', () => {
    expect(new Set(cases.map((c) => c.metric))).toEqual(new Set(Object.keys(metrics)));
  });

  it.each(cases.map((c) => ({ ...c, title: `${c.metric} ${JSON.stringify(c.params)} on ${c.shape.join('x')}` })))(
    '$title is that of scikit-learn, however the samples are batched',
    (c) => {
      for (const batches of [[12], [5, 5, 2]]) expect(measure(c, batches)).toBeCloseTo(c.value, 12);
    },
  );

  const labelled = (metric: string, params: object, output: number[], target: number[]) =>
    measure(
      {
        metric,
        params: { ...params },
        shape: [target.length, output.length / target.length],
        output,
        targetShape: [target.length],
        targetType: 'i32',
        target,
      },
      [target.length],
    );

  it('gives equal outputs to the class that comes first', () => {
    expect(labelled('accuracy', {}, [1, 1, 1, 1, 1, 1], [0, 1])).toBe(0.5);
    expect(labelled('top_k_accuracy', { k: 2 }, [1, 1, 1, 1, 1, 1], [1, 2])).toBe(0.5);
  });

  it('counts more places than classes as always right', () => {
    expect(labelled('top_k_accuracy', { k: 9 }, [1, 2, 3, 4], [0, 1])).toBe(1);
  });

  it('scores 0 where the positive class is never predicted', () => {
    for (const name of ['precision', 'recall', 'f1']) expect(labelled(name, {}, [-1, -1, -1], [1, 0, 0])).toBe(0);
  });

  it('knows which direction is better', () => {
    expect(metricOf(parse('accuracy')).mode).toBe('max');
    expect(metricOf(parse('rmse')).mode).toBe('min');
  });

  it('names the shapes where labels and outputs do not fit', () => {
    const [output, target] = [given('output', [4, 3], []).node, given('target', [4, 2], [], 'i32').node];
    const config = parse('accuracy');
    expect(() => metricOf(config).statistics(output, target, config)).toThrow('got [4, 3] and i32 [4, 2]');
  });
});
