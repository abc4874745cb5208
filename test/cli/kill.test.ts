import { describe, expect, it } from 'vitest';
import { hostRandom } from '../../src/tensor/index.js';
import { digest, hasCheckpoint, rows, runOf, start, tempFolder, until } from './helpers.js';

const folder = tempFolder();

/** Runs nn, killed with SIGKILL `milliseconds` after `ready` holds; resolves to whether it ended by itself. */
async function nn(args: readonly string[], milliseconds = 60_000, ready = (): boolean => true): Promise<boolean> {
  const running = start(...args, '--quiet');
  await until(ready, running);
  const timer = setTimeout(() => running.child.kill('SIGKILL'), milliseconds);
  const { code } = await running.ended;
  clearTimeout(timer);
  return code === 0;
}

const train = (name: string): string[] => [
  'train', 'configs/mnist-mlp.yaml', 'data.limit_train=4000', 'data.limit_test=500', 'data.split.val=500',
  'train.max_epochs=30', 'train.checkpoint_every=7', '--runs-dir', folder, '--name', name,
]; // prettier-ignore

const result = (name: string): { tensors: string; rows: string[] } => {
  const run = runOf(folder, name);
  return { tensors: digest(run), rows: rows(run) };
};

describe('a run killed with kill -9 again and again', () => {
  it('ends, resumed, with the tensors and metrics rows of a run that never was', async () => {
    expect(await nn(train('whole'))).toBe(true);
    const seed = Number(process.env.NN_SEED ?? 1);
    const random = hostRandom(seed, 'kill');
    // The first kill comes once there is something to resume from, however slow the machine is.
    const started = (): boolean => hasCheckpoint(folder, 'killed');
    let done = await nn(train('killed'), random.below(300), started);
    let kills = done ? 0 : 1;
    for (let attempt = 0; !done && attempt < 60; attempt++) {
      done = await nn(['train', '--resume', runOf(folder, 'killed')], kills < 20 ? 500 + random.below(300) : 60_000);
      if (!done) kills++;
    }
    expect(done, `seed ${seed}, ${kills} kills`).toBe(true);
    expect(kills).toBeGreaterThan(0);
    expect(result('killed'), `seed ${seed}, ${kills} kills`).toEqual(result('whole'));
  });
});
