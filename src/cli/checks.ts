/** The commands that look before a run: check, overfit-batch and gradcheck. Exit code 3 where a check does not hold. */
import { formatCount } from '../config/format-count.js';
import { statePerWeight } from '../nn/optimizers/index.js';
import {
  gradcheck,
  type LayerStart,
  measureStart,
  overfitBatch,
  type OverfitVerdict,
  type ParameterCheck,
  type StartStatistics,
  taskOf,
} from '../train/index.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { openEngine } from '../runner/engine.js';
import { cachedLoad, type Experiment, loadExperiment } from '../runner/experiment.js';
import { formatFigure } from '../runner/text.js';
import { formatWarnings, type Warning, warningsOf } from '../runner/warnings.js';
import { type CommonOptions, engineOf, printJson, say, withSeed } from './common-options.js';
import { configArguments } from './config-files.js';
import { formatBytes, formatSizes, formatTable } from './format.js';
import { Interrupt } from './interrupt.js';
import { describeError } from './report.js';

export interface CheckOptions extends CommonOptions {
  /** A warning is a failure. */
  readonly strict?: boolean;
}

type Check = (file: string, overrides: readonly string[], options: CommonOptions) => Promise<ExitCode>;

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

export async function check(args: readonly string[], options: CheckOptions): Promise<ExitCode> {
  const { files, overrides } = configArguments(args);
  if (files.length > 1) return checkAll(files, overrides, options);
  const experiment = await loadExperiment(files[0], { ...options, overrides: withSeed(overrides, options) });
  const { config, data, rows } = experiment;
  const { planned, start } = lookAhead(experiment, options);
  const starts = new Map(start.layers.map((layer) => [layer.layer, layer]));
  const table = rows.map(({ name, type, outputShape, parameters, macs, memoryBytes }) => [
    name,
    type,
    `[${outputShape.join(', ')}]`,
    formatCount(parameters),
    formatCount(macs),
    formatBytes(memoryBytes),
    ...formatStart(starts.get(name)),
  ]);
  const numbers = ['parameters', 'multiply-adds', 'memory', 'std', 'gradient std', 'zeros'];
  for (const line of formatTable(['layer', 'type', 'output', ...numbers], table, numbers)) say(options, line);

  const total = (pick: 'parameters' | 'macs' | 'memoryBytes'): number => rows.reduce((sum, row) => sum + row[pick], 0);
  const memory = { ...memoryOf(experiment), ...planned };
  say(options, `total: ${formatCount(total('parameters'))} parameters, ${formatCount(total('macs'))} multiply-adds a sample`); // prettier-ignore
  say(
    options,
    `memory in training: weights ${formatBytes(memory.weights)}, optimizer (${config.optimizer.type}) ${formatBytes(memory.optimizer)}, ` +
      `layer outputs of a batch of ${memory.batch_size} ${formatBytes(memory.activations)}, data ${formatBytes(memory.data)}`,
  );
  say(
    options,
    `memory of a step: inputs (weights, optimizer, training data) ${formatBytes(memory.inputs)}, ` +
      `arena (layer outputs and gradients at their peak) ${formatBytes(memory.arena)}, in all ${formatBytes(memory.step_total)}; ` +
      `with evaluation ${formatBytes(memory.run_total)}`,
  );
  const { train, val, test } = data;
  say(
    options,
    `data: ${formatCount(train.size)} training, ${formatCount(val?.size ?? 0)} validation, ${formatCount(test?.size ?? 0)} test samples of ` +
      `[${train.features.shape.join(', ')}]; ${config.task}${data.classes === undefined ? '' : `, ${data.classes.length} ${taskOf(config).reference}`}`,
  );
  say(
    options,
    `std and gradient std: spread of layer outputs and of their gradients at the start, on the first ${formatCount(start.samples)} samples; ` +
      'zeros: share of a relu layer',
  );
  const warnings = warningsOf(experiment, start);
  for (const line of formatWarnings(warnings)) say(options, line);
  printJson(options, {
    layers: rows.map((row) => ({ ...row, ...startOfLayer(starts.get(row.name)) })),
    parameters: total('parameters'),
    macs: total('macs'),
    memory_bytes: total('memoryBytes'),
    memory,
    warnings,
  });
  return options.strict && warnings.length > 0 ? exitCode.checkFailed : exitCode.done;
}

/** A line for each of several configs, with its warnings or errors: an error in one does not hide those of the next. */
async function checkAll(
  files: readonly string[],
  overrides: readonly string[],
  options: CheckOptions,
): Promise<ExitCode> {
  const results: ({ config: string } & ({ parameters: number; warnings: Warning[] } | { error: string }))[] = [];
  const load = cachedLoad();
  let worst: ExitCode = exitCode.done;
  for (const file of files) {
    try {
      const experiment = await loadExperiment(file, { ...options, overrides: withSeed(overrides, options), load });
      const parameters = experiment.rows.reduce((sum, row) => sum + row.parameters, 0);
      const warnings = warningsOf(experiment);
      const found = warnings.length === 0 ? 'ok' : `${warnings.length} warning${warnings.length === 1 ? '' : 's'}`;
      say(options, `${file}: ${found} (${formatCount(parameters)} parameters; ${formatSizes(experiment.data)})`);
      for (const line of formatWarnings(warnings)) say(options, line);
      results.push({ config: file, parameters, warnings });
      if (options.strict && warnings.length > 0 && worst === exitCode.done) worst = exitCode.checkFailed;
    } catch (error) {
      const { text, exitCode: code } = describeError(error);
      if (code !== exitCode.usage) throw error;
      process.stderr.write(`${text}\n`);
      results.push({ config: file, error: text });
      worst = exitCode.usage;
    }
  }
  const count = (is: (result: (typeof results)[number]) => boolean): number => results.filter(is).length;
  const failed = count((result) => 'error' in result);
  const warned = count((result) => 'warnings' in result && result.warnings.length > 0);
  say(options, `${files.length} configs: ${failed} with errors, ${warned} with warnings`);
  printJson(options, { configs: results });
  return worst;
}

