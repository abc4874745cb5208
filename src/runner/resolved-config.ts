/** The config.yaml of a run directory: the whole config, ready to run. */
import { relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type References, toConfigValue } from '../config/index.js';
import { moveFiles } from '../data/index.js';
import { checkpointOf } from '../nn/index.js';
import { type RunPaths, writeFileAtomic } from '../runs/index.js';
import { type ExperimentConfig, experimentSchema } from '../train/index.js';
import { withReferences } from './references.js';

/** Writes the config and returns it, its file names relative to the run directory, so that both can be moved together. */
export function writeResolvedConfig(
  paths: RunPaths,
  folder: string,
  config: ExperimentConfig,
  baseDir: string,
  references: References,
): ExperimentConfig {
  const moved = movedTo(folder, config, baseDir);
  writeFileAtomic(paths.config, textOf(moved, references, folder));
  return moved;
}

/** What `writeResolvedConfig` would write for this config in `folder`. */
export const resolvedConfigText = (
  folder: string,
  config: ExperimentConfig,
  baseDir: string,
  references: References,
): string => textOf(movedTo(folder, config, baseDir), references, folder);

function movedTo(folder: string, config: ExperimentConfig, baseDir: string): ExperimentConfig {
  const move = (file: string): string => relative(resolve(folder), resolve(baseDir, file));
  const checkpoint = checkpointOf(config.init);
  const moved = checkpoint && { checkpoint: { ...checkpoint, path: move(checkpoint.path) } };
  return { ...config, data: moveFiles(config.data, move), init: { ...config.init, ...moved } };
}

const textOf = (config: ExperimentConfig, references: References, folder: string): string =>
  stringify(withReferences(toConfigValue(experimentSchema, config), references, folder));
