/** The commands that look before a run: check, overfit-batch and gradcheck. Exit code 3 where a check does not hold. */
import { gradcheck, overfitBatch } from '../train/index.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { type CommonOptions, loadExperiment, openSession, printJson, say } from './experiment.js';

type Check = (file: string, overrides: readonly string[], options: CommonOptions) => Promise<ExitCode>;

const check: Check = async (file, overrides, options) => {
  const { config, data, rows } = await loadExperiment(file, overrides, options);
  const table = rows.map((r) =>
    [r.name, r.type, `[${r.outputShape.join(', ')}]`, r.parameters, r.macs, r.memoryBytes].map(String),
  );
  const header = ['layer', 'type', 'output', 'parameters', 'multiply-adds', 'bytes'];
  const widths = header.map((h, i) => Math.max(h.length, ...table.map((row) => row[i].length)));
  for (const row of [header, ...table]) {
    say(options, row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
  }
  const total = (pick: 'parameters' | 'macs' | 'memoryBytes'): number => rows.reduce((sum, r) => sum + r[pick], 0);
  const totals = { parameters: total('parameters'), macs: total('macs'), memory_bytes: total('memoryBytes') };
  say(
    options,
    `total: ${totals.parameters} parameters, ${totals.macs} multiply-adds and ${totals.memory_bytes} bytes a sample`,
  );
  say(
    options,
    `data: ${data.train.size} training, ${data.val?.size ?? 0} validation, ${data.test?.size ?? 0} test samples; ${config.task}`,
  );
  printJson(options, { layers: rows, ...totals });
  return exitCode.done;
};

const overfit: Check = async (file, overrides, options) => {
  const { config, data } = await loadExperiment(file, overrides, options);
  const session = openSession(options);
  const verdict = await overfitBatch(session, config, data, {});
  session.close();
  say(
    options,
    `${verdict.ok ? 'ok' : 'FAILED'}: loss ${verdict.initialLoss} -> ${verdict.loss} after ${verdict.steps} steps on ${verdict.samples} samples`,
  );
  for (const cause of verdict.causes)
    say(options, `  ${cause.layer === undefined ? '' : `${cause.layer}: `}${cause.message}`);
  printJson(options, verdict);
  return verdict.ok ? exitCode.done : exitCode.checkFailed;
};

const gradients: Check = async (file, overrides, options) => {
  const { config, data } = await loadExperiment(file, overrides, options);
  const result = gradcheck(config, data, {});
  say(options, JSON.stringify(result, null, 2));
  printJson(options, result);
  return result.ok ? exitCode.done : exitCode.checkFailed;
};

export const commands = { check, 'overfit-batch': overfit, gradcheck: gradients };
