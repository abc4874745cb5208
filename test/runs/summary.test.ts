import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readSummary, type Summary, writeSummary } from '../../src/runs/summary.js';

it('summary.json holds the summary, with null for what is not finite, which is read as undefined and not as 0', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nn-summary-'));
  const summary: Summary = {
    status: 'failed',
    reason: 'the loss is NaN at step 20',
    epochs: 2,
    steps: 20,
    best: { epoch: 1, 'val/loss': 0.30000000000000004 },
    final: { 'train/loss': NaN },
    wall_time_s: 1.5,
    samples_per_s: 1000,
    peak_memory_mb: 100,
    run_dir: 'runs/iris/x',
  };
  writeSummary(join(folder, 'summary.json'), summary);
  const read: unknown = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8'));
  expect(read).toEqual({ ...summary, final: { 'train/loss': null } });
  expect(readSummary(join(folder, 'summary.json'))).toEqual(summary);
  rmSync(folder, { recursive: true });
});
