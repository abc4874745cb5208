import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StepProfile } from '../../src/train/index.js';
import { nnHere, type Outcome, tempFolder } from './helpers.js';

// Wide enough that both threads have something to do.
const wide = ['model.layers.0.units=256', 'model.layers.1.units=3', 'train.batch_size=90'];
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe('nn profile', () => {
  const page = join(tempFolder(), 'profile.html');
  let outcome: Outcome;
  let profile: StepProfile;
  beforeAll(async () => {
    outcome = await nnHere('profile', 'configs/smoke.yaml', '--json', '--threads', '2', '--html', page, ...wide);
    profile = JSON.parse(outcome.out) as StepProfile;
  }, 30_000);

  it('accounts for all of the time, by kernel and by layer', () => {
    expect(outcome.code).toBe(0);
    expect(profile.batchSize).toBe(90);
    expect(sum(profile.kernels.map(({ share }) => share))).toBeCloseTo(1, 6);
    expect(sum(profile.layers.map(({ share }) => share))).toBeCloseTo(1, 6);
    expect(sum(profile.layers.map(({ milliseconds }) => milliseconds))).toBeCloseTo(
      sum(profile.kernels.map(({ milliseconds }) => milliseconds)),
      9,
    );
  });

  it('names the layer or part of every kernel, and what it does there', () => {
    const parts = ['layers.0 (dense)', 'layers.1 (dense)', 'data', 'loss', 'metrics', 'finiteness', 'optimizer'];
    for (const { layer } of profile.kernels) expect(parts).toContain(layer);
    const products = profile.kernels.filter(({ flops }) => flops > 0).map(({ layer, task }) => `${layer}: ${task}`);
    expect(products.sort()).toEqual([
      'layers.0 (dense): matrix product',
      'layers.0 (dense): weight gradient',
      'layers.1 (dense): input gradient',
      'layers.1 (dense): matrix product',
      'layers.1 (dense): weight gradient',
    ]);
    const updates = profile.kernels.filter(({ layer }) => layer === 'optimizer').map(({ task }) => task);
    expect(updates).toContain('update of layers.0.weight');
  });

  it('counts the floating-point operations of a product, and names what is fused into it', () => {
    const product = profile.kernels.find(
      ({ layer, task }) => layer === 'layers.0 (dense)' && task === 'matrix product',
    );
    expect(product).toMatchObject({ flops: 2 * 90 * 4 * 256, shape: [90, 256], fused: ['add', 'max'] });
  });

  it('times the whole step on one thread and on all', () => {
    expect(profile.steps.map(({ threads }) => threads)).toEqual([1, 2]);
    for (const { milliseconds, fastest } of profile.steps) {
      expect(fastest).toBeGreaterThan(0);
      expect(milliseconds).toBeGreaterThanOrEqual(fastest);
    }
    expect(profile.phases.shared).toBeGreaterThan(0);
    expect(profile.phases.shared).toBeLessThan(profile.phases.total);
    expect(profile.limit).toBeGreaterThan(0);
    expect(profile.bandwidth).toBeGreaterThan(0);
  });

  it('has a timeline in which every kernel is done once and no thread does two things at a time', () => {
    const { timeline, kernels } = profile;
    expect(new Set(timeline.map(({ kernel }) => kernel)).size).toBe(kernels.length);
    for (const thread of [0, 1]) {
      const spans = timeline.filter((span) => span.thread === thread).sort((a, b) => a.start - b.start);
      spans.forEach(({ start, end }, i) => {
        expect(end).toBeGreaterThanOrEqual(start);
        if (i > 0) expect(start).toBeGreaterThanOrEqual(spans[i - 1].end);
      });
    }
    // A kernel begins when those of all earlier phases that are shared have ended.
    const phaseOf = (span: { kernel: number }): number => kernels[span.kernel].phase;
    for (const span of timeline.filter(({ kernel }) => kernels[kernel].shared)) {
      const earlier = timeline.filter((other) => phaseOf(other) < phaseOf(span));
      expect(span.start).toBeGreaterThanOrEqual(Math.max(0, ...earlier.map(({ end }) => end)));
    }
  });

  it('prints a table by time, totals by layer, the step, and the limit', () => {
    const lines = outcome.err.split('\n');
    expect(lines[1]).toMatch(/^ *share +ms +speed +of limit +layer +kernel +shape +fused in$/);
    expect(outcome.err).toMatch(
      /% +[\d.]+ +[\d.]+ GFLOP\/s +[\d.]+ % +layers\.0 \(dense\) +matrix product +\[90, 256\] +add max\n/,
    );
    expect(outcome.err).toMatch(/a step of 90 samples on 1 thread: [\d.]+ ms \(fastest [\d.]+\), [\d,]+ samples\/s\n/);
    expect(outcome.err).toMatch(
      /kernels \(timed one by one on one thread: [\d.]+ ms\) in \d+ phases, \d+ of them parallel\n/,
    );
    expect(outcome.err).toMatch(/GB\/s +[\d.]+ % /);
    expect(outcome.err).toMatch(/limit on one thread: [\d.]+ GFLOP\/s, .*; [\d.]+ GB\/s, /);
  });

  it('writes a page that needs nothing else, with a bar for every task', () => {
    const html = readFileSync(page, 'utf8');
    expect(html).not.toMatch(/<script|<link|src=|href=/);
    expect(html.match(/<rect /g)).toHaveLength(profile.timeline.length);
    expect(html).toContain('weight gradient');
  });

  it('says which backend has kernels to time', async () => {
    const { code, err } = await nnHere('profile', 'configs/smoke.yaml', '--backend', 'reference');
    expect(code).toBe(2);
    expect(err).toContain('error: this backend has no kernels to time; use --backend wasm');
  });
});
