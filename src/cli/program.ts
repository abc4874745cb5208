/** The command line: parses arguments and calls one command. Commands are loaded when needed, so that `--help` is quick. */
import { Command, CommanderError, Option } from 'commander';
import { type ExitCode, exitCode } from './exit-code.js';
import type { CommonOptions } from './experiment.js';
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

function programOf(finish: (code: ExitCode) => void): Command {
  const program = new Command('nn')
    .description('Train neural networks from a YAML file.')
    .version('0.1.0')
    .showSuggestionAfterError()
    .exitOverride();

  common(program.command('train [config] [overrides...]').description('train a network'))
    .option('--resume <run>', 'go on with the run in this directory')
    .option('--fast-dev-run', 'one training and one validation batch, then stop')
    .option('--max-time <time>', 'stop after 90s, 10m or 2h')
    .action(async (config: string | undefined, overrides: string[], options: TrainCommandOptions) => {
      const { trainCommand } = await import('./train.js');
      finish(await trainCommand(config, overrides, options));
    });

  common(program.command('eval <checkpoint>').description('measure a checkpoint'))
    .option('--split <name>', 'train, val or test', 'test')
    .action(async (checkpoint: string, options: CommonOptions & { split: string }) => {
      const { evalCommand } = await import('./eval.js');
      finish(await evalCommand(checkpoint, options));
    });

  for (const [name, description] of [
    ['check', 'check a config and print the layer table'],
    ['overfit-batch', 'prove that a network is wired right: fit one batch'],
    ['gradcheck', 'compare gradients with finite differences'],
  ] as const) {
    common(program.command(`${name} <config> [overrides...]`).description(description)).action(
      async (config: string, overrides: string[], options: CommonOptions) => {
        const { commands } = await import('./checks.js');
        finish(await commands[name](config, overrides, options));
      },
    );
  }

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

function common(command: Command): Command {
  return command
    .option('--seed <n>', 'everything random is a function of it')
    .option('--threads <n>', 'threads of the tensor engine')
    .addOption(
      new Option('--backend <name>', 'tensor engine')
        .choices(['auto', 'wasm', 'wasm-portable', 'reference'])
        .default('auto'),
    )
    .option('--runs-dir <dir>', 'where run directories are made', 'runs')
    .option('--name <name>', 'name of the experiment')
    .option('--quiet', 'print errors only')
    .option('--json', 'the last line of stdout is one JSON object')
    .option('--debug', 'show stack traces');
}
