import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { readRegularSync } from '../config/regular-file.js';
import { writeFileAtomic } from './atomic-file.js';
import { packageVersion } from './version.js';

/** Where a run's results come from: everything needed to reproduce them. */
export interface Provenance {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly started: string;
  readonly seed: number;
  readonly versions: { readonly nn: string; readonly node: string; readonly v8: string };
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memory_gb: number;
    readonly platform: string;
    readonly arch: string;
    readonly release: string;
  };
  /** Absent where the working directory is in no git repository, or git is not installed. */
  readonly git?: GitState;
  readonly data: readonly { readonly path: string; readonly sha256: string }[];
  /** What computed; absent in run directories of versions that did not record it. */
  readonly engine?: EngineProvenance;
  /** What came from the environment, in place of secrets: a digest of each variable. */
  readonly environment?: readonly { readonly variable: string; readonly sha256: string }[];
  /** Where it was resumed with another config than before. */
  readonly resumed?: readonly Resumption[];
  /** Whether the run was to end after one training and one validation batch. */
  readonly fast_dev_run?: true;
}

/** The tensor engine of a run. The last bits of its results depend on all but the number of threads. */
export interface EngineProvenance {
  readonly backend: string;
  readonly threads: number;
  readonly winograd: boolean;
}

/** That a run was resumed at a step with a changed config, to be trained longer. */
export interface Resumption {
  readonly time: string;
  readonly command: readonly string[];
  readonly step: number;
  readonly changes: readonly { readonly key: string; readonly from: unknown; readonly to: unknown }[];
}

export interface GitState {
  readonly commit: string;
  /** Whether a tracked file differs from the commit. */
  readonly dirty: boolean;
}

/** What provenance records of the run itself; everything else is read off the process and the machine. */
export type RunProvenance = Pick<Provenance, 'seed' | 'data' | 'engine' | 'fast_dev_run' | 'environment'>;

/**
 * Adds process, machine and working directory to what is known of the run. Asking git takes a while, and longer from a large
 * process: a caller that asks early hands over the pending answer.
 */
export async function collectProvenance(
  run: RunProvenance,
  git: Promise<GitState | undefined> = gitState(process.cwd()),
): Promise<Provenance> {
  const { seed, data, engine, fast_dev_run, environment } = run;
  const processors = cpus();
  const commit = await git;
  return {
    command: process.argv,
    cwd: process.cwd(),
    started: new Date(performance.timeOrigin).toISOString(),
    seed,
    versions: { nn: packageVersion(), node: process.versions.node, v8: process.versions.v8 },
    machine: {
      cpu: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      memory_gb: Math.round(totalmem() / 1e8) / 10,
      platform: process.platform,
      arch: process.arch,
      release: release(),
    },
    ...(commit && { git: commit }),
    ...(engine && { engine }),
    ...(fast_dev_run && { fast_dev_run }),
    ...(environment !== undefined && environment.length > 0 && { environment }),
    data,
  };
}

/** Writes provenance.json. Throws `FileWriteError`. */
export function writeProvenance(path: string, provenance: Provenance): void {
  writeFileAtomic(path, `${JSON.stringify(provenance, null, 2)}\n`);
}

/** Adds a resumption to the provenance in the file at `path`, where there is one. Throws `FileWriteError`. */
export function addResumption(path: string, resumption: Resumption): void {
  if (!existsSync(path)) return;
  const provenance = JSON.parse(readRegularSync(path).toString('utf8')) as Provenance;
  writeProvenance(path, { ...provenance, resumed: [...(provenance.resumed ?? []), resumption] });
}

/** The digests of what came from the environment; none where provenance.json does not say. */
export function readEnvironment(path: string): NonNullable<Provenance['environment']> {
  if (!existsSync(path)) return [];
  return (JSON.parse(readRegularSync(path).toString('utf8')) as Provenance).environment ?? [];
}

/** The commit and dirty flag of the repository around `folder`; undefined without git, a repository or a commit. */
export function gitState(folder: string): Promise<GitState | undefined> {
  const args = ['status', '--porcelain=v2', '--branch', '--untracked-files=no'];
  // A status normally refreshes the index file; a run must not disturb a git command of the user.
  const options = { cwd: folder, timeout: 5000, env: { ...process.env, GIT_OPTIONAL_LOCKS: '0' } };
  return new Promise((resolve) => {
    execFile('git', args, options, (error, output) => {
      const commit = /^# branch\.oid ([0-9a-f]{40,64})$/m.exec(output)?.[1];
      const dirty = output.split('\n').some((line) => line !== '' && !line.startsWith('#'));
      resolve(error || commit === undefined ? undefined : { commit, dirty });
    });
  });
}
