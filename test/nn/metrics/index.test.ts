import { describe, expect, it } from 'vitest';
import {
  isReport,
  type MetricConfig,
  metricOf,
  metrics,
  metricSchema,
  type ReportTable,
  type Statistics,
} from '../../../src/nn/metrics/index.js';
import { type DType, type Shape, sizeOf, wasmBackend } from '../../../src/tensor/index.js';
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
  /** Of a figure, or of a report. */
  value?: number;
  table?: number[][];
}
const { cases } = golden<{ cases: MetricCase[] }>('metrics');

const parse = (name: string, params: object = {}): MetricConfig => metricSchema.parse({ [name]: params });

/** The statistics over batches of the given sizes, as the training loop takes them. */
function collect(c: MetricCase, batches: readonly number[]): Statistics {
  const config = parse(c.metric, c.params);
  const metric = metricOf(config);
  const [width, targetWidth] = [sizeOf(c.shape.slice(1)), sizeOf(c.targetShape.slice(1))];
  let values: number[] = [];
  let rowWidth = 0;
  let at = 0;
  for (const size of batches) {
    const output = given('output', [size, ...c.shape.slice(1)], c.output.slice(at * width, (at + size) * width));
    const rows = c.target.slice(at * targetWidth, (at + size) * targetWidth);
    const target = given('target', [size, ...c.targetShape.slice(1)], rows, c.targetType);
    const node = metric.statistics(output.node, target.node, config);
    const batch = Array.from(valuesAt([node], [output, target])[0]);
    rowWidth = node.shape.at(-1) ?? 1;
    values = metric.combine === 'append' ? [...values, ...batch] : batch.map((v, i) => v + (values[i] ?? 0));
    at += size;
  }
  return { values, width: rowWidth };
}

function measure(c: MetricCase, batches: readonly number[]): number {
  const config = parse(c.metric, c.params);
  const metric = metricOf(config);
  if (isReport(metric)) throw new Error(`${c.metric} is no figure`);
  return metric.finalize(collect(c, batches), config);
}

function tableOf(c: MetricCase, batches: readonly number[], names?: readonly string[]): ReportTable {
  const config = parse(c.metric, c.params);
  const metric = metricOf(config);
  if (!isReport(metric)) throw new Error(`${c.metric} is no report`);
  return metric.table(collect(c, batches), config, names);
}

/** Ways to cut the samples into batches. */
const batchings = (size: number): number[][] => [[size], [5, size - 5], [1, 4, size - 5]];

describe('metrics', () => {
  it('has values of scikit-learn for every metric', () => {
    expect(new Set(cases.map((c) => c.metric))).toEqual(new Set(Object.keys(metrics)));
  });

  it.each(cases.map((c) => ({ ...c, title: `${c.metric} ${JSON.stringify(c.params)} on ${c.shape.join('x')}` })))(
    '$title is that of scikit-learn, however the samples are batched',
    (c) => {
      for (const batches of batchings(c.shape[0])) {
        if (c.value !== undefined) expect(measure(c, batches)).toBeCloseTo(c.value, 10);
        c.table?.flat().forEach((value, i) => expect(tableOf(c, batches).values.flat()[i]).toBeCloseTo(value, 12));
      }
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
    expect(metricOf(parse('accuracy'))).toMatchObject({ mode: 'max' });
    expect(metricOf(parse('rmse'))).toMatchObject({ mode: 'min' });
  });

  it('ranks by scores whose probabilities have rounded to 1', () => {
    // Both are 1 in float64; the first has the greater odds.
    expect(labelled('roc_auc', {}, [900, 0, 0, 800, 0, 0, 0, 900, 0, 0, 0, 900], [0, 1, 1, 2])).toBeCloseTo(1, 12);
  });

  it('leaves classes out of a mean of rankings that do not occur, and has no figure where none does', () => {
    const logits = [1, 0, -1, 0, 1, -1, 0.5, 0.2, -1];
    expect(labelled('roc_auc', {}, logits, [0, 1, 0])).toBe(1);
    expect(labelled('roc_auc', {}, logits, [0, 0, 0])).toBeNaN();
  });

  it('does not take a small spread about a large mean for none', async () => {
    // Latitudes within some metres of each other: a spread of five units of the last place of float32.
    const target = Float32Array.from({ length: 64 }, (_, i) => 48.8566 + 2e-5 * Math.sin(i));
    const [output, y] = [given('output', [64, 1], []).node, given('target', [64, 1], []).node];
    const mean = target.reduce((a, b) => a + b, 0) / 64;
    const variation = target.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    for (const guess of [Math.fround(mean), Math.fround(mean + 1e-5)]) {
      const expected = (-64 * (guess - mean) ** 2) / variation;
      const config = parse('r2');
      const session = wasmBackend.open({ threads: 1 });
      session.write(output, new Float32Array(64).fill(guess));
      session.write(y, target);
      const node = metricOf(config).statistics(output, y, config);
      const executable = session.compile({ name: 'r2', outputs: [node], updates: [] });
      executable.run();
      const [values] = await executable.read();
      session.close();
      const metric = metricOf(config);
      if (isReport(metric)) throw new Error('r2 is a figure');
      expect(metric.finalize({ values: [...values], width: node.shape[1] }, config)).toBeCloseTo(expected, 5);
    }
  });

  it('has no figure for the agreement where chance alone leaves no disagreement', () => {
    expect(labelled('cohen_kappa', {}, [1, 0, 1, 0], [0, 0])).toBeNaN();
    expect(labelled('cohen_kappa', {}, [1, 0, 1, 0], [0, 1])).toBe(0);
  });

  it('names rows and columns of a table by class', () => {
    const c = { metric: 'confusion_matrix', params: {}, shape: [3, 2], output: [1, 0, 0, 1, 1, 0], targetShape: [3], targetType: 'i32', target: [0, 1, 1] } as const; // prettier-ignore
    const mutable = { ...c, output: [...c.output], target: [...c.target] };
    expect(tableOf(mutable, [3], ['no', 'yes'])).toEqual({ rows: ['no', 'yes'], columns: ['no', 'yes'], values: [[1, 0], [1, 1]] }); // prettier-ignore
    expect(tableOf(mutable, [3]).rows).toEqual(['0', '1']);
  });

  it('names the shapes where labels and outputs do not fit', () => {
    const [output, target] = [given('output', [4, 3], []).node, given('target', [4, 2], [], 'i32').node];
    const config = parse('accuracy');
    expect(() => metricOf(config).statistics(output, target, config)).toThrow('got [4, 3] and i32 [4, 2]');
  });
});
