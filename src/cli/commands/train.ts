/** `nn train`: trains an experiment in a new run directory, or resumes one. */
import type { Ahead } from '../../runner/ahead.js';
import type { RunEvent, RunOptions } from '../../runner/index.js';
import { addCommand, type CommonOptions, engineOf, experimentOptions, type Register } from '../command.js';
import { openDisplay } from '../display.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { Interrupt } from '../interrupt.js';
import { UsageError } from '../usage-error.js';
import { printJson } from '../output.js';

interface TrainArguments extends CommonOptions {
  readonly resume?: string;
  readonly fastDevRun?: boolean;
  readonly maxTime?: string;
}

export const registerTrain: Register = (program, finish) => {
  addCommand(program, 'train [config] [overrides...]', 'train a network', ['seed', 'engine', 'run'])
    .option('--resume <run>', 'resume the run in this directory, exactly')
    .option('--fast-dev-run', 'one training and one validation batch, then stop')
    .option('--max-time <time>', 'stop after 90s, 10m or 2h')
    .action(async (config: string | undefined, overrides: string[], options: TrainArguments) => {
      finish(
        await train(
          config,
          overrides,
          options,
          config === undefined || options.resume !== undefined ? undefined : await readAhead(config, overrides),
        ),
      );
    });
};

/** Each begins its work before the next is loaded. */
async function readAhead(config: string, overrides: readonly string[]): Promise<Ahead | undefined> {
  const { takeUnpackedFiles } = await import('../../data/unpack-ahead.js');
  const unpacked = takeUnpackedFiles();
  const { beginAhead } = await import('../../runner/ahead.js');
  return beginAhead(config, overrides, unpacked);
}

async function train(
  file: string | undefined,
  overrides: readonly string[],
  options: TrainArguments,
  ahead?: Ahead,
): Promise<ExitCode> {
  const { resumeRun, trainFile } = await import('../../runner/index.js');
  const { describeEvent } = await import('../run-events.js');
  const { resume, fastDevRun, runsDir } = options;
  const longer =
    resume === undefined ? [] : resumedOverrides(file === undefined ? overrides : [file, ...overrides], options);
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
      ? resumeRun(resume, { ...how, overrides: longer })
      : trainFile(expectFile(file), { ...how, ...experimentOptions(overrides, options), runsDir, ahead }));
    return status === 'interrupted' ? exitCode.interrupted : exitCode.done;
  } finally {
    display.close();
    interrupt.release();
  }
}

/** Seconds of 90s, 10m or 2h. */
function timeLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  if (match === null) throw new UsageError(`--max-time: expected a time such as 90s, 10m or 2h, got "${text}"`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600 }[match[2] as 's' | 'm' | 'h'];
}

function expectFile(file: string | undefined): string {
  if (file === undefined) throw new UsageError('train needs a config file, or --resume RUN_DIR');
  return file;
}

/** The overrides of a resumed run, which can be trained longer than it was to be, and is otherwise as it began. */
function resumedOverrides(words: readonly string[], options: TrainArguments): readonly string[] {
  const foreign = words.find((word) => !/^train\.max_(epochs|steps)=/.test(word));
  if (foreign !== undefined) {
    const what = foreign.includes('=') ? `"${foreign}"` : 'config';
    throw new UsageError(`--resume takes no ${what}: the run directory has it; only train.max_epochs and train.max_steps can be changed`); // prettier-ignore
  }
  for (const option of ['seed', 'name', 'fastDevRun'] as const) {
    if (options[option] === undefined) continue;
    throw new UsageError(`--resume takes no --${option === 'fastDevRun' ? 'fast-dev-run' : option}: a run resumes as it began`); // prettier-ignore
  }
  return words;
}
