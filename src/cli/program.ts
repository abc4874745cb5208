/** The command line: parses arguments and calls one command. */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../runs/version.js';
import type { Register } from './command.js';
import { registerAugment } from './commands/augment.js';
import { registerCheck } from './commands/check.js';
import { registerCompare } from './commands/compare.js';
import { registerData } from './commands/data.js';
import { registerEval } from './commands/eval.js';
import { registerGradcheck } from './commands/gradcheck.js';
import { registerList } from './commands/list.js';
import { registerOverfitBatch } from './commands/overfit-batch.js';
import { registerProfile } from './commands/profile.js';
import { registerSchema } from './commands/schema.js';
import { registerTrain } from './commands/train.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { complain, printJsonError, resetOutput } from './output.js';

/** All commands, in help order. */
const commands: readonly Register[] = [
  registerTrain,
  registerEval,
  registerCheck,
  registerCompare,
  registerOverfitBatch,
  registerGradcheck,
  registerData,
  registerProfile,
  registerAugment,
  registerList,
  registerSchema,
];

/** Runs one command; returns the exit code of the process. Text for people goes to stderr, results to stdout. */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = exitCode.done;
  const [debug, json] = [args.includes('--debug'), args.includes('--json')];
  resetOutput();
  const program = new Command('nn')
    .description('Trains neural networks from YAML files.')
    .version(packageVersion(), '--version', 'show the version')
    .helpOption('--help', 'show help')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeErr: (text) => complain(text.replace(/\n$/, '')) })
    .addHelpText('after', notes);
  for (const register of commands) register(program, (result) => (code = result));
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has already printed the help or the error.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCode.done;
      if (error.code === 'commander.unknownOption') complain(overrideHint(error.message));
      if (json) printJsonError(error.message, exitCode.usage);
      return exitCode.usage;
    }
    const { report } = await import('./report.js');
    return report(error, { debug, json });
  }
}

/** `--epochs 3` is an option of other tools; here it is an override. */
const overrideHint = (message: string): string => {
  const option = /--([\w-]+)/.exec(message)?.[1].replaceAll('-', '_') ?? 'key';
  const keys: Readonly<Record<string, string>> = { epochs: 'train.max_epochs', batch_size: 'train.batch_size', lr: 'optimizer.lr', learning_rate: 'optimizer.lr' }; // prettier-ignore
  return `  what a config says is changed by key=value, without dashes: ${keys[option] ?? 'optimizer.lr'}=...`;
};

const notes = `
A config is a file, or - for stdin. An override is key=value, with dots into the config: optimizer.lr=0.01, model.layers.1.units=64
Exit codes: 0 done, 1 the run failed, 2 wrong usage, config or data, 3 a check failed, 130 stopped by Ctrl-C`;
