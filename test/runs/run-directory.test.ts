import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunDirectoryError } from '../../src/runs/run-directory-error.js';
import { checkRunName, RunDirectory, runPaths } from '../../src/runs/run-directory.js';

let runs: string;
beforeEach(() => {
  runs = mkdtempSync(join(tmpdir(), 'nn-runs-'));
});
afterEach(() => rmSync(runs, { recursive: true }));

/** A run that ended in some way and has what a resume needs. */
function finishedRun(): string {
  const run = RunDirectory.create(runs, 'iris');
  writeFileSync(run.paths.config, 'name: iris\n');
  writeFileSync(run.paths.lastCheckpoint, '');
  run.close();
  return run.path;
}

const locksIn = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('lock.'));
const host = hostname().replace(/[^A-Za-z0-9._-]/g, '_');

/** The lock file that another process would have put down. */
function lockOf(child: ChildProcess): string {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  return `lock.${child.pid}.${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}.${host}`;
}

describe('RunDirectory.create', () => {
  it('makes runs/<name>/<YYYYMMDD-HHMMSS>-<id> with a folder for checkpoints', () => {
    const run = RunDirectory.create(runs, 'iris', new Date(2026, 0, 2, 3, 4, 5));
    expect(dirname(run.path)).toBe(join(runs, 'iris'));
    expect(basename(run.path)).toMatch(/^20260102-030405-[a-z0-9]{6}$/);
    expect(existsSync(dirname(run.paths.lastCheckpoint))).toBe(true);
    expect(run.paths).toEqual(runPaths(run.path));
    run.close();
    expect(readdirSync(run.path)).toEqual(['checkpoints']);
  });

  it('gives runs of the same second folders of their own', () => {
    const now = new Date();
    const made = Array.from({ length: 200 }, () => RunDirectory.create(runs, 'iris', now).path);
    expect(new Set(made).size).toBe(200);
    expect(readdirSync(join(runs, 'iris')).length).toBe(200);
  });

  it.each([
    '',
    '.',
    '..',
    '../x',
    'a/b',
    'a\\b',
    '/abs',
    '-x',
    '.hidden',
    'a\0b',
    'a\nb',
    'a:b',
    'x.',
    'x ',
    'x'.repeat(201),
  ])('refuses the name %j', (name) => {
    expect(() => RunDirectory.create(runs, name)).toThrow(RunDirectoryError);
    expect(() => RunDirectory.create(runs, name)).toThrow('cannot be the name of a run');
    expect(readdirSync(runs)).toEqual([]);
  });

  it('accepts ordinary names', () => {
    for (const name of ['mnist-mlp', 'lr=0.01', 'Läufe 2', 'v1.2_a+b', '7']) checkRunName(name);
  });

  it('says why where a file is in the way', () => {
    writeFileSync(join(runs, 'iris'), '');
    expect(() => RunDirectory.create(runs, 'iris')).toThrow(/iris: cannot hold a new run: /);
  });

  it.runIf(existsSync('/proc/self'))('says so where the system makes no folders', () => {
    expect(() => RunDirectory.create('/proc/runs', 'iris')).toThrow(
      /iris: cannot hold a new run: no such file or folder/,
    );
  });

  it('makes all folders that are missing above it', () => {
    const run = RunDirectory.create(join(runs, 'a', 'b'), 'iris');
    expect(dirname(run.path)).toBe(join(runs, 'a', 'b', 'iris'));
    run.close();
  });
});

