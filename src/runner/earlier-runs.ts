/** Finds earlier runs of the very same experiment, so that nothing is trained twice. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readRegularSync } from '../config/regular-file.js';
import { type CrossValidationSummary, hasFinished, packageVersion, type Provenance, readSummary, runPaths, type Summary } from '../runs/index.js'; // prettier-ignore
import { computesSameBits, type EngineOptions, engineProvenance } from './engine.js';
import { type Experiment, filesOf } from './experiment.js';
import { foldsOf } from './folds.js';
import { resolvedConfigText } from './resolved-config.js';

export interface EarlierRuns {
  /** The summary of the latest run that has finished. */
  readonly finished?: Summary | CrossValidationSummary;
  /** The directory of the latest run that was stopped and can be resumed; only looked for where none has finished. */
  readonly stopped?: string;
}

/** Runs of the same config on the same data by the same version and engine, below `runsDir`. */
export function findEarlierRuns(experiment: Experiment, runsDir: string, engine: EngineOptions): EarlierRuns {
  const { loaded, config, name, baseDir } = experiment;
  const parent = join(runsDir, name);
  const folds = foldsOf(config.data);
  const written = folds === undefined ? config : loaded.config;
  let stopped: string | undefined;
  for (const folder of existsSync(parent) ? readdirSync(parent).sort().reverse() : []) {
    const path = join(parent, folder);
    const paths = runPaths(path);
    if (readIfThere(paths.config) !== resolvedConfigText(path, written, baseDir, loaded.references)) continue;
    if (!isReproducedBy(readProvenance(paths.provenance), filesOf(experiment), engine)) continue;
    const summary = readSummary(paths.summary);
    const canGoOn = folds !== undefined || existsSync(paths.lastCheckpoint);
    if (summary === undefined) {
      // It was killed, or is running, which its lock will tell.
      if (canGoOn) stopped ??= path;
      continue;
    }
    if (hasFinished(summary) && (folds === undefined || 'folds' in summary)) return { finished: summary };
    if (summary.status === 'interrupted' && canGoOn) stopped ??= path;
  }
  return stopped === undefined ? {} : { stopped };
}

/**
 * Whether a run of that provenance would give the same bits now. One that does not record its engine may have been computed by
 * another, and one of a single batch ended sooner.
 */
function isReproducedBy(provenance: Provenance | undefined, files: Provenance['data'], engine: EngineOptions): boolean {
  if (provenance?.engine === undefined || provenance.fast_dev_run) return false;
  const digests = (data: Provenance['data']): string => data.map(({ sha256 }) => sha256).join();
  return (
    provenance.versions.nn === packageVersion() &&
    computesSameBits(provenance.engine, engineProvenance(engine)) &&
    digests(provenance.data) === digests(files)
  );
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readRegularSync(path).toString('utf8') : undefined;
}

/** Undefined where there is none, or it was cut off. */
function readProvenance(path: string): Provenance | undefined {
  try {
    return JSON.parse(readIfThere(path) ?? 'null') as Provenance;
  } catch {
    return undefined;
  }
}
