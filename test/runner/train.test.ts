import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareFiles, type EngineOptions, resumeRun, type RunEvent, trainFile } from '../../src/runner/index.js';
import { readMetrics, runPaths } from '../../src/runs/index.js';
import { writeExperiment } from '../cli/circle.js';
import { digest, tempFolder } from '../cli/helpers.js';

const folder = tempFolder();
const file = writeExperiment(folder);
const engine: EngineOptions = { backend: 'wasm', threads: 1, winograd: true };
const kinds = (events: readonly RunEvent[]): string[] => events.map(({ kind }) => kind);

describe('trainFile', () => {
  it('reports a run in events and returns the summary of the last', async () => {
    const events: RunEvent[] = [];
    let steps = 0;
    const onProgress = (): void => void steps++;
    const runsDir = join(folder, 'events');
    const summary = await trainFile(file, { runsDir, engine, onEvent: (event) => events.push(event), onProgress });
    expect(kinds(events)).toEqual(['loaded', 'started', 'epoch', 'epoch', 'epoch', 'ended']);
    expect(events.at(-1)).toEqual({ kind: 'ended', summary });
    expect(steps).toBe(summary.steps);
    expect(readMetrics(runPaths(summary.run_dir).metrics).rows).toHaveLength(3);
  });

  it('cross-validates with the fold of each event', async () => {
    const events: RunEvent[] = [];
    const options = { runsDir: join(folder, 'folds'), engine, overrides: ['data.split={}', 'data.folds=2'] };
    await trainFile(file, { ...options, onEvent: (event) => events.push(event) });
    const ended = events.filter(({ kind }) => kind === 'ended');
    expect(ended.map(({ fold }) => fold?.fold)).toEqual([1, 2, undefined]);
  });
});

describe('resumeRun', () => {
  it('ends a run that was aborted with the bits of one that was not', async () => {
    const whole = await trainFile(file, { runsDir: join(folder, 'whole'), engine });
    const stop = new AbortController();
    const onEvent = (event: RunEvent): void => void (event.kind === 'epoch' && stop.abort());
    const part = await trainFile(file, { runsDir: join(folder, 'part'), engine, signal: stop.signal, onEvent });
    expect(part.status).toBe('interrupted');
    expect(await resumeRun(part.run_dir, { engine })).toMatchObject({ status: 'completed', steps: whole.steps });
    expect(digest(part.run_dir)).toBe(digest(whole.run_dir));
  });
});

describe('compareFiles', () => {
  const compare = (winograd: boolean) =>
    compareFiles([file], { runsDir: join(folder, 'compared'), engine: { ...engine, winograd }, seeds: [1] });
  const reused = async (winograd: boolean): Promise<boolean[]> =>
    (await compare(winograd)).variants[0].runs.map((run) => run.reused);

  it('reuses the runs of the same engine only, as their provenance records it', async () => {
    expect(await reused(true)).toEqual([false]);
    expect(await reused(true)).toEqual([true]);
    expect(await reused(false)).toEqual([false]);
  });
});