describe('RunDirectory.openForResume', () => {
  it('opens a run, and removes the temporary files of writes that were cut off', () => {
    const path = finishedRun();
    writeFileSync(join(path, 'checkpoints', '.last.safetensors.0123456789ab.tmp'), '');
    writeFileSync(join(path, '.metrics.csv.0123456789ab.tmp'), '');
    const run = RunDirectory.openForResume(path);
    run.log('resumed');
    run.close();
    expect(readdirSync(path).sort()).toEqual(['checkpoints', 'config.yaml', 'log.txt']);
    expect(readdirSync(join(path, 'checkpoints'))).toEqual(['last.safetensors']);
  });

  it('refuses what is not a run, and a run without a checkpoint', () => {
    const open = (path: string) => () => RunDirectory.openForResume(path);
    expect(open(join(runs, 'missing'))).toThrow('is not a folder');
    expect(open(runs)).toThrow('has no config.yaml');
    const path = finishedRun();
    rmSync(runPaths(path).lastCheckpoint);
    expect(open(path)).toThrow(/ended before its first checkpoint\n {2}start the run anew: nn train .*config\.yaml/);
    expect(locksIn(path)).toEqual([]);
  });

  it('refuses a run that this process has open', () => {
    const path = finishedRun();
    const run = RunDirectory.openForResume(path);
    expect(() => RunDirectory.openForResume(path)).toThrow(`is in use by process ${process.pid}`);
    expect(locksIn(path).length).toBe(1);
    run.close();
    RunDirectory.openForResume(path).close();
  });

  it.runIf(process.platform === 'linux')(
    'refuses a run of a living process and takes over that of a dead one',
    async () => {
      const path = finishedRun();
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      await once(child, 'spawn');
      const lock = lockOf(child);
      writeFileSync(join(path, lock), '');
      expect(() => RunDirectory.openForResume(path)).toThrow(`is in use by process ${child.pid} on ${host}`);
      expect(locksIn(path)).toEqual([lock]);

      child.kill('SIGKILL');
      await once(child, 'exit');
      const run = RunDirectory.openForResume(path);
      expect(locksIn(path)).not.toContain(lock);
      run.close();
      expect(locksIn(path)).toEqual([]);
    },
  );

  it.runIf(process.platform === 'linux')('is not misled by a later process with the number of a dead one', () => {
    const path = finishedRun();
    writeFileSync(join(path, `lock.${process.ppid}.1.${host}`), '');
    RunDirectory.openForResume(path).close();
    expect(locksIn(path)).toEqual([]);
  });

  it('leaves alone the lock of another machine, whose processes it cannot see', () => {
    const path = finishedRun();
    writeFileSync(join(path, 'lock.1.1.elsewhere'), '');
    expect(() => RunDirectory.openForResume(path)).toThrow(
      /in use by process 1 on elsewhere[^]*delete .*lock\.1\.1\.elsewhere/,
    );
  });
});

describe.runIf(process.platform === 'linux')('a lock of another container', () => {
  /** The own lock's name, with `change` made to its number and its parts machine, boot and namespace. */
  const lockLike = (path: string, pid: number, change: (parts: string[]) => void): string => {
    const run = RunDirectory.openForResume(path);
    const [own] = locksIn(path);
    run.close();
    const [, start, label, rest] = /^lock\.\d+\.(\d+)\.([^.]*)\.(.*)$/.exec(own) ?? [];
    const parts = label.split('-');
    change(parts);
    return `lock.${pid}.${start}.${parts.join('-')}.${rest}`;
  };

  it('counts as alive, though no such process can be seen, and the message says where', () => {
    const path = finishedRun();
    const lock = lockLike(path, 4_000_000, (parts) => (parts[2] = '4026532999'));
    writeFileSync(join(path, lock), '');
    expect(() => RunDirectory.openForResume(path)).toThrow(
      new RegExp(`in use by process 4000000 on ${host}, in another container[^]*delete .*${lock}`),
    );
    expect(locksIn(path)).toEqual([lock]);
  });

  it('counts as alive where the machine is another of the same name', () => {
    const path = finishedRun();
    writeFileSync(
      join(
        path,
        lockLike(path, 4_000_000, (parts) => (parts[0] = parts[1] = 'abcdef01')),
      ),
      '',
    );
    expect(() => RunDirectory.openForResume(path)).toThrow('is in use by process 4000000');
  });

  it('is no lock of this container: a process that has died here is found out', () => {
    const path = finishedRun();
    writeFileSync(
      join(
        path,
        lockLike(path, 4_000_000, () => {}),
      ),
      '',
    );
    RunDirectory.openForResume(path).close();
    expect(locksIn(path)).toEqual([]);
  });
});

describe('log.txt', () => {
  it('gets a line with the time for each call', () => {
    const run = RunDirectory.create(runs, 'iris');
    run.log('epoch 1');
    run.log('two\nlines');
    const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z';
    expect(readFileSync(run.paths.log, 'utf8')).toMatch(new RegExp(`^${time} epoch 1\\n${time} two\\n {4}lines\\n$`));
    run.close();
  });
});
