#!/usr/bin/env node
/** The command line: parses arguments and calls one command. Commands are loaded when needed, so that `--help` is quick. */
import { Command, Option } from 'commander';
import type { CommonOptions } from './experiment.js';
import type { TrainCommandOptions } from './train.js';

const program = new Command('nn')
  .description('Train neural networks from a YAML file.')
  .version('0.1.0')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

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
    .option('--debug', 'show stack traces')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
}

common(program.command('train [config] [overrides...]').description('train a network'))
  .option('--resume <run>', 'go on with the run in this directory')
  .option('--fast-dev-run', 'one training and one validation batch, then stop')
  .option('--max-time <time>', 'stop after 90s, 10m or 2h')
  .action(async (config: string | undefined, overrides: string[], options: TrainCommandOptions) => {
    const { trainCommand } = await import('./train.js');
    await trainCommand(config, overrides, options);
  });

common(program.command('eval <checkpoint>').description('measure a checkpoint'))
  .option('--split <name>', 'train, val or test', 'test')
  .action(async (checkpoint: string, options: CommonOptions & { split: string }) => {
    const { evalCommand } = await import('./eval.js');
    await evalCommand(checkpoint, options);
  });

for (const [name, description] of [
  ['check', 'check a config and print the layer table'],
  ['overfit-batch', 'prove that a network is wired right: fit one batch'],
  ['gradcheck', 'compare gradients with finite differences'],
] as const) {
  common(program.command(`${name} <config> [overrides...]`).description(description))
    .option('--strict', 'warnings count as failures')
    .action(async (config: string, overrides: string[], options: CommonOptions) => {
      const checks = await import('./checks.js');
      await checks.commands[name](config, overrides, options);
    });
}

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

process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
try {
  await program.parseAsync();
} catch (error) {
  const { report } = await import('./report.js');
  process.exitCode = report(error, process.argv.includes('--debug'));
}