/** Bytes by use, as the sizes of tensors have it. */
function memoryOf({
  config,
  data,
  rows,
}: Experiment): Record<'weights' | 'optimizer' | 'activations' | 'data' | 'batch_size', number> {
  // prettier-ignore
  const weights = FLOAT_BYTES * rows.reduce((sum, row) => sum + row.parameters, 0);
  const batchSize = Math.min(config.train.batch_size, data.train.size);
  const outputs = rows.reduce((sum, row) => sum + row.memoryBytes, 0) - weights;
  const splits = [data.train, data.val, data.test].filter((split) => split !== undefined);
  const tables = splits.flatMap(({ features, targets }) => [features, targets]).filter(({ records }) => records === undefined); // prettier-ignore
  return {
    weights,
    optimizer: statePerWeight(config.optimizer) * weights,
    activations: batchSize * outputs,
    // What parts share, or what is reconstructed, is there once.
    data: [...new Set(tables.map(({ values }) => values))].reduce((sum, values) => sum + values.byteLength, 0),
    batch_size: batchSize,
  };
}

/**
 * Bytes that the tensor engine holds once training has started, and at its end, when evaluation has joined it; and how the network
 * starts.
 */
function lookAhead(
  { config, data, given }: Experiment,
  options: CommonOptions,
): { planned: Record<'inputs' | 'arena' | 'step_total' | 'run_total', number>; start: StartStatistics } {
  const session = openEngine(engineOf(options));
  try {
    const { memory, start } = measureStart(session, config, data, given?.tensors);
    const { step, run } = memory;
    return { planned: { inputs: step.inputs, arena: step.scratch, step_total: step.total, run_total: run.total }, start }; // prettier-ignore
  } finally {
    session.close();
  }
}

/** Blocks are not measured, but their layers. */
function formatStart(start: LayerStart | undefined): string[] {
  if (start === undefined) return ['', '', ''];
  const { std, gradientStd, zeros } = start;
  const figure = (value: number): string => String(Number(value.toPrecision(3)));
  return [figure(std), figure(gradientStd), zeros === undefined ? '' : `${Math.round(100 * zeros)} %`];
}

const startOfLayer = (start: LayerStart | undefined): object =>
  start === undefined
    ? {}
    : { std: start.std, gradient_std: start.gradientStd, ...(start.zeros === undefined ? {} : { zeros: start.zeros }) };

const overfit: Check = async (file, overrides, options) => {
  const { config, data, given } = await loadExperiment(file, { ...options, overrides: withSeed(overrides, options) });
  const session = openEngine(engineOf(options));
  const interrupt = new Interrupt(() => say(options, 'stopping after this step; once more to quit at once'));
  interrupt.listen();
  let verdict: OverfitVerdict;
  try {
    verdict = await overfitBatch(session, config, data, {
      shouldStop: () => interrupt.signal.aborted,
      given: given?.tensors,
    });
  } finally {
    interrupt.release();
    session.close();
  }
  if (interrupt.signal.aborted) return exitCode.interrupted;
  const { ok, loss, initialLoss, steps, samples, measure, value, threshold, accuracy } = verdict;
  say(options, `trained on ${samples} samples for ${steps} steps: loss ${formatFigure(initialLoss)} -> ${formatFigure(loss)}`); // prettier-ignore
  const reached = `${measure.replaceAll('_', ' ')} ${formatFigure(value)}, needed below ${formatFigure(threshold)}`;
  const right = accuracy === undefined ? '' : `; ${formatFigure(100 * accuracy)} % classified right, needed 100 %`;
  say(options, `${reached}${right}`);
  for (const cause of verdict.causes) {
    say(options, `  cause: ${cause.layer === undefined ? '' : `${cause.layer}: `}${cause.message}`);
  }
  say(options, ok ? 'ok: the network learns a batch by heart' : 'FAILED: the network does not learn a batch by heart');
  printJson(options, verdict);
  return ok ? exitCode.done : exitCode.checkFailed;
};

const gradients: Check = async (file, overrides, options) => {
  const { config, data } = await loadExperiment(file, { ...options, overrides: withSeed(overrides, options) });
  const { ok, tolerance, samples, rows } = gradcheck(config, data);
  const numbers = ['checked', 'derivative', 'difference', 'error'];
  const table = rows.map((row) => [...describeParameter(row), row.ok ? 'ok' : 'WRONG']);
  for (const line of formatTable(['parameter', 'shape', ...numbers, 'verdict'], table, numbers)) say(options, line);
  const wrong = rows.filter((row) => !row.ok).length;
  const basis = `on ${samples} samples, at most ${formatFigure(tolerance)} relative error allowed`;
  say(
    options,
    ok
      ? `ok: all gradients agree with finite differences (${basis})`
      : `FAILED: ${wrong} of ${rows.length} gradients differ from finite differences (${basis})`,
  );
  printJson(options, { ok, tolerance, samples, rows });
  return ok ? exitCode.done : exitCode.checkFailed;
};

/** The element with the largest error stands for its parameter. */
const describeParameter = ({ parameter, shape, checked, worst }: ParameterCheck): string[] => [
  parameter,
  `[${shape.join(', ')}]`,
  formatCount(checked),
  formatFigure(worst.analytic),
  formatFigure(worst.numeric),
  worst.error.toExponential(1),
];

export const commands = { 'overfit-batch': overfit, gradcheck: gradients };
