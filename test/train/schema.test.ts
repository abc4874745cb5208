import { describe, expect, it } from 'vitest';
import { ConfigError, jsonSchema, loadConfig, toConfigValue } from '../../src/config/index.js';
import { describeData, experimentSchema, fitModel } from '../../src/train/index.js';
import type { LoadedData } from '../../src/data/index.js';
import { classificationData, experiment, regressionData } from './tiny.js';

const base = `
task: classification
data:
  source: {csv: {path: iris.csv, target: species}}
  split: {val: 0.2}
model:
  layers:
    - dense: {units: 8, activation: relu}
    - dense: {units: 3}
`;
const load = (text: string, overrides: string[] = []) =>
  loadConfig(experimentSchema, { file: 'x.yaml', text, overrides, env: {} });
const problems = (text: string, overrides: string[] = []): string => {
  try {
    load(text, overrides);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
};

describe('the experiment schema', () => {
  it('fills in what a short config leaves out', () => {
    const { config } = load(base);
    expect(config).toMatchObject({
      loss: { type: 'softmax_cross_entropy' },
      metrics: [{ type: 'accuracy' }],
      optimizer: { type: 'adam', lr: 0.001 },
      schedule: { type: 'constant' },
      init: { weights: { type: 'he_normal' }, bias: { type: 'zeros' } },
      regularization: { l1: 0, l2: 0 },
      train: { batch_size: 32, shuffle: true },
    });
  });

  it('takes the default loss and metrics of the task', () => {
    const { config } = load(base, ['task=regression']);
    expect(config).toMatchObject({ loss: { type: 'mean_squared_error' }, metrics: [{ type: 'rmse' }] });
  });

  it('asks for what to predict, unless the features are reconstructed', () => {
    const without = base.replace(', target: species', '');
    expect(problems(without)).toMatch(/x\.yaml:4:\d+: data\.source\.target: classification needs it/);
    const { config } = load(without, ['task=reconstruction']);
    expect(config).toMatchObject({ loss: { type: 'mean_squared_error' }, metrics: [{ type: 'rmse' }] });
  });

  it('writes the resolved config so that it loads to the same one', () => {
    const { config, resolved } = load(base, ['optimizer.lr=0.5', 'train.early_stopping={patience: 2}']);
    expect(experimentSchema.parse(resolved)).toEqual(config);
    expect(toConfigValue(experimentSchema, config)).toEqual(resolved);
  });

  it('has a JSON Schema with a description of every top-level key', () => {
    const { properties } = jsonSchema(experimentSchema);
    expect(Object.keys(properties ?? {})).toEqual(
      'name seed task data model loss metrics init regularization optimizer schedule train'.split(' '),
    );
  });

  it('refuses balanced sampling where there are no classes, no random order, or the same samples are needed', () => {
    expect(problems(`${base}train: {sampling: balanced, shuffle: false}\n`)).toContain('train.shuffle: balanced sampling draws a random order'); // prettier-ignore
    expect(problems(`${base}train: {sampling: balanced}\noptimizer: lbfgs\n`)).toContain('train.sampling: lbfgs needs the same samples in every step'); // prettier-ignore
  });

  it('locates parts that do not fit each other', () => {
    expect(problems(`${base}loss: mean_squared_error\n`)).toMatch(/x\.yaml:\d+:\d+: loss: mean_squared_error does not fit classification; use one of softmax_cross_entropy, /); // prettier-ignore
    expect(problems(`${base}metrics: [accuracy, rmse]\n`)).toContain(
      'metrics[1]: rmse does not fit classification; use one of accuracy, ',
    );
    expect(problems(`${base}metrics: [accuracy, accuracy]\n`)).toContain('metrics[1]: accuracy is listed twice');
    const ranks = '{top_k_accuracy: {k: 2}}, {top_k_accuracy: {k: 3}}';
    expect(problems(`${base}metrics: [${ranks}]\n`)).toBe('');
    expect(problems(`${base}metrics: [${ranks}, {top_k_accuracy: {k: 2}}]\n`)).toContain('metrics[2]: top_k_accuracy is listed twice'); // prettier-ignore
  });

  it('reports an unknown key of a loss or metric, and goes on checking', () => {
    const typos = problems(`${base}loss: {focal: {gama: 2}}\nmetrics: [{f1: {averge: macro}}, rmse]\n`);
    expect(typos).toContain('loss: unknown key "gama"; did you mean "gamma"?');
    expect(typos).toContain('metrics[0]: unknown key "averge"');
    expect(typos).toContain('metrics[1]: rmse does not fit classification; use one of accuracy, ');
  });

  it('knows the figures that early stopping can monitor', () => {
    const stopping = (monitor: string) => `${base}train: {early_stopping: {monitor: ${monitor}}}\n`;
    expect(problems(stopping('val/accuracy'))).toBe('');
    expect(problems(stopping('val/acuracy'))).toContain('did you mean "val/accuracy"?');
    expect(problems(stopping('val/loss'), ['data.split={}'])).toContain('val/loss needs a validation split');
  });

  it('knows the figures that reduce_on_plateau can monitor', () => {
    const plateau = (monitor: string) => `${base}schedule: {reduce_on_plateau: {monitor: ${monitor}}}\n`;
    expect(problems(plateau('val/accuracy'))).toBe('');
    expect(problems(plateau('val/f2'))).toMatch(/x\.yaml:\d+:\d+: schedule\.monitor: there is no figure "val\/f2"/);
  });

  it('says what L-BFGS cannot be trained with', () => {
    const noisy = `${base}optimizer: lbfgs\ntrain: {gradient_noise: {}, accumulate_batches: 2}\n`;
    expect(problems(noisy)).toContain('train.gradient_noise: lbfgs takes no gradient_noise');
    expect(problems(noisy)).toContain('train.accumulate_batches: lbfgs takes no accumulate_batches');
  });

  it('refuses a name that is no folder name', () => {
    expect(problems(`${base}name: ../up\n`)).toContain('name: ');
  });
});

describe('fitModel', () => {
  it('gives the layer table of a model that fits its data', () => {
    const config = experiment();
    const { rows, problems: found } = fitModel(config, describeData(config, classificationData()));
    expect(found).toEqual([]);
    expect(rows.map(({ parameters }) => parameters)).toEqual([24, 27]);
  });

  it('finds a head with the wrong number of units, at the units of the last layer', () => {
    const config = experiment({ model: { layers: [{ dense: { units: 5 } }] } });
    const [problem] = fitModel(config, describeData(config, classificationData())).problems;
    expect(problem.path).toEqual(['model', 'layers', 0, 'units']);
    expect(problem.message).toContain('gives 5 units');
  });

  it('finds a layer that cannot take its input', () => {
    const config = experiment({ model: { layers: ['flatten', { conv2d: { filters: 2, kernel_size: 3 } }] } });
    const [problem] = fitModel(config, describeData(config, classificationData())).problems;
    expect(problem.path).toEqual(['model', 'layers', 1]);
  });

  it('looks into blocks, for the head and for a layer that does not fit', () => {
    const problemOf = (...layers: unknown[]) => {
      const config = experiment({ model: { layers } });
      return fitModel(config, describeData(config, classificationData())).problems[0];
    };
    const head = { sequential: { layers: [{ dense: { units: 4 } }, { dense: { units: 5 } }] } };
    expect(problemOf('flatten', head).path).toEqual(['model', 'layers', 1, 'layers', 1, 'units']);
    const block = { parallel: { branches: [[], ['relu', 'max_pool2d']] } };
    expect(problemOf({ sequential: { layers: [block], repeat: 2 } }).path).toEqual(
      ['model', 'layers', 0, 'layers', 0, 'branches', 1, 1], // prettier-ignore
    );
  });

  it('finds augmentations that cannot take the data, each at its place', () => {
    const source = { csv: { path: 'points.csv', target: 'class' } };
    const problemsOf = (augment: unknown[], data: LoadedData, task = 'classification') => {
      const units = task === 'regression' ? 1 : 3;
      const config = experiment({ task, data: { source, augment }, model: { layers: ['flatten', { dense: { units } }] } }); // prettier-ignore
      return fitModel(config, describeData(config, data)).problems.map(
        ({ path, message }) => `${path.join('.')}: ${message}`,
      );
    };
    const [rotated, masked] = problemsOf([{ rotate: {} }, 'feature_noise', 'fill', 'cutmix'], classificationData());
    expect(rotated).toBe(
      'data.augment.0: rotate is for images [height, width, channels], and a sample of the data is [2]',
    );
    expect(masked).toContain('data.augment.2: fill is for images');
    expect(
      problemsOf(['feature_noise', 'feature_mask', 'time_shift', 'mixup', 'label_noise'], classificationData()),
    ).toEqual([]);
    expect(problemsOf(['mixup', 'cutmix', 'label_noise'], regressionData(), 'regression')).toEqual([
      'data.augment.1: cutmix needs class labels as targets, not numbers',
      'data.augment.2: label_noise needs class labels as targets, not numbers',
    ]);

    const { size, fields } = classificationData().train;
    const images = (channels: number, value: number): LoadedData => ({
      ...classificationData(),
      train: {
        size,
        fields: { ...fields, features: { shape: [2, 2, channels], dtype: 'f32', values: new Float32Array(size * 4 * channels).fill(value) } }, // prettier-ignore
      },
    });
    expect(problemsOf(['hue'], images(1, 0.5))[0]).toContain('hue needs the 3 channels red, green and blue');
    expect(problemsOf(['hue', 'gamma', 'rotate'], images(3, 0.5))).toEqual([]);
    expect(problemsOf(['gamma', 'rotate'], images(1, 1.75))[0]).toContain('the images have 1.75 to 1.75');
    expect(problemsOf(['fill', 'fill', 'time_mask'], images(1, 1))).toEqual([
      'data.augment.1: fill is listed twice: all images are resampled once, with one filling',
      'data.augment.2: time_mask is for sequences [length] or [length, channels], and a sample of the data is [2, 2, 1]',
    ]);
  });

  it('wants all samples in one batch for L-BFGS', () => {
    const problemsOf = (batch_size: number) => {
      const config = experiment({ optimizer: 'lbfgs', train: { batch_size } });
      return fitModel(config, describeData(config, classificationData(22))).problems;
    };
    expect(problemsOf(22)).toEqual([]);
    expect(problemsOf(21)[0].path).toEqual(['train', 'batch_size']);
    expect(problemsOf(21)[0].message).toContain('set train.batch_size to 22');
  });

  it('counts the targets of a regression', () => {
    const config = experiment({ task: 'regression' });
    const [problem] = fitModel(config, describeData(config, regressionData())).problems;
    expect(problem.message).toContain('gives 3 units');
  });
});
