/** `nn train`: trains an experiment in a new run directory, or goes on with one. */
import type { Ahead } from '../runner/ahead.js';
import type { RunEvent } from '../runner/events.js';
import type { RunOptions } from '../runner/run.js';
import { resumeRun, trainFile } from '../runner/train.js';
import { type CommonOptions, engineOf, printJson, withSeed } from './common-options.js';
import { openDisplay } from './display.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { Interrupt } from './interrupt.js';
import { describeEvent } from './run-events.js';
import { UsageError } from './usage-error.js';

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
  const { resume, fastDevRun } = options;
  if (resume !== undefined) checkResume(file, options);
  const [engine, maxSeconds] = [engineOf(options), timeLimit(options.maxTime)];
  const display = await openDisplay(options);
  const interrupt = new Interrupt(() => display.line('stopping after this step; once more to quit at once'));
  const onEvent = (event: RunEvent): void => {
    if (event.kind === 'started' || event.kind === 'resumed') interrupt.listen();
    for (const line of describeEvent(event)) display.line(line);
    // Also of a run that fails.
    if ((event.kind === 'ended' || event.kind === 'skipped') && event.fold === undefined)
      printJson(options, event.summary);
  };
  const how: RunOptions = { engine, maxSeconds, fastDevRun, signal: interrupt.signal, onEvent, onProgress: display.progress }; // prettier-ignore
  try {
    const { status } = await (resume !== undefined
      ? resumeRun(resume, how)
      : trainFile(expectFile(file), { ...options, ...how, overrides: withSeed(overrides, options), ahead }));
    return status === 'interrupted' ? exitCode.interrupted : exitCode.done;
  } finally {
    display.close();
    interrupt.release();
  }
}

function expectFile(file: string | undefined): string {
  if (file === undefined) throw new UsageError('train needs a config file, or --resume RUN_DIR');
  return file;
}

function checkResume(file: string | undefined, options: TrainCommandOptions): void {
  if (file !== undefined) throw new UsageError('--resume takes no config and no overrides: the run directory has it');
  for (const option of ['seed', 'name', 'fastDevRun'] as const) {
    if (options[option] === undefined) continue;
    throw new UsageError(`--resume takes no --${option === 'fastDevRun' ? 'fast-dev-run' : option}: a run goes on as it began`); // prettier-ignore
  }
}
