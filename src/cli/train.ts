/** `nn train`: runs an experiment and leaves a run directory behind. */
import { existsSync, readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { loadConfig } from '../config/index.js';
import { loadData } from '../data/index.js';
import { appendMetricsRow, collectProvenance, type Json, loadCheckpoint, metricsColumns, RunDirectory, runPaths, saveCheckpoint, type Summary, truncateMetricsAfter, writeFileAtomic, writeProvenance, writeSummary } from '../runs/index.js'; // prettier-ignore
import { experimentSchema, type Progress, readSnapshot, type Recorder, type Snapshot, train, TrainingError, type TrainingResult } from '../train/index.js'; // prettier-ignore
import {
  baseDirOf,
  type CommonOptions,
  type Experiment,
  loadExperiment,
  openSession,
  printJson,
  say,
} from './experiment.js';
import { UsageError } from './report.js';

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

/** The experiment of a run that is to go on: its directory has everything. */
async function resumed(
  folder: string,
): Promise<Pick<Experiment, 'config' | 'data' | 'baseDir'> & { last: Snapshot; best?: Snapshot }> {
  const paths = runPaths(folder);
  const { tensors, meta } = loadCheckpoint(paths.lastCheckpoint);
  const last = readSnapshot({ tensors, meta });
  const best = existsSync(paths.bestCheckpoint) ? readSnapshot(loadCheckpoint(paths.bestCheckpoint)) : undefined;
  const { config } = loadConfig(experimentSchema, {
    file: paths.config,
    text: readFileSync(paths.config, 'utf8'),
    env: {},
  });
  const baseDir = baseDirOf(meta);
  const data = await loadData(config.data, { task: config.task, seed: config.seed, baseDir });
  return { config, data, baseDir, last, best };
}

export async function trainCommand(
  file: string | undefined,
  overrides: readonly string[],
  options: TrainCommandOptions,
): Promise<void> {
  const maxSeconds = duration(options.maxTime);
  if (file === undefined && options.resume === undefined)
    throw new UsageError('train needs a config file, or --resume RUN_DIR');
  if (file !== undefined && options.resume !== undefined)
    throw new UsageError('--resume takes no config: the run directory has it');
  const experiment = file === undefined ? undefined : await loadExperiment(file, overrides, options);
  const before = options.resume === undefined ? undefined : await resumed(options.resume);
  const subject = experiment ?? before;
  if (subject === undefined) throw new UsageError('train needs a config file, or --resume RUN_DIR');
  const { config, data, baseDir } = subject;

  const session = openSession(options);
  const run =
    experiment === undefined
      ? RunDirectory.openForResume(options.resume ?? '')
      : RunDirectory.create(options.runsDir, experiment.name);
  const { paths } = run;
  if (experiment !== undefined) {
    writeFileAtomic(paths.config, stringify(experiment.loaded.resolved));
    writeProvenance(paths.provenance, await collectProvenance(config.seed, [...data.files]));
  }
  if (before !== undefined) truncateMetricsAfter(paths.metrics, before.last.meta.step);
  say(options, `run directory: ${run.path}`);

  let stopping = false;
  const interrupt = (): void => {
    if (stopping) process.exit(130);
    stopping = true;
    say(options, 'stopping after this step; once more to quit at once');
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);

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
      shouldStop: () => stopping,
      now: seconds,
      resume: before && { last: before.last, best: before.best },
      maxSeconds,
      fastDevRun: options.fastDevRun,
    });
    finish(result);
    if (result.status === 'interrupted') {
      say(options, `resume with: nn train --resume ${run.path}`);
      process.exitCode = 130;
    }
  } catch (error) {
    if (error instanceof TrainingError) finish(error.result);
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    run.close();
    session.close();
  }
}

/** A progress bar on a terminal; none elsewhere. */
async function progressBar(options: CommonOptions): Promise<{ update(p: Progress): void; clear(): void } | undefined> {
  if (!process.stderr.isTTY || options.quiet) return undefined;
  const { SingleBar } = await import('cli-progress');
  let bar: InstanceType<typeof SingleBar> | undefined;
  let shown = 0;
  return {
    update(p) {
      const time = performance.now();
      if (time - shown < 100) return;
      shown = time;
      const figures = Object.entries(p.figures()).map(([name, value]) => `${name} ${value.toFixed(4)}`);
      if (bar === undefined) {
        bar = new SingleBar({
          format: 'epoch {epoch}/{epochs} {bar} {value}/{total} {figures} {eta_formatted} left',
          clearOnComplete: true,
        });
        bar.start(p.batches, p.batch, { epoch: p.epoch, epochs: p.epochs, figures: '' });
      }
      bar.update(p.batch, { epoch: p.epoch, epochs: p.epochs, figures: figures.join(' ') });
    },
    clear() {
      bar?.stop();
      bar = undefined;
    },
  };
}
