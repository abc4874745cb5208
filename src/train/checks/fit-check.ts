/** Checks that model, loss and data fit together, which is only known once the data are loaded. */
import { input, type Shape, sizeOf } from '../../tensor/index.js';
import { referenceOf } from '../step/dataset.js';
import { foldTrainingSizes, forEachSample, type LoadedData, type Split } from '../../data/index.js';
import {
  augmentationProblems,
  type ConfigPath,
  groupOf,
  type LayerConfig,
  type LayerRow,
  LayerShapeError,
  lossMismatch,
  matchesPattern,
  RandomSource,
  sampleShape,
  type TargetInfo,
  traceModel,
  VariableStore,
} from '../../nn/index.js';
import { taskOf } from '../tasks/index.js';
import type { Contradiction, ExperimentConfig } from '../schema.js';

/** What the model must fit: the shape of a sample's features, and its targets. */
export interface DataInfo {
  /** Of the training split. */
  readonly samples: number;
  /** In a cross-validation: of the training split of each fold; they may differ by one. */
  readonly foldSamples?: readonly number[];
  readonly features: Shape;
  readonly target: TargetInfo;
  /** The smallest and the largest feature; undefined for bytes. Computed on demand. */
  readonly range: () => readonly [number, number] | undefined;
}

export function describeData(
  config: ExperimentConfig,
  { train, val, test, classes }: Pick<LoadedData, 'train' | 'val' | 'test' | 'classes'>,
): DataInfo {
  const { reference } = taskOf(config);
  const { features } = train.fields;
  const { folds, fold, limit_train, limit_val, limit_test, split } = config.data;
  const isWhole = [limit_train, limit_val, limit_test].every((limit) => limit === undefined);
  const all = train.size + (val?.size ?? 0) + (test?.size ?? 0);
  const size = sizeOf(referenceOf(train).shape);
  return {
    samples: train.size,
    ...(folds !== undefined &&
      fold === undefined &&
      isWhole && { foldSamples: foldTrainingSizes('', all, folds, split) }),
    features: features.shape,
    range: () => (features.dtype === 'u8' ? undefined : rangeOf(train)),
    target: {
      kind: reference,
      size,
      ...(reference === 'classes' && classes ? { classes: classes.length } : {}),
    },
  };
}

function rangeOf({ size, fields: { features } }: Split): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  forEachSample(features, size, (values) => {
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i]);
      high = Math.max(high, values[i]);
    }
  });
  return [low, high];
}

/**
 * The layer table of the model on such data, or why it does not fit: a layer that cannot take its input, a loss that cannot take
 * the targets, a head with the wrong number of units. The paths are those of the config.
 */
export function fitModel(
  config: ExperimentConfig,
  { samples, foldSamples, features, target, range }: DataInfo,
): { rows: readonly LayerRow[]; problems: readonly Contradiction[] } {
  try {
    const options = { training: false, random: new RandomSource(), init: config.init };
    const model = traceModel(config.model, input('fit.features', [1, ...features]), new VariableStore(), options);
    const idle = idleGroups(config, model.parameters.map(({ name }) => name)); // prettier-ignore
    const unfit = [
      ...idle,
      ...partialBatches(config, samples),
      ...lonelySamples(config, foldSamples ?? [samples], features),
    ];
    if (unfit.length > 0) return { rows: model.rows, problems: unfit };
    const unaugmentable = augmentationProblems(config.data.augment, { shape: features, kind: target.kind, range });
    if (unaugmentable.length > 0) {
      const problems = unaugmentable.map(({ index, message }) => ({ path: ['data', 'augment', index], message }));
      return { rows: model.rows, problems };
    }
    const mismatch = lossMismatch(config.loss, target, sampleShape(model.output));
    if (mismatch === undefined) return { rows: model.rows, problems: [] };
    const path = mismatch.at === 'loss' ? ['loss'] : headPath(config);
    return { rows: model.rows, problems: [{ path, message: mismatch.message }] };
  } catch (error) {
    if (!(error instanceof LayerShapeError)) throw error;
    return { rows: [], problems: [{ path: ['model', ...error.path], message: error.detail }] };
  }
}

/** L-BFGS estimates curvature from differences of gradients, so all of them must be over the same samples. */
function partialBatches({ optimizer, train }: ExperimentConfig, samples: number): Contradiction[] {
  if (optimizer.type !== 'lbfgs' || train.batch_size >= samples) return [];
  const message = `lbfgs needs all ${samples} training samples in one batch: set train.batch_size to ${samples}`;
  return [{ path: ['train', 'batch_size'], message }];
}

/** Finds a last batch of one sample, in any fold, that a layer cannot be trained on: better now than after an epoch. */
function lonelySamples(config: ExperimentConfig, sizes: readonly number[], features: Shape): Contradiction[] {
  const { batch_size, drop_last } = config.train;
  const batchOf = (size: number): number => Math.min(batch_size, size);
  const found = sizes.findIndex((size) => batchOf(size) === 1 || (!drop_last && size % batchOf(size) === 1));
  if (found < 0) return [];
  try {
    const options = { training: true, random: new RandomSource(), init: config.init };
    traceModel(config.model, input('fit.sample', [1, ...features]), new VariableStore(), options);
    return [];
  } catch (error) {
    if (!(error instanceof LayerShapeError)) throw error;
    const [size, batch] = [sizes[found], batchOf(sizes[found])];
    const where = sizes.length === 1 ? '' : ` of fold ${found + 1}`;
    const sum = batch === 1 ? '' : ` (${size} samples = ${Math.floor(size / batch)} x ${batch} + 1)`;
    const message = `the last batch${where} has one sample${sum}, which a layer cannot be trained on: ${error.detail}, or set train.drop_last: true`;
    return [{ path: ['train', 'batch_size'], message }];
  }
}

/** Parameter groups that match no weight. */
function idleGroups({ train }: ExperimentConfig, names: readonly string[]): Contradiction[] {
  const groups = train.parameter_groups ?? [];
  const used = new Set(names.map((name) => groupOf(groups, name)));
  return groups.flatMap((group, i) => {
    if (used.has(group)) return [];
    const taken = names.some((name) => matchesPattern(group.parameters, name));
    const reason = taken ? 'all of its weights belong to groups before it' : `there are ${names.join(', ')}`;
    const message = `no weight belongs to "${group.parameters}": ${reason}`;
    return [{ path: ['train', 'parameter_groups', i, 'parameters'], message }];
  });
}

/** Where the number of outputs is set: the last layer with `units`, blocks looked into, else the last layer. */
function headPath({ model }: ExperimentConfig): ConfigPath {
  const search = (layers: readonly LayerConfig[], path: ConfigPath): ConfigPath | undefined => {
    for (let i = layers.length - 1; i >= 0; i--) {
      const layer: LayerConfig & { readonly layers?: readonly LayerConfig[] } = layers[i];
      if ('units' in layer) return [...path, i, 'units'];
      const inside = layer.layers && search(layer.layers, [...path, i, 'layers']);
      if (inside) return inside;
    }
    return undefined;
  };
  const path = ['model', 'layers'];
  return search(model.layers, path) ?? [...path, model.layers.length - 1];
}
