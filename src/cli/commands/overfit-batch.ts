/** `nn overfit-batch`: whether the network can fit a single batch, and if not, why. Exit code 3 where it cannot. */
import type { OverfitVerdict } from '../../train/index.js';
import { formatFigure } from '../../runner/text.js';
import { addCommand, type CommonOptions, engineOf, experimentOptions, type Register } from '../command.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { Interrupt } from '../interrupt.js';
import { print, printJson, say } from '../output.js';

export const registerOverfitBatch: Register = (program, finish) => {
  const description = 'can the network fit a single batch? if not, why?';
  addCommand(program, 'overfit-batch <config> [overrides...]', description, ['seed', 'engine'])
    .action(async (config: string, overrides: string[], options: CommonOptions) => {
      finish(await overfit(config, overrides, options));
    }); // prettier-ignore
};

async function overfit(file: string, overrides: readonly string[], options: CommonOptions): Promise<ExitCode> {
  const { loadExperiment, openEngine } = await import('../../runner/index.js');
  const { overfitBatch } = await import('../../train/index.js');
  const { config, data, given } = await loadExperiment(file, experimentOptions(overrides, options));
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
  print(options, `trained on ${samples} samples for ${steps} steps: loss ${formatFigure(initialLoss)} -> ${formatFigure(loss)}`); // prettier-ignore
  const reached = `${measure.replaceAll('_', ' ')} ${formatFigure(value)}, needed below ${formatFigure(threshold)}`;
  const right = accuracy === undefined ? '' : `; ${formatFigure(100 * accuracy)} % classified correctly, needed 100 %`;
  print(options, `${reached}${right}`);
  for (const cause of verdict.causes) {
    print(options, `  cause: ${cause.layer === undefined ? '' : `${cause.layer}: `}${cause.message}`);
  }
  print(options, verdictText(verdict));
  printJson(options, verdict);
  return ok ? exitCode.done : exitCode.checkFailed;
}

function verdictText({ verdict, steps }: OverfitVerdict): string {
  if (verdict === 'ok') return 'ok: the network fits the batch';
  if (verdict === 'failed') return 'FAILED: the network does not fit the batch';
  return `UNDECIDED: after ${steps} steps the network does not fit the batch yet, and the loss is still falling`;
}
