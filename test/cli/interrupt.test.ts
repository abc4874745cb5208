import { describe, expect, it, vi } from 'vitest';
import { listenForInterrupt } from '../../src/cli/interrupt.js';
import { digest, hasCheckpoint, nn, rows, runOf, start, tempFolder, until } from './helpers.js';

const folder = tempFolder();
const train = (name: string, ...more: string[]): string[] => [
  'train', 'configs/mnist-mlp.yaml', 'data.limit_train=2000', 'data.limit_test=200', 'data.split.val=500',
  'train.batch_size=16', 'train.checkpoint_every=50', 'train.max_epochs=12',
  '--runs-dir', folder, '--name', name, ...more,
]; // prettier-ignore

describe.each(['SIGINT', 'SIGTERM'] as const)('a run that gets %s', (signal) => {
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

describe('a second Ctrl-C', () => {
  it('quits at once with 130, without waiting for the step', () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as () => never);

    const interrupt = listenForInterrupt(() => undefined);
    try {
      process.emit('SIGINT');
      expect(interrupt.requested()).toBe(true);
      expect(exit).not.toHaveBeenCalled();
      process.emit('SIGINT');
      expect(exit).toHaveBeenCalledWith(130);
    } finally {
      interrupt.release();
      exit.mockRestore();
    }
  });
});
