/** Shared by all commands: options, output and registration. */
import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import type { EngineOptions } from '../runner/index.js';
import type { ExitCode } from './exit-code.js';
import type { OutputOptions } from './output.js';
import { UsageError } from './usage-error.js';

/**
 * Adds a command to the program; each file in `commands/` exports one of these. The command's action loads what it needs when it is
 * called, so that `--help` is quick, and passes its exit code to `finish`.
 */
export type Register = (program: Command, finish: (code: ExitCode) => void) => void;

/** What an option affects: the random numbers, the engine, the run directory. */
type Concern = 'seed' | 'engine' | 'run';

export interface CommonOptions extends OutputOptions {
  readonly seed?: string;
  readonly threads?: string;
  readonly winograd: boolean;
  readonly backend: EngineOptions['backend'];
  readonly runsDir: string;
  readonly name?: string;
  readonly debug?: boolean;
}

/** A command with the common options. Every command accepts all of them; its help shows those it uses. */
export function addCommand(program: Command, usage: string, description: string, used: readonly Concern[]): Command {
  const option = (concern: Concern, flags: string, text: string): Option =>
    new Option(flags, text).hideHelp(!used.includes(concern));
  const backends = ['auto', 'wasm', 'wasm-portable', 'reference'] satisfies EngineOptions['backend'][];
  return program
    .command(usage)
    .description(description)
    .addOption(option('seed', '--seed <n>', 'instead of the seed in the config'))
    .addOption(option('engine', '--threads <n>', 'threads that compute; as many as there are cores, at most 8'))
    .addOption(option('engine', '--backend <name>', 'what computes').choices(backends).default('auto'))
    .addOption(option('engine', '--no-winograd', '3x3 convolutions as plain sums: slower, and half the rounding error'))
    .addOption(option('run', '--runs-dir <dir>', 'where run directories are made').default('runs'))
    .addOption(option('run', '--name <name>', 'instead of the name in the config'))
    .option('--quiet', 'print nothing but errors')
    .option('--json', 'the last line of stdout is one JSON object, everything for people goes to stderr')
    .option('--debug', 'show where in the program an error comes from');
}

/** More than any machine has cores, yet still startable. */
const MAX_THREADS = 256;

/** The engine options: by default one thread per core, at most 8. Throws UsageError. */
export function engineOf({ backend, threads, winograd }: CommonOptions): EngineOptions {
  const count = threads === undefined ? Math.min(8, availableParallelism()) : Number(threads);
  if (!Number.isInteger(count) || count < 1 || count > MAX_THREADS)
    throw new UsageError(`--threads: expected a whole number from 1 to ${MAX_THREADS}, got "${threads}"`);
  return { backend, threads: count, winograd };
}

/** The overrides plus --seed, which wins. */
export const withSeed = (overrides: readonly string[], { seed }: CommonOptions): string[] =>
  seed === undefined ? [...overrides] : [...overrides, `seed=${seed}`];

/** What `loadExperiment` needs of the command line. */
export const experimentOptions = (overrides: readonly string[], options: CommonOptions) => ({
  overrides: withSeed(overrides, options),
  name: options.name,
});
