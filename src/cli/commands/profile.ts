/** `nn profile`: where a training step's time goes, as a table, as JSON, or as a page with the threads' timeline. */
import { formatCount } from '../../config/format-count.js';
import type { StepProfile } from '../../train/index.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { addCommand, type CommonOptions, engineOf, experimentOptions, type Register } from '../command.js';
import { formatTable } from '../format.js';
import { limitOf, percent, shareOfLimit, speedOf } from '../profile-figures.js';
import { profilePage } from '../profile-page.js';
import { print, printJson, say } from '../output.js';

interface ProfileOptions extends CommonOptions {
  readonly html?: string;
}

/** Rows of the table of kernels; what is left is summed up in one line. */
const MOST_ROWS = 30;

export const registerProfile: Register = (program, finish) => {
  addCommand(program, 'profile <config> [overrides...]', "where a training step's time goes", ['seed', 'engine'])
    .option('--html <file>', "also write a page with the threads' timeline")
    .action(async (config: string, overrides: string[], options: ProfileOptions) => {
      finish(await profileExperiment(config, overrides, options));
    });
};

async function profileExperiment(
  file: string,
  overrides: readonly string[],
  options: ProfileOptions,
): Promise<ExitCode> {
  const { loadExperiment, openEngine } = await import('../../runner/index.js');
  const { profileStep } = await import('../../train/index.js');
  const engine = engineOf(options);
  const { config, data, name } = await loadExperiment(file, experimentOptions(overrides, options));
  say(options, `profiling ${name}: this takes some seconds`);
  const profile = await profileStep((threads) => openEngine({ ...engine, threads }), config, data, engine.threads);
  for (const line of formatProfile(profile)) print(options, line);
  if (options.html !== undefined) {
    const { writeOutput } = await import('../output-file.js');
    writeOutput('--html', options.html, profilePage(name, profile));
    say(options, `page with the timeline: ${options.html}`);
  }
  printJson(options, profile);
  return exitCode.done;
}

/** Lines for people: kernels by time, totals by layer, the whole step. */
function formatProfile(profile: StepProfile): string[] {
  const { batchSize, kernels, layers, phases, steps } = profile;
  const sorted = [...kernels].sort((a, b) => b.milliseconds - a.milliseconds);
  const shown = sorted.slice(0, MOST_ROWS);
  const rows = shown.map((kernel) => [
    percent(kernel.share),
    kernel.milliseconds.toFixed(3),
    speedOf(kernel),
    shareOfLimit(kernel, profile),
    kernel.layer,
    kernel.task,
    `[${kernel.shape.join(', ')}]`,
    kernel.fused.join(' '),
  ]);
  const rest = sorted.slice(MOST_ROWS);
  const sum = (list: readonly { readonly milliseconds: number }[]): number =>
    list.reduce((total, { milliseconds }) => total + milliseconds, 0);
  const lines = formatTable(['share', 'ms', 'speed', 'of limit', 'layer', 'kernel', 'shape', 'fused in'], rows, [
    'share',
    'ms',
    'speed',
    'of limit',
  ]);
  if (rest.length > 0) lines.push(`and ${rest.length} more kernels with ${sum(rest).toFixed(3)} ms`);
  const totals = layers.map(({ layer, milliseconds, share }) => [percent(share), milliseconds.toFixed(3), layer]);
  lines.push('', ...formatTable(['share', 'ms', 'layer'], totals, ['share', 'ms']), '');
  for (const { threads, milliseconds, fastest } of steps) {
    lines.push(
      `a step of ${batchSize} samples on ${threads} ${threads === 1 ? 'thread' : 'threads'}: ${milliseconds.toFixed(3)} ms ` +
        `(fastest ${fastest.toFixed(3)}), ${formatCount(Math.round((1000 * batchSize) / milliseconds))} samples/s`,
    );
  }
  lines.push(
    `${kernels.length} kernels (timed one by one on one thread: ${sum(kernels).toFixed(3)} ms) in ${phases.total} phases, ${phases.shared} of them parallel`,
    limitOf(profile),
  );
  return lines;
}
