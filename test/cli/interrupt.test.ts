import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Interrupt } from '../../src/cli/interrupt.js';
import { digest, hasCheckpoint, hasFile, nn, rows, runOf, start, tempFolder, until } from './helpers.js';

const folder = tempFolder();
const train = (name: string, ...more: string[]): string[] => [
  'train', 'configs/mnist-mlp.yaml', 'data.limit_train=2000', 'data.limit_test=200', 'data.split.val=500',
  'train.batch_size=16', 'train.checkpoint_every=50', 'train.max_epochs=12',
  '--runs-dir', folder, '--name', name, ...more,
]; // prettier-ignore

describe.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('a run that gets %s', (signal) => {
  const name = `stopped-${signal}`;

  it('finishes its step, writes a checkpoint, says how to resume and exits with 130', async () => {
    const running = start(...train(name));
    await until(() => hasCheckpoint(folder, name), running);
    running.child.kill(signal);
    expect(await running.ended).toEqual({ code: 130, signal: null });
    expect(running.err()).toContain('stopping after this step; once more to quit at once');
    expect(running.err()).toContain(`resume with: nn train --resume ${runOf(folder, name)}`);
    expect(running.err()).toContain('interrupted after');
  });

  it('ends, resumed, with the tensors and metrics rows of a run that was not stopped', () => {
    const resumed = nn('train', '--resume', runOf(folder, name));
    expect(resumed.code, resumed.err).toBe(0);
    const whole = nn(...train(`whole-${signal}`));
    expect(whole.code, whole.err).toBe(0);
    expect(digest(runOf(folder, name))).toBe(digest(runOf(folder, `whole-${signal}`)));
    expect(rows(runOf(folder, name))).toEqual(rows(runOf(folder, `whole-${signal}`)));
  });
});

describe('a run whose npx gets SIGTERM', () => {
  it('stops when the shell that npx runs it in has gone', async () => {
    // npx runs the command in a shell, which dies of the signal and leaves it running.
    const words = [process.execPath, 'dist/bin/nn.js', ...train('orphan')].map((word) => `'${word}'`).join(' ');
    const shell = spawn('sh', ['-c', `${words}; true`], { stdio: 'ignore', env: { ...process.env, npm_command: 'exec' } }); // prettier-ignore
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      shell.on('close', (code, signal) => resolve({ code, signal }));
    });
    await until(() => hasCheckpoint(folder, 'orphan'), { child: shell, out: () => '', err: () => '', ended });
    shell.kill('SIGTERM');
    expect((await ended).signal).toBe('SIGTERM');
    await vi.waitUntil(() => hasFile(folder, 'orphan', 'summary.json'), { timeout: 10_000, interval: 50 });
    const summary: unknown = JSON.parse(readFileSync(join(runOf(folder, 'orphan'), 'summary.json'), 'utf8'));
    expect(summary).toMatchObject({ status: 'interrupted' });
  });
});

describe('a run that gets SIGINT in a long validation', () => {
  it('stops in it, and ends, resumed, as one that was not stopped', async () => {
    // Four steps, and then thousands of batches to validate.
    const args = (name: string): string[] => [
      'train', 'configs/mnist-mlp.yaml', 'data.limit_train=64', 'data.limit_test=50', 'data.split.val=10000',
      'train.batch_size=16', 'train.eval_batch_size=1', 'train.max_epochs=1', '--runs-dir', folder, '--name', name,
    ]; // prettier-ignore
    const running = start(...args('validating'));
    const begun = (): boolean =>
      hasFile(folder, 'validating', 'log.txt') &&
      readFileSync(join(runOf(folder, 'validating'), 'log.txt'), 'utf8').includes('first step done');
    await until(begun, running);
    running.child.kill('SIGINT');
    expect(await running.ended).toEqual({ code: 130, signal: null });
    const run = runOf(folder, 'validating');
    const summary = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')) as Record<string, unknown>;
    expect(summary).toMatchObject({ status: 'interrupted', epochs: 0 });
    const resumed = nn('train', '--resume', run);
    expect(resumed.code, resumed.err).toBe(0);
    nn(...args('validated'));
    expect(digest(run)).toBe(digest(runOf(folder, 'validated')));
    expect(rows(run)).toEqual(rows(runOf(folder, 'validated')));
  });
});

describe('a second Ctrl-C', () => {
  it('quits at once with 130, without waiting for the step', () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as () => never);

    const interrupt = new Interrupt(() => undefined);
    interrupt.listen();
    try {
      process.emit('SIGINT');
      expect(interrupt.signal.aborted).toBe(true);
      expect(exit).not.toHaveBeenCalled();
      process.emit('SIGINT');
      expect(exit).toHaveBeenCalledWith(130);
    } finally {
      interrupt.release();
      exit.mockRestore();
    }
  });
});
