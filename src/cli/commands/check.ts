/** `nn check`: checks configs and their data before training. Exit code 3 with --strict and a warning. */
import { formatCount } from '../../config/format-count.js';
import type { Warning } from '../../runner/index.js';
import type { LayerStart } from '../../train/index.js';
import { addCommand, type CommonOptions, engineOf, experimentOptions, type Register } from '../command.js';
import { configArguments } from '../config-files.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { formatBytes, formatSizes, formatTable } from '../format.js';
import { complain, print, printJson, say } from '../output.js';

interface CheckOptions extends CommonOptions {
  /** A warning is a failure. */
  readonly strict?: boolean;
}

export const registerCheck: Register = (program, finish) => {
  const description = 'check configs and their data: layers, memory, lints';
  addCommand(program, 'check <configs...>', description, ['seed', 'engine'])
    .usage('[options] <config or folder...> [key=value...]')
    .option('--strict', 'exit with 3 where there is a warning')
    .action(async (args: string[], options: CheckOptions) => {
      const { files, overrides } = configArguments(args);
      finish(await (files.length > 1 ? checkAll(files, overrides, options) : check(files[0], overrides, options)));
    });
};

async function check(file: string, overrides: readonly string[], options: CheckOptions): Promise<ExitCode> {
  const { checkExperiment, formatWarnings, loadExperiment } = await import('../../runner/index.js');
  const { taskOf } = await import('../../train/index.js');
  const experiment = await loadExperiment(file, experimentOptions(overrides, options));
  const { config, data, rows } = experiment;
  const { memory, start, warnings } = await checkExperiment(experiment, engineOf(options));
  const starts = new Map(start.layers.map((layer) => [layer.layer, layer]));
  const namesInputs = rows.some(({ inputs }) => inputs !== undefined);
  const table = rows.map(({ name, type, inputs, outputShape, parameters, macs, memoryBytes }) => [
    name,
    type,
    ...(namesInputs ? [inputs?.join(', ') ?? ''] : []),
    `[${outputShape.join(', ')}]`,
    formatCount(parameters),
    formatCount(macs),
    formatBytes(memoryBytes),
    ...formatStart(starts.get(name)),
  ]);
  const numbers = ['parameters', 'multiply-adds', 'memory', 'std', 'gradient std', 'zeros'];
  const header = ['layer', 'type', ...(namesInputs ? ['inputs'] : []), 'output', ...numbers];
  for (const line of formatTable(header, table, numbers)) print(options, line);

  const total = (pick: 'parameters' | 'macs' | 'memoryBytes'): number => rows.reduce((sum, row) => sum + row[pick], 0);
  print(options, `total: ${formatCount(total('parameters'))} parameters, ${formatCount(total('macs'))} multiply-adds a sample`); // prettier-ignore
  print(
    options,
    `memory in training: weights ${formatBytes(memory.weights)}, optimizer (${config.optimizer.type}) ${formatBytes(memory.optimizer)}, ` +
      `layer outputs of a batch of ${memory.batch_size} ${formatBytes(memory.activations)}, data ${formatBytes(memory.data)}`,
  );
  print(
    options,
    `memory of a step: inputs (weights, optimizer, training data) ${formatBytes(memory.inputs)}, ` +
      `arena (layer outputs and gradients at their peak) ${formatBytes(memory.arena)}, in all ${formatBytes(memory.step_total)}; ` +
      `with evaluation ${formatBytes(memory.run_total)}`,
  );
  const { train, val, test } = data;
  print(
    options,
    `data: ${formatCount(train.size)} training, ${formatCount(val?.size ?? 0)} validation, ${formatCount(test?.size ?? 0)} test samples of ` +
      `[${train.fields.features.shape.join(', ')}]; ${config.task.type}${data.classes === undefined ? '' : `, ${data.classes.length} ${taskOf(config).reference}`}`,
  );
  print(
    options,
    `std and gradient std: spread of layer outputs and of their gradients at the start, on the first ${formatCount(start.samples)} samples; ` +
      'zeros: share of a relu layer',
  );
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

/** One line for each of several configs, with its warnings or errors: an error in one does not hide those of the next. */
async function checkAll(
  files: readonly string[],
  overrides: readonly string[],
  options: CheckOptions,
): Promise<ExitCode> {
  const { cachedLoad, formatWarnings, loadExperiment, warningsOf } = await import('../../runner/index.js');
  const { describeError } = await import('../report.js');
  const results: ({ config: string } & ({ parameters: number; warnings: Warning[] } | { error: string }))[] = [];
  const load = cachedLoad();
  let worst: ExitCode = exitCode.done;
  for (const file of files) {
    try {
      const experiment = await loadExperiment(file, { ...experimentOptions(overrides, options), load });
      const parameters = experiment.rows.reduce((sum, row) => sum + row.parameters, 0);
      const warnings = warningsOf(experiment);
      const found = warnings.length === 0 ? 'ok' : `${warnings.length} warning${warnings.length === 1 ? '' : 's'}`;
      print(options, `${file}: ${found} (${formatCount(parameters)} parameters; ${formatSizes(experiment.data)})`);
      for (const line of formatWarnings(warnings)) say(options, line);
      results.push({ config: file, parameters, warnings });
      if (options.strict && warnings.length > 0 && worst === exitCode.done) worst = exitCode.checkFailed;
    } catch (error) {
      const { text, exitCode: code } = describeError(error);
      if (code !== exitCode.usage) throw error;
      complain(text);
      results.push({ config: file, error: text });
      worst = exitCode.usage;
    }
  }
  const count = (is: (result: (typeof results)[number]) => boolean): number => results.filter(is).length;
  const failed = count((result) => 'error' in result);
  const warned = count((result) => 'warnings' in result && result.warnings.length > 0);
  print(options, `${files.length} configs: ${failed} with errors, ${warned} with warnings`);
  printJson(options, { configs: results });
  return worst;
}

/** Empty for blocks: only their layers are measured. */
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
