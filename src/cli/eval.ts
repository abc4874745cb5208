/** `nn eval`: measures a checkpoint, which is enough by itself. */
import { stringify } from 'yaml';
import { loadConfig } from '../config/index.js';
import { loadSplit } from '../data/index.js';
import { evaluate, experimentSchema } from '../train/index.js';
import { openSnapshot, usingCheckpoint } from './checkpoint.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { type CommonOptions, openSession, printJson, say } from './experiment.js';
import { UsageError } from './usage-error.js';

type SplitName = 'train' | 'val' | 'test';

export async function evalCommand(
  path: string,
  options: CommonOptions & { readonly split: string },
): Promise<ExitCode> {
  if (!['train', 'val', 'test'].includes(options.split))
    throw new UsageError(`--split: expected train, val or test, got "${options.split}"`);
  const name = options.split as SplitName;
  const { snapshot, baseDir } = openSnapshot(path);
  const { config } = usingCheckpoint(path, () =>
    loadConfig(experimentSchema, { file: path, text: stringify(snapshot.meta.config), env: {} }),
  );
  const { split, affine } = await loadSplit(config.data, name, {
    task: config.task,
    seed: config.seed,
    baseDir,
    fitted: snapshot.meta.preprocessing,
  });
  if (split === undefined) throw new UsageError(`the experiment has no ${name} split; use --split`);
  const session = openSession(options);
  const result = usingCheckpoint(path, () =>
    evaluate(session, config, name, split, { tensors: snapshot.tensors, affine }),
  );
  session.close();
  const figures = { loss: result.loss, ...result.metrics };
  say(options, `${name}: ${result.samples} samples  ${Object.entries(figures).map(([k, v]) => `${k} ${v}`).join('  ')}`); // prettier-ignore
  printJson(options, { split: name, samples: result.samples, ...figures });
  return exitCode.done;
}
