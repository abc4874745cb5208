/** `nn profile`: where a training step's time goes, as a table, as JSON, or as a page with the threads' timeline. */
import { formatCount } from '../config/format-count.js';
import { type ProfiledKernel, profileStep, type StepProfile } from '../train/index.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { openEngine } from '../runner/engine.js';
import { loadExperiment } from '../runner/experiment.js';
import { type CommonOptions, engineOf, printJson, say, withSeed } from './common-options.js';
import { formatTable } from './format.js';
import { writeOutput } from './output-file.js';
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
  const profile = await profileStep((threads) => openEngine({ ...engine, threads }), config, data, engine.threads);
  for (const line of formatProfile(profile)) say(options, line);
  if (options.html !== undefined) {
    writeOutput('--html', options.html, profilePage(name, profile));
    say(options, `page with the timeline: ${options.html}`);
  }
  printJson(options, profile);
  return exitCode.done;
}

/** `12.3 GFLOP/s`, or `8.5 GB/s` where it is memory that counts; nothing for a kernel that only prepares. */
export function speedOf({ flops, bytes, milliseconds }: ProfiledKernel): string {
  if (milliseconds === 0 || (flops === 0 && bytes === 0)) return '';
  const perSecond = (amount: number): string => (amount / milliseconds / 1e6).toFixed(1);
  return flops > 0 ? `${perSecond(flops)} GFLOP/s` : `${perSecond(bytes)} GB/s`;
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Of what a large matrix product reaches, or memory where it is that which counts; beyond 100 % where a cache holds it all. */
export function shareOfLimit(
  { flops, bytes, milliseconds }: ProfiledKernel,
  { limit, bandwidth }: Pick<StepProfile, 'limit' | 'bandwidth'>,
): string {
  if (milliseconds === 0 || (flops === 0 && bytes === 0)) return '';
  return percent(flops > 0 ? flops / milliseconds / 1e6 / limit : bytes / milliseconds / 1e6 / bandwidth);
}

export const limitOf = ({ limit, bandwidth }: StepProfile): string =>
  `limit on one thread: ${limit.toFixed(1)} GFLOP/s, a matrix product of 512 x 512; ${bandwidth.toFixed(1)} GB/s, a sum of two tensors from memory`;

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
