/** `nn gradcheck`: compares the gradients of a network with finite differences. Exit code 3 if one differs. */
import { formatCount } from '../../config/format-count.js';
import { formatFigure } from '../../runner/text.js';
import type { ParameterCheck } from '../../train/index.js';
import { addCommand, type CommonOptions, experimentOptions, type Register } from '../command.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { formatTable } from '../format.js';
import { print, printJson } from '../output.js';

export const registerGradcheck: Register = (program, finish) => {
  const description = 'compare gradients with finite differences';
  addCommand(program, 'gradcheck <config> [overrides...]', description, ['seed', 'engine'])
    .action(async (config: string, overrides: string[], options: CommonOptions) => {
      finish(await checkGradients(config, overrides, options));
    }); // prettier-ignore
};

async function checkGradients(file: string, overrides: readonly string[], options: CommonOptions): Promise<ExitCode> {
  const { loadExperiment } = await import('../../runner/index.js');
  const { gradcheck } = await import('../../train/index.js');
  const { config, data } = await loadExperiment(file, experimentOptions(overrides, options));
  const { ok, tolerance, samples, rows } = gradcheck(config, data);
  const numbers = ['checked', 'derivative', 'difference', 'error'];
  const table = rows.map((row) => [...describeParameter(row), row.ok ? 'ok' : 'WRONG']);
  for (const line of formatTable(['parameter', 'shape', ...numbers, 'verdict'], table, numbers)) print(options, line);
  const wrong = rows.filter((row) => !row.ok).length;
  const basis = `on ${samples} samples, at most ${formatFigure(tolerance)} relative error allowed`;
  print(
    options,
    ok
      ? `ok: all gradients agree with finite differences (${basis})`
      : `FAILED: ${wrong} of ${rows.length} gradients differ from finite differences (${basis})`,
  );
  printJson(options, { ok, tolerance, samples, rows });
  return ok ? exitCode.done : exitCode.checkFailed;
}

/** The element with the largest error represents its parameter. */
const describeParameter = ({ parameter, shape, checked, worst }: ParameterCheck): string[] => [
  parameter,
  `[${shape.join(', ')}]`,
  formatCount(checked),
  formatFigure(worst.analytic),
  formatFigure(worst.numeric),
  worst.error.toExponential(1),
];
