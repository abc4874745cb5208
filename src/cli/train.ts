/** `nn train`: runs an experiment, or goes on with one, and leaves a run directory behind. */
import { formatCount } from '../config/format-count.js';
import type { Session } from '../tensor/index.js';
import { closeSplits, type DescribedData, loadData } from '../data/index.js';
import { type ExperimentConfig, prepare, type TrainOptions } from '../train/index.js';
import { gitState, RunDirectory, type Summary } from '../runs/index.js';
import type { Ahead } from './ahead.js';
import { beginFolds, foldsOf, type Folds, resumeFolds, runFolds } from '../runner/cross-validation.js';
import { openDisplay } from './display.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { type CommonOptions, loadExperiment, openSession, printJson, say, threadsOf } from '../runner/experiment.js';
import { formatSizes } from './format.js';
import { listenForInterrupt } from './interrupt.js';
import { begin, goOn, runToItsEnd, type Start } from '../runner/single-run.js';
import { UsageError } from './usage-error.js';
import { formatWarnings, warningsOf } from './warnings.js';

export interface TrainCommandOptions extends CommonOptions {
  readonly resume?: string;
  readonly fastDevRun?: boolean;
  readonly maxTime?: string;
}

/** Seconds of 90s, 10m or 2h. */
function timeLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  if (match === null) throw new UsageError(`--max-time: expected a time such as 90s, 10m or 2h, got "${text}"`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600 }[match[2] as 's' | 'm' | 'h'];
}

export async function trainCommand(
  file: string | undefined,
  overrides: readonly string[],
  options: TrainCommandOptions,
  ahead?: Ahead,
): Promise<ExitCode> {
  const maxSeconds = timeLimit(options.maxTime);
  threadsOf(options); // Before there is a run directory.
  // A cross-validation opens one for each fold.
  let opened: Session | undefined;
  const session = (): Session => (opened ??= openSession(options, undefined, ahead?.heap));
  const { fastDevRun } = options;
  let prepared: TrainOptions['prepared'];
  const start = await startOf(file, overrides, options, {
    ahead,
    reserve: (bytes) => session().reserve(bytes),
    onFitted: (config, data) => (prepared = prepare(session(), config, data, fastDevRun)),
  });
  const display = await openDisplay(options);
  const interrupt = listenForInterrupt(() => display.line('stopping after this step; once more to quit at once'));
  const surroundings = { display, shouldStop: interrupt.requested, maxSeconds, fastDevRun };
  const ended = (summary: Summary): void => printJson(options, summary);
  try {
    const { status } =
      'count' in start
        ? await runFolds(start, surroundings, ended, options)
        : await runToItsEnd(session(), start, { ...surroundings, ended, prepared });
    return status === 'interrupted' ? exitCode.interrupted : exitCode.done;
  } finally {
    display.close();
    interrupt.release();
  }
}

/** What can be done before all is loaded. */
interface Beginning {
  readonly ahead?: Ahead;
  readonly reserve: Session['reserve'];
  readonly onFitted: (config: ExperimentConfig, data: DescribedData) => void;
}

async function startOf(
  file: string | undefined,
  overrides: readonly string[],
  options: TrainCommandOptions,
  { ahead, reserve, onFitted }: Beginning,
): Promise<Start | Folds> {
  const { resume } = options;
  if (resume === undefined) {
    if (file === undefined) throw new UsageError('train needs a config file, or --resume RUN_DIR');
    const git = gitState(process.cwd());
    const load: typeof loadData = (config, how) => {
      // The folds of a cross-validation have sessions of their own.
      const own = foldsOf(config) === undefined ? { reserve } : { onDescribed: undefined };
      return loadData(config, { ...how, unpacked: ahead?.unpacked, ...own });
    };
    const experiment = await loadExperiment(file, overrides, options, load, ahead?.written, onFitted);
    const { config, data, name, rows } = experiment;
    const parameters = rows.reduce((sum, row) => sum + row.parameters, 0);
    const folds = foldsOf(config.data);
    const crossValidates = folds !== undefined;
    const inEach = crossValidates ? `${folds} folds, in the first ` : '';
    say(options, `${name}: ${formatCount(parameters)} parameters; ${inEach}${formatSizes(data)}`);
    const start = crossValidates
      ? await beginFolds(experiment, options.runsDir, git)
      : await begin(experiment, RunDirectory.create(options.runsDir, name), git);
    const { given } = experiment;
    if (given !== undefined) say(options, `begins with ${given.tensors.size} tensors of ${given.file.path}`);
    say(options, `run directory: ${start.run.path}`);
    const warnings = formatWarnings(warningsOf(experiment));
    for (const line of warnings) say(options, line);
    if (warnings.length > 0) start.run.log(warnings.join('\n'));
    if (crossValidates) closeSplits(data);
    return start;
  }
  if (file !== undefined) throw new UsageError('--resume takes no config and no overrides: the run directory has it');
  for (const option of ['seed', 'name', 'fastDevRun'] as const) {
    if (options[option] === undefined) continue;
    throw new UsageError(`--resume takes no --${option === 'fastDevRun' ? 'fast-dev-run' : option}: a run goes on as it began`); // prettier-ignore
  }
  return resumeFolds(resume) ?? goOn(resume, (line) => say(options, line), reserve);
}
