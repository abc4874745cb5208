import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWriteError } from '../../src/runs/file-error.js';
import { appendMetricsRow, metricsColumns, readMetrics, truncateMetricsAfter } from '../../src/runs/metrics-csv.js';
import { RunDirectoryError } from '../../src/runs/run-directory-error.js';
import { hostRandom } from '../../src/tensor/random.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nn-metrics-'));
  path = join(folder, 'metrics.csv');
});
afterEach(() => rmSync(folder, { recursive: true }));

const columns = metricsColumns(['train/loss', 'train/accuracy', 'val/loss', 'val/accuracy', 'lr']);
const row = (epoch: number) => ({ epoch, step: epoch * 10, time_s: epoch / 3, 'train/loss': 1 / epoch, lr: 1e-3 });
const appendEpochs = (last: number) => {
  for (let epoch = 1; epoch <= last; epoch++) appendMetricsRow(path, columns, row(epoch));
};
const text = () => readFileSync(path, 'utf8');
const epochs = () => readMetrics(path).rows.map(({ epoch }) => epoch);

describe('metrics.csv', () => {
  it('has the columns of the contract', () => {
    const all = 'epoch,step,time_s,train/loss,train/accuracy,val/loss,val/accuracy,lr';
    expect(columns.join(',')).toBe(all);
  });

  it('has a header once and a row each time, with an empty cell for what is absent', () => {
    appendEpochs(2);
    expect(text()).toBe(
      `${columns.join(',')}\n1,10,0.3333333333333333,1,,,,0.001\n2,20,0.6666666666666666,0.5,,,,0.001\n`,
    );
    expect(readMetrics(path).rows).toEqual([row(1), row(2)]);
    expect(readMetrics(path).columns).toEqual(columns);
  });

  it('gives back every float64 exactly (seed 5)', () => {
    const random = hostRandom(5, 'test/runs/metrics-csv');
    const bits = new DataView(new ArrayBuffer(8));
    const values = [0, -0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 1e21, 1e-7, 0.1 + 0.2];
    for (let i = 0; i < 200; i++) {
      bits.setUint32(0, random.below(2 ** 32));
      bits.setUint32(4, random.below(2 ** 32));
      values.push(bits.getFloat64(0));
    }
    for (const value of values) appendMetricsRow(path, ['lr'], { lr: value });
    const read = readMetrics(path).rows.map(({ lr }) => lr);
    expect(read.length).toBe(values.length);
    values.forEach((value, i) => expect(read[i]).toBe(value));
  });

  it('refuses a column that it does not have', () => {
    expect(() => appendMetricsRow(path, columns, { nonsense: 1 })).toThrow('no column named "nonsense"');
    expect(() => appendMetricsRow(path, ['a,b'], {})).toThrow(TypeError);
  });

  it('that cannot be written is a FileWriteError', () => {
    expect(() => appendMetricsRow(join(folder, 'missing', 'metrics.csv'), columns, {})).toThrow(FileWriteError);
  });

  it.each([
    ['1,10', ':3', 'has 2 cells for 8 columns'],
    ['1,10,x,,,,,', ':3', 'time_s is not a number: "x"'],
    ['1,10, ,,,,,', ':3', 'time_s is not a number: " "'],
    ['1,10,0x10,,,,,', ':3', 'time_s is not a number: "0x10"'],
  ])('names the line of a bad row: %s', (line, place, problem) => {
    appendEpochs(1);
    appendFileSync(path, `${line}\n`);
    expect(() => readMetrics(path)).toThrow(RunDirectoryError);
    expect(() => readMetrics(path)).toThrow(`${path}${place}: ${problem}`);
  });
});

describe('truncateMetricsAfter', () => {
  it('drops the rows after a step and keeps the bytes of the others', () => {
    appendEpochs(3);
    const three = text();
    appendEpochs(0);
    appendMetricsRow(path, columns, row(4));
    appendMetricsRow(path, columns, row(5));
    truncateMetricsAfter(path, 39);
    expect(text()).toBe(three);
    truncateMetricsAfter(path, 30);
    expect(text()).toBe(three);
    truncateMetricsAfter(path, 0);
    expect(text()).toBe(`${columns.join(',')}\n`);
  });

  it('then appending gives the file of a run that was never cut off, wherever the last write was', () => {
    appendEpochs(4);
    const whole = text();
    for (let length = 0; length <= whole.length; length += 3) {
      writeFileSync(path, whole.slice(0, length));
      const complete = epochs().length;
      expect(complete).toBe(Math.max(0, whole.slice(0, length).split('\n').length - 2));
      truncateMetricsAfter(path, 20);
      for (let epoch = Math.min(complete, 2) + 1; epoch <= 4; epoch++) appendMetricsRow(path, columns, row(epoch));
      expect(text(), `cut off after ${length} bytes`).toBe(whole);
    }
  });

  it('has nothing to do where there is no file yet', () => {
    truncateMetricsAfter(path, 10);
    expect(readMetrics(path)).toEqual({ columns: [], rows: [] });
  });
});
