import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/runs/index.js';
import { hostRandom } from '../../src/tensor/index.js';

const folder = mkdtempSync(join(tmpdir(), 'nn-kill-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs nn, killed with SIGKILL `milliseconds` after `ready` holds; resolves to whether it ended by itself. */
function nn(args: readonly string[], milliseconds = 60_000, ready = (): boolean => true): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['dist/cli/main.js', ...args, '--quiet'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    let timer: NodeJS.Timeout | undefined;
    const poll = setInterval(() => {
      if (!ready()) return;
      clearInterval(poll);
      timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
    }, 10);
    child.on('exit', (code) => {
      clearInterval(poll);
      clearTimeout(timer);
      resolve(code === 0);
    });
  });
}

const train = (name: string): string[] => [
  'train', 'configs/mnist-mlp.yaml', 'data.limit_train=4000', 'data.limit_test=500', 'data.split.val=500',
  'train.max_epochs=30', 'train.checkpoint_every=7', '--runs-dir', folder, '--name', name,
]; // prettier-ignore

const runOf = (name: string): string => join(folder, name, readdirSync(join(folder, name))[0]);

function result(name: string): { tensors: string; rows: string[] } {
  const hash = createHash('sha256');
  const { tensors } = loadCheckpoint(join(runOf(name), 'checkpoints', 'last.safetensors'));
  for (const [key, { values }] of tensors)
    hash.update(key).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const rows = readFileSync(join(runOf(name), 'metrics.csv'), 'utf8').split('\n');
  return {
    tensors: hash.digest('hex'),
    rows: rows.map((row) =>
      row
        .split(',')
        .filter((_, i) => i !== 2)
        .join(),
    ),
  };
}

describe('a run killed with kill -9 again and again', () => {
  it('ends, resumed, with the tensors and metrics rows of a run that never was', async () => {
    expect(await nn(train('whole'))).toBe(true);
    const seed = Number(process.env.NN_SEED ?? 1);
    const random = hostRandom(seed, 'kill');
    // The first kill comes once there is something to resume from, however slow the machine is.
    const checkpoint = (): string => join(runOf('killed'), 'checkpoints', 'last.safetensors');
    const started = (): boolean => existsSync(join(folder, 'killed')) && existsSync(checkpoint());
    let done = await nn(train('killed'), random.below(300), started);
    let kills = done ? 0 : 1;
    for (let attempt = 0; !done && attempt < 60; attempt++) {
      done = await nn(['train', '--resume', runOf('killed')], kills < 20 ? 500 + random.below(300) : 60_000);
      if (!done) kills++;
    }
    expect(done, `seed ${seed}, ${kills} kills`).toBe(true);
    expect(kills).toBeGreaterThan(0);
    expect(result('killed'), `seed ${seed}, ${kills} kills`).toEqual(result('whole'));
  });
});
