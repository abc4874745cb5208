/** `nn eval`: measures a checkpoint, which is enough by itself. */
import { stringify } from 'yaml';
import { loadConfig } from '../config/index.js';
import { fittedPreprocessingSchema, loadSplit } from '../data/index.js';
import { loadCheckpoint } from '../runs/index.js';
import { evaluate, experimentSchema, readSnapshot } from '../train/index.js';
import { baseDirOf, type CommonOptions, openSession, printJson, say } from './experiment.js';
import { UsageError } from './report.js';

type SplitName = 'train' | 'val' | 'test';

export async function evalCommand(path: string, options: CommonOptions & { readonly split: string }): Promise<void> {
  if (!['train', 'val', 'test'].includes(options.split))
    throw new UsageError(`--split: expected train, val or test, got "${options.split}"`);
  const name = options.split as SplitName;
  const { tensors, meta } = loadCheckpoint(path);
  const snapshot = readSnapshot({ tensors, meta });
  const { config } = loadConfig(experimentSchema, { file: path, text: stringify(snapshot.meta.config), env: {} });
  const { split, affine } = await loadSplit(config.data, name, {
    task: config.task,
    seed: config.seed,
    baseDir: baseDirOf(meta),
    fitted: fittedPreprocessingSchema.parse(snapshot.meta.preprocessing),
  });
  if (split === undefined) throw new UsageError(`the experiment has no ${name} split; use --split`);
  const session = openSession(options);
  const result = evaluate(session, config, name, split, { tensors: snapshot.tensors, affine });
  session.close();
  const figures = { loss: result.loss, ...result.metrics };
  say(options, `${name}: ${result.samples} samples  ${Object.entries(figures).map(([k, v]) => `${k} ${v}`).join('  ')}`); // prettier-ignore
  printJson(options, { split: name, samples: result.samples, ...figures });
}
