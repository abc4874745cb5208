/** The command line: parses arguments and calls one command. Commands are loaded when needed, so that `--help` is quick. */
import { Command, CommanderError, Option } from 'commander';
import { packageVersion } from '../runs/version.js';
import type { Ahead } from '../runner/ahead.js';
import type { AugmentOptions } from './augment.js';
import type { CheckOptions } from './checks.js';
import type { CompareCommandOptions } from './compare.js';
import type { EvalOptions } from './eval.js';
import type { CommonOptions } from './common-options.js';
import { type ExitCode, exitCode } from './exit-code.js';
import type { ProfileOptions } from './profile.js';
import type { TrainCommandOptions } from './train.js';

/** Runs one command; returns the exit code of the process. Text for people goes to stderr, results to stdout. */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = exitCode.done;
  const program = programOf((result) => (code = result));
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has printed the help or the error already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.usage;
    const { report } = await import('./report.js');
    return report(error, args.includes('--debug'));
  }
}

/** What an option changes: the random numbers, what computes, the run directory. */
type Concern = 'seed' | 'engine' | 'run';

function programOf(finish: (code: ExitCode) => void): Command {
  const program = new Command('nn')
    .description('Trains neural networks from YAML files.')
    .version(packageVersion(), '--version', 'show the version')
    .helpOption('--help', 'show help')
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', notes);

  command(program, 'train [config] [overrides...]', 'train a network', ['seed', 'engine', 'run'])
    .option('--resume <run>', 'go on with the run in this directory, exactly')
    .option('--fast-dev-run', 'one training and one validation batch, then stop')
    .option('--max-time <time>', 'stop after 90s, 10m or 2h')
    .action(async (config: string | undefined, overrides: string[], options: TrainCommandOptions) => {
      let ahead: Ahead | undefined;
      if (config !== undefined) {
        // Each begins before the next is loaded.
        const { UnpackedFiles } = await import('../data/unpack-ahead.js');
        const unpacked = new UnpackedFiles();
        const { beginAhead } = await import('../runner/ahead.js');
        ahead = beginAhead(config, overrides, unpacked);
      }
      const { trainCommand } = await import('./train.js');
      finish(await trainCommand(config, overrides, options, ahead));
    });

  command(program, 'eval <checkpoint> [overrides...]', 'measure a checkpoint, on other data too', ['engine'])
    .option('--split <name>', 'train, val or test', 'test')
    .action(async (checkpoint: string, overrides: string[], options: EvalOptions) => {
      const { evalCommand } = await import('./eval.js');
      finish(await evalCommand(checkpoint, overrides, options));
    });

  command(program, 'check <configs...>', 'check configs and their data: layers, memory, lints', ['seed', 'engine'])
    .usage('[options] <config or folder...> [key=value...]')
    .option('--strict', 'exit with 3 where there is a warning')
    .action(async (args: string[], options: CheckOptions) => {
      const { check } = await import('./checks.js');
      finish(await check(args, options));
    });

  command(program, 'compare <configs...>', 'train several configs with the same seeds and compare', ['seed', 'engine', 'run']) // prettier-ignore
    .usage('[options] <config or folder...> [key=value...]')
    .option(
      '--seeds <seeds>',
      'how many, from --seed (1) on, or which: 1,2,5 (default: 5; 1 if all configs have data.folds)',
    )
    .option('--figures <names>', 'what to show: test/accuracy,val/loss; gains are in the first')
    .option('--fresh', 'train again what is there already')
    .action(async (args: string[], options: CompareCommandOptions) => {
      const { compareCommand } = await import('./compare.js');
      finish(await compareCommand(args, options));
    });

  for (const [name, description] of [
    ['overfit-batch', 'can the network learn one batch by heart? if not, why?'],
    ['gradcheck', 'compare gradients with finite differences'],
  ] as const) {
    command(program, `${name} <config> [overrides...]`, description, ['seed', 'engine'])
      .action(async (config: string, overrides: string[], options: CommonOptions) => {
        const { commands } = await import('./checks.js');
        finish(await commands[name](config, overrides, options));
      }); // prettier-ignore
  }

  command(program, 'data <config> [overrides...]', 'what is in the data: columns, classes, leaks between splits', [
    'seed',
  ]).action(async (config: string, overrides: string[], options: CommonOptions) => {
    const { dataCommand } = await import('./data.js');
    finish(await dataCommand(config, overrides, options));
  });

  command(program, 'profile <config> [overrides...]', "where a training step's time goes", ['seed', 'engine'])
    .option('--html <file>', "also write a page with the threads' timeline")
    .action(async (config: string, overrides: string[], options: ProfileOptions) => {
      const { profileCommand } = await import('./profile.js');
      finish(await profileCommand(config, overrides, options));
    });

  command(program, 'augment <config> [overrides...]', 'training samples before and after augmentation', [
    'seed',
    'engine',
  ])
    .option('--out <file>', 'of images: a PNG picture, one sample a row')
    .option('--samples <n>', 'how many samples', '8')
    .option('--versions <n>', 'how many augmented versions of each', '9')
    .action(async (config: string, overrides: string[], options: AugmentOptions) => {
      const { augmentCommand } = await import('./augment.js');
      finish(await augmentCommand(config, overrides, options));
    });

  program
    .command('list [kind] [name]')
    .description('what a config can be made of: layers, losses, optimizers and so on, with their parameters')
    .option('--json', 'as JSON')
    .action(async (kind: string | undefined, name: string | undefined, options: { json?: boolean }) => {
      const { listCommand } = await import('./list.js');
      finish(listCommand(kind, name, options));
    });

  program
    .command('schema')
    .description('print the JSON Schema of a config')
    .action(async () => {
      const [{ jsonSchema }, { experimentSchema }] = await Promise.all([
        import('../config/index.js'),
        import('../train/index.js'),
      ]);
      process.stdout.write(`${JSON.stringify(jsonSchema(experimentSchema), null, 2)}\n`);
    });
  return program;
}

const notes = `
A config is a file, or - for stdin. An override is key=value, with dots into the config: optimizer.lr=0.01, model.layers.1.units=64
Exit codes: 0 done, 1 the run failed, 2 wrong usage, config or data, 3 a check did not hold, 130 stopped by Ctrl-C`;

/** A command with the common options. All of them are taken everywhere; the help shows those that the command heeds. */
function command(program: Command, usage: string, description: string, heeded: readonly Concern[]): Command {
  const option = (concern: Concern, flags: string, text: string): Option =>
    new Option(flags, text).hideHelp(!heeded.includes(concern));
  return program
    .command(usage)
    .description(description)
    .addOption(option('seed', '--seed <n>', 'instead of the seed in the config'))
    .addOption(option('engine', '--threads <n>', 'threads that compute; as many as there are cores, at most 8'))
    .addOption(
      option('engine', '--backend <name>', 'what computes')
        .choices(['auto', 'wasm', 'wasm-portable', 'reference'])
        .default('auto'),
    )
    .addOption(option('engine', '--no-winograd', '3x3 convolutions as plain sums: slower, and half the rounding error'))
    .addOption(option('run', '--runs-dir <dir>', 'where run directories are made').default('runs'))
    .addOption(option('run', '--name <name>', 'instead of the name in the config'))
    .option('--quiet', 'print nothing but errors')
    .option('--json', 'the last line of stdout is one JSON object')
    .option('--debug', 'show where in the program an error comes from');
}
