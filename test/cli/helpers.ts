/** Runs nn for the tests of the command line, in this process or as one of its own, and reads what a run left. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/program.js';
import { loadCheckpoint } from '../../src/runs/index.js';

const program = 'dist/bin/nn.js';

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A folder for the test file that asks, removed after its tests. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nn-cli-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs nn as a process of its own. */
export function nn(...args: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

/** Runs nn in this process, which saves its start; what it writes is caught. */
export async function nnHere(...args: string[]): Promise<Outcome> {
  const texts = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      texts[name] += String(chunk);
      return true;
    }),
  );
  try {
    const code = await runCommandLine(args);
    return { code, out: texts.stdout, err: texts.stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** A process that is still running. */
export interface RunningProcess {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts nn and does not wait for it. */
export function start(...args: string[]): RunningProcess {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => (texts[name] += chunk));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  return { child, out: () => texts.stdout, err: () => texts.stderr, ended };
}

/** Resolves once `ready` holds or the process has ended. */
export async function until(ready: () => boolean, { ended }: RunningProcess): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  while (!over && !ready()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The only run named `name` in `folder`. */
export const runOf = (folder: string, name: string): string => join(folder, name, readdirSync(join(folder, name))[0]);

/** Whether that run has begun and has this file. */
export const hasFile = (folder: string, name: string, ...path: string[]): boolean =>
  existsSync(join(folder, name)) &&
  readdirSync(join(folder, name)).length > 0 &&
  existsSync(join(runOf(folder, name), ...path));

/** Whether that run has something to resume from. */
export const hasCheckpoint = (folder: string, name: string): boolean =>
  hasFile(folder, name, 'checkpoints', 'last.safetensors');

/** sha256 of all tensors of a run's last checkpoint. */
export function digest(runDir: string): string {
  const hash = createHash('sha256');
  const { tensors } = loadCheckpoint(join(runDir, 'checkpoints', 'last.safetensors'));
  for (const [name, { values }] of tensors)
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest('hex');
}

/** A run's rows of metrics without the time, which differs from run to run. */
export function rows(runDir: string): string[] {
  const lines = readFileSync(join(runDir, 'metrics.csv'), 'utf8').split('\n');
  return lines.map((line) => line.split(',').filter((_, i) => i !== 2).join()); // prettier-ignore
}
