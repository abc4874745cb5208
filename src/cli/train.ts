/** `nn train`: runs an experiment and leaves a run directory behind. */
import { existsSync } from 'node:fs';
import { stringify } from 'yaml';
import { loadConfig } from '../config/index.js';
import { type LoadedData, loadData } from '../data/index.js';
import { appendMetricsRow, collectProvenance, type Json, metricsColumns, RunDirectory, saveCheckpoint, type Summary, truncateMetricsAfter, writeFileAtomic, writeProvenance, writeSummary } from '../runs/index.js'; // prettier-ignore
import { type ExperimentConfig, experimentSchema, type Recorder, type Snapshot, train, TrainingError, type TrainingResult } from '../train/index.js'; // prettier-ignore
import { asCheckpointError, openSnapshot } from './checkpoint.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { type CommonOptions, loadExperiment, openSession, printJson, say } from './experiment.js';
import { listenForInterrupt } from './interrupt.js';
import { progressBar } from './progress-bar.js';
import { UsageError } from './usage-error.js';

export interface TrainCommandOptions extends CommonOptions {
  readonly resume?: string;
  readonly fastDevRun?: boolean;
  readonly maxTime?: string;
}

const seconds = (): number => performance.now() / 1000;

/** Seconds of 90s, 10m or 2h. */
function duration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  if (!match) throw new UsageError(`--max-time: expected a time such as 90s, 10m or 2h, got "${text}"`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600 }[match[2] as 's' | 'm' | 'h'];
}

/** A run with its lock held, and what it goes on from where it was interrupted. */
interface OpenRun {
  readonly run: RunDirectory;
  readonly config: ExperimentConfig;
  readonly data: LoadedData;
  readonly baseDir: string;
  readonly resume?: { readonly last: Snapshot; readonly best?: Snapshot };
}

async function startRun(file: string, overrides: readonly string[], options: CommonOptions): Promise<OpenRun> {
  const { loaded, config, data, baseDir, name } = await loadExperiment(file, overrides, options);
  const run = RunDirectory.create(options.runsDir, name);
  writeFileAtomic(run.paths.config, stringify(loaded.resolved));
  writeProvenance(run.paths.provenance, await collectProvenance(config.seed, [...data.files]));
  return { run, config, data, baseDir };
}

/** Opens a run that is to go on: its directory has everything. */
async function resumeRun(folder: string): Promise<OpenRun> {
  const run = RunDirectory.openForResume(folder);
  const { paths } = run;
  try {
    const { snapshot: last, baseDir } = openSnapshot(paths.lastCheckpoint);
    const best = existsSync(paths.bestCheckpoint) ? openSnapshot(paths.bestCheckpoint).snapshot : undefined;
    const { config } = loadConfig(experimentSchema, { file: paths.config, env: {} });
    const data = await loadData(config.data, { task: config.task, seed: config.seed, baseDir });
    return { run, config, data, baseDir, resume: { last, best } };
  } catch (error) {
    run.close();
    throw error;
  }
}

function openRun(
  file: string | undefined,
  overrides: readonly string[],
  options: TrainCommandOptions,
): Promise<OpenRun> {
  if (options.resume === undefined) {
    if (file === undefined) throw new UsageError('train needs a config file, or --resume RUN_DIR');
    return startRun(file, overrides, options);
  }
  if (file !== undefined) throw new UsageError('--resume takes no config: the run directory has it');
  for (const option of ['seed', 'name'] as const)
    if (options[option] !== undefined) throw new UsageError(`--resume takes no --${option}: the run directory has it`);
  return resumeRun(options.resume);
}

export async function trainCommand(
  file: string | undefined,
  overrides: readonly string[],
  options: TrainCommandOptions,
): Promise<ExitCode> {
  const maxSeconds = duration(options.maxTime);
  const session = openSession(options);
  const { run, config, data, baseDir, resume } = await openRun(file, overrides, options);
  const { paths } = run;
  if (resume !== undefined) truncateMetricsAfter(paths.metrics, resume.last.meta.step);
  say(options, `run directory: ${run.path}`);
  const interrupt = listenForInterrupt(() => say(options, 'stopping after this step; once more to quit at once'));

  const start = seconds();
  const columns = metricsColumns(config.metrics.map((m) => m.type), data.val !== undefined); // prettier-ignore
  const bar = await progressBar(options);
  const save = (path: string, { tensors, meta }: Snapshot): void =>
    saveCheckpoint(path, { tensors, meta: { ...meta, config: meta.config as Json, base_dir: baseDir } });
  const recorder: Recorder = {
    epoch(row) {
      const time_s = seconds() - start;
      appendMetricsRow(paths.metrics, columns, { epoch: row.epoch, step: row.step, time_s, ...row.values });
      const figures = Object.entries(row.values).map(([name, value]) => `${name} ${Number(value.toPrecision(5))}`);
      bar?.clear();
      say(options, `epoch ${row.epoch}  ${figures.join('  ')}  ${time_s.toFixed(1)} s`);
    },
    checkpoint: (kind, snapshot) => save(kind === 'best' ? paths.bestCheckpoint : paths.lastCheckpoint, snapshot),
    progress: (progress) => bar?.update(progress),
    log: (line) => run.log(line),
  };

  const finish = (result: TrainingResult): void => {
    bar?.clear();
    const summary: Summary = {
      ...result,
      peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      run_dir: run.path,
    };
    writeSummary(paths.summary, summary);
    run.log(`${summary.status}${summary.reason === undefined ? '' : `: ${summary.reason}`}`);
    for (const [name, value] of Object.entries(summary.test ?? {}))
      say(options, `test/${name} ${Number(value.toPrecision(6))}`);
    say(
      options,
      `${summary.status} after ${summary.epochs} epochs in ${summary.wall_time_s.toFixed(1)} s, ${Math.round(summary.samples_per_s)} samples/s`,
    );
    printJson(options, summary);
  };

  try {
    const result = await train(session, config, data, {
      recorder,
      shouldStop: interrupt.requested,
      now: seconds,
      resume,
      maxSeconds,
      fastDevRun: options.fastDevRun,
    });
    finish(result);
    if (result.status === 'interrupted') {
      say(options, `resume with: nn train --resume ${run.path}`);
      return exitCode.interrupted;
    }
    return exitCode.done;
  } catch (error) {
    if (error instanceof TrainingError) finish(error.result);
    throw asCheckpointError(paths.lastCheckpoint, error);
  } finally {
    bar?.clear();
    interrupt.release();
    run.close();
    session.close();
  }
}
