/** `nn profile`: where a training step's time goes, as a table, as JSON, or as a page with the threads' timeline. */
import { formatCount } from '../config/format-count.js';
import { profileStep, type StepProfile } from '../train/index.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { openEngine } from '../runner/engine.js';
import { loadExperiment } from '../runner/experiment.js';
import { type CommonOptions, engineOf, printJson, say, withSeed } from './common-options.js';
import { formatTable } from './format.js';
import { writeOutput } from './output-file.js';
import { limitOf, percent, shareOfLimit, speedOf } from './profile-figures.js';
import { profilePage } from './profile-page.js';

export interface ProfileOptions extends CommonOptions {
  readonly html?: string;
}

/** Rows of the table of kernels; what is left is summed up in one line. */
const MOST_ROWS = 30;

export async function profileCommand(
  file: string,
  overrides: readonly string[],
  options: ProfileOptions,
): Promise<ExitCode> {
  const engine = engineOf(options);
  const { config, data, name } = await loadExperiment(file, { ...options, overrides: withSeed(overrides, options) });
  say(options, `profiling ${name}: this takes some seconds`);
  const profile = profileStep((threads) => openEngine({ ...engine, threads }), config, data, engine.threads);
  for (const line of formatProfile(profile)) say(options, line);
  if (options.html !== undefined) {
    writeOutput('--html', options.html, profilePage(name, profile));
    say(options, `page with the timeline: ${options.html}`);
  }
  printJson(options, profile);
  return exitCode.done;
}

/** Lines for people: kernels by time, totals by layer, the whole step. */
export function formatProfile(profile: StepProfile): string[] {
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
