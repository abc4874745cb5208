/** Where output goes, and that losing it stops nothing: with real pipes, files and processes. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../src/runs/index.js';
import { nn, nnHere, runOf, tempFolder } from './helpers.js';

const folder = tempFolder();
const smoke = 'configs/smoke.yaml';

/** Runs `command` in a shell, where `$nn` is the program. */
const shell = (command: string): { status: number | null; stdout: string; stderr: string } =>
  spawnSync('bash', ['-c', command], {
    encoding: 'utf8',
    env: { ...process.env, nn: `${process.execPath} dist/bin/nn.js`, folder },
  });

const lastLine = (text: string): unknown => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');

describe('results', () => {
  it.each([
    [['check', smoke], /^total: 67 parameters/m],
    [['data', 'configs/iris.yaml'], /^splits: train/m],
    [['gradcheck', smoke], /^ok: all gradients/m],
    [['overfit-batch', smoke], /^ok: the network/m],
    [['list', 'layers', 'dense'], /^dense: /],
    [['compare', smoke, '--seeds', '1', 'train.max_epochs=1', '--runs-dir', folder], /^config +runs/m],
  ])('of %j go to stdout; with --json to stderr, and stdout is one JSON object', async (args, pattern) => {
    const { out, err } = await nnHere(...args);
    expect(out).toMatch(pattern);
    expect(err).not.toMatch(pattern);
    const json = await nnHere(...args, '--json');
    expect(json.out.trimEnd().split('\n')).toHaveLength(1);
    expect(typeof JSON.parse(json.out)).toBe('object');
    if (args[0] !== 'list') expect(json.err).toMatch(pattern);
  });

  it.each([
    [['check', smoke, 'optimizer.lr=abc'], 2, 'optimizer.lr: expected a non-negative number'],
    [['eval', 'none.safetensors'], 1, 'none.safetensors'],
    [['train'], 2, 'train needs a config file'],
    [['trian', smoke], 2, "unknown command 'trian'"],
    [['train', smoke, '--epochs', '3'], 2, "unknown option '--epochs'"],
    [['list', 'nothing'], 2, '"nothing"'],
  ])('an error of %j is an object too', async (args, code, text) => {
    const outcome = await nnHere(...args, '--json', '--quiet');
    expect(outcome.code).toBe(code);
    expect(lastLine(outcome.out)).toEqual({
      error: { message: expect.stringContaining(text) as string, exit_code: code },
    });
    expect(outcome.err).toContain(text);
  });

  it('the object of a run that fails is its summary', async () => {
    const { out, code } = await nnHere('train', smoke, 'optimizer={sgd: {lr: 1e30}}', '--runs-dir', folder, '--json');
    expect(code).toBe(1);
    expect(lastLine(out)).toMatchObject({ status: 'failed' });
  });
});

describe('output that nobody reads', () => {
  const train = `$nn train ${smoke} --runs-dir $folder/RUNS --json`;
  const summaryOf = (runs: string): Summary =>
    JSON.parse(readFileSync(join(runOf(join(folder, runs), 'smoke'), 'summary.json'), 'utf8')) as Summary;

  it.each([
    ['a reader that is gone', 'gone', (command: string) => `(${command} 3>&1 1>&4 2>&3 | true) 4>&1`],
    ['a full disk', 'full', (command: string) => `${command} 2>/dev/full`],
    ['no stderr at all', 'closed', (command: string) => `${command} 2>&-`],
  ])('on stderr, as with %s, does not stop a run', (_, runs, wrap) => {
    const { status, stdout } = shell(wrap(train.replace('RUNS', runs)));
    expect(status).toBe(0);
    expect(lastLine(stdout)).toMatchObject({ status: 'completed' });
    expect(summaryOf(runs).status).toBe('completed');
    const run = runOf(join(folder, runs), 'smoke');
    expect(readdirSync(run).filter((name) => name.startsWith('lock'))).toEqual([]);
    expect(readFileSync(join(run, 'log.txt'), 'utf8')).toMatch(/completed after/);
  });

  it('on both does not either: a run whose terminal is a closed pipe comes to its end', async () => {
    const args = ['dist/bin/nn.js', 'train', smoke, '--runs-dir', join(folder, 'both'), '--json'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    child.stderr.destroy();
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0);
    expect(summaryOf('both').status).toBe('completed');
  });

  it('a run that fails says so in its exit code, whoever reads', () => {
    const failing = `${train.replace('RUNS', 'failed')} 'optimizer={sgd: {lr: 1e30}}'`;
    expect(shell(`${failing} >/dev/null 2>/dev/full`).status).toBe(1);
    expect(shell(`set -o pipefail; (${failing}) 2>&1 | true`).status).toBe(1);
    expect(shell(`$nn train nothing.yaml 2>/dev/full`).status).toBe(2);
  });

  it('of `nn list | head -1` ends quietly', () => {
    const { status, stdout, stderr } = shell('set -o pipefail; $nn list layers | head -1');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^dense: /);
  });

  it('a result that a full disk has lost is an error', () => {
    const { status, stderr } = shell('$nn list layers >/dev/full');
    expect(status).toBe(1);
    expect(stderr).toContain('error: the result could not be written to stdout: ');
  });
});

describe('text from files', () => {
  const steering = '\x1b[31m\x1b]0;owned\x07\u009b2J\u202e';

  it('never reaches the terminal raw', async () => {
    const path = join(folder, `evil${steering}`);
    mkdirSync(path);
    writeFileSync(
      join(path, 'd.csv'),
      `a,b${steering},k\n${Array.from({ length: 12 }, (_, i) => `${i},${i % 5},${i % 2 ? 'x' : `y${steering}`}`).join('\n')}\n`,
    );
    const config = join(path, 'c.yaml');
    const lines = [
      'data: {source: {csv: {path: d.csv, target: k}}}',
      'model: {layers: [{dense: {units: 2}}]}',
      'train: {max_epochs: 1}',
      'metrics: [confusion_matrix]',
      'task: classification',
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const runs = ['--runs-dir', join(path, 'runs')];
    const outcomes = [
      await nnHere('data', config),
      await nnHere('check', config, `optimizer.${steering}=1`),
      await nnHere('check', config, `"x${steering}"=1`),
      await nnHere('check', config),
      await nnHere('train', config, ...runs),
      await nnHere('train', config, ...runs, '--name', `n${steering}`),
      await nnHere('list', `layers${steering}`),
      await nnHere(`x${steering}`),
      await nnHere('train', config, `--option${steering}`, '--json'),
      await nnHere('data', config, '--json'),
    ];
    // eslint-disable-next-line no-control-regex -- control characters are what it looks for
    for (const { out, err } of outcomes) expect(out + err).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
    expect(outcomes[0].out).toContain('\\x1b[31m');
    const { run_dir } = JSON.parse(nn('train', config, ...runs, '--json').out) as Summary;
    expect(readFileSync(join(run_dir, 'log.txt'), 'utf8')).not.toContain('\x1b');
  });
});
