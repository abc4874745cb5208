import { describe, expect, it } from 'vitest';
import type { LoadedData, Split } from '../../../src/data/index.js';
import { hostRandom, wasmBackend } from '../../../src/tensor/index.js';
import { describeData, type ExperimentConfig, fitModel, lintExperiment, type LintId, lints, measureStart, type StartStatistics } from '../../../src/train/index.js'; // prettier-ignore
import { referenceOf } from '../../../src/train/step/dataset.js';
import { classificationData, experiment, regressionData } from '../tiny.js';

/** What the lints say of an experiment that fits its data; `measured` as `nn check` does, by running the network. */
async function found(config: ExperimentConfig, data: LoadedData, measured = false) {
  const { rows, problems } = fitModel(config, describeData(config, data));
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'));
  return lintExperiment({
    config,
    data,
    rows,
    baseDir: '/data',
    ...(measured && { start: await startOf(config, data) }),
  });
}

async function startOf(config: ExperimentConfig, data: LoadedData): Promise<StartStatistics> {
  const session = wasmBackend.open({ threads: 1 });
  try {
    return (await measureStart(session, config, data)).start;
  } finally {
    session.close();
  }
}

const ids = async (config: ExperimentConfig, data: LoadedData, measured = false): Promise<LintId[]> =>
  (await found(config, data, measured)).map(({ id }) => id);

const classes = classificationData(220);
const numbers = regressionData(240);

const withField = (split: Split, name: 'features' | 'targets', values: Float32Array | Int32Array): Split => {
  const table = split.fields[name] ?? split.fields.features;
  return { ...split, fields: { ...split.fields, [name]: { ...table, values } } };
};
/** Targets of the training split changed one by one. */
const withTargets = (data: LoadedData, change: (target: number, sample: number) => number): LoadedData => {
  const values = Float32Array.from(referenceOf(data.train).values, (target, i) => change(target, i));
  return { ...data, train: withField(data.train, 'targets', values) };
};
const withFeatures = (data: LoadedData, change: (value: number, i: number) => number): LoadedData => {
  const values = Float32Array.from(data.train.fields.features.values, change);
  return { ...data, train: withField(data.train, 'features', values) };
};
/** A table whose first column has these values. */
const withColumn = (value: (sample: number) => number): LoadedData => {
  const { size, fields } = classes.train;
  const width = fields.features.shape[0];
  const columns = Array.from({ length: width }, (_, column) => ({ name: `c${column}`, isMeasure: true, column }));
  const data = withFeatures(classes, (old, i) => (i % width === 0 ? value(i / width) : old));
  const features = { ...data.train.fields.features, columns };
  return { ...data, train: { size, fields: { ...data.train.fields, features } } };
};
/** A table with a column of so many categories beside its numbers. */
const withCategories = (count: number): LoadedData => {
  const { size } = classes.train;
  const categories = Array.from({ length: count }, (_, i) => `name${i % size}`);
  const columns = [{ kind: 'numeric', name: 'x' }, { kind: 'categorical', name: 'who', categories, exact_names: true }] as const; // prettier-ignore
  const encoding = { kind: 'table' as const, columns: [...columns].map((column) => ('categories' in column ? { ...column, categories: [...column.categories] } : column)), targets: ['y'] }; // prettier-ignore
  return { ...classes, preprocessing: { ...classes.preprocessing, encoding } };
};
/** The data as if preprocessing had mapped every column so. */
const standardized = (data: LoadedData, scale: number, shift: number): LoadedData => {
  const width = data.train.fields.features.shape[0];
  const affine = { scale: new Array<number>(width).fill(scale), shift: new Array<number>(width).fill(shift) };
  return { ...data, preprocessing: { ...data.preprocessing, affine } };
};
const withLabels = (label: (sample: number) => number): LoadedData => {
  const labels = Int32Array.from({ length: classes.train.size }, (_, i) => label(i));
  return { ...classes, train: withField(classes.train, 'targets', labels) };
};
/** Small images of the first 220 labels. */
const images: LoadedData = (() => {
  const random = hostRandom(1, 'images');
  const split = ({ size, fields: { targets } }: Split): Split => ({
    size,
    fields: {
      features: { shape: [6, 6, 1], dtype: 'f32', values: Float32Array.from({ length: size * 36 }, () => random.normal()) }, // prettier-ignore
      targets,
    },
  });
  return { ...classes, train: split(classes.train), val: undefined, test: split(classes.train) };
})();

type Layers = readonly unknown[];
const dense = (units: number, more: object = {}): object => ({ dense: { units, ...more } });
const relu = (units: number, more: object = {}): object => dense(units, { activation: 'relu', ...more });
const repeated = (count: number, layer: object): object[] => Array.from({ length: count }, () => layer);
const model = (...layers: Layers): object => ({ model: { layers } });
const regression = (layers: Layers, more: object = {}): object => ({ task: 'regression', model: { layers }, ...more });
const init = (weights: unknown): object => ({ init: { weights } });
const files = (source: Record<string, string>): object => ({ data: { source: { csv: { ...source, target: 'y' } } } });
const constant = init({ constant: { value: 0.1 } });
const glorot = init('glorot_uniform');
const conv = (filters: number, more: object = {}): object => ({ conv2d: { filters, kernel_size: 3, ...more } });
const sha = (...digests: string[]): LoadedData => ({
  ...classes,
  files: ['a', 'b', 'c'].map((name, i) => ({ path: `/data/${name}.csv`, sha256: digests[i] })),
});

const long = (units: number): object => ({ ...model(relu(units), dense(3)), train: { max_epochs: 20 } });
const augmented = (...augment: unknown[]): object => ({
  ...model('flatten', dense(3)),
  data: { source: { csv: { path: 'digits.csv', target: 'y' } }, augment },
});
const digits: LoadedData = { ...images, classes: ['0', '1', '2'] };

type Case = readonly [what: string, parts: object, data?: LoadedData];
/** Of each lint: experiments that it is about, and such that only look like it. */
const cases: Readonly<Record<LintId, { readonly fires: readonly Case[]; readonly silent: readonly Case[] }>> = {
  'bounded-output-in-regression': {
    fires: [
      ['sigmoid on the head', regression([relu(8), dense(1, { activation: 'sigmoid' })]), numbers],
      ['a layer of its own', regression([relu(8), dense(1), 'tanh']), numbers],
      ['in a block', regression([relu(8), { sequential: { layers: [dense(1), 'sigmoid'] } }]), numbers],
      ['softmax over one unit', regression([relu(8), dense(1), 'softmax']), withTargets(numbers, (y) => Math.abs(y) / 9)], // prettier-ignore
      ['parameters of a distribution', regression([relu(8), dense(2), 'tanh'], { loss: 'gaussian_nll' }), numbers],
    ],
    silent: [
      ['no activation', regression([relu(8), dense(1)]), numbers],
      ['linear', regression([relu(8), dense(1, { activation: 'linear' })]), numbers],
      ['targets from 0 to 1', regression([relu(8), dense(1), 'sigmoid']), withTargets(numbers, (_, i) => (i % 11) / 10)], // prettier-ignore
      ['classification', model(relu(8), dense(3, { activation: 'softmax' }))],
    ],
  },
  'softmax-before-logits-loss': {
    fires: [
      ['softmax on the head', model(relu(8), dense(3, { activation: 'softmax' }))],
      ['a layer of its own, and a reshape behind it', model(relu(8), dense(3), 'softmax', { reshape: { shape: [3, 1] } }, 'flatten')], // prettier-ignore
      ['sigmoid', model(relu(8), dense(3), 'sigmoid')],
      ['on the sum of a block', model(relu(3), { residual: { layers: [dense(3)], activation: 'tanh' } })],
    ],
    silent: [
      ['logits', model(relu(8), dense(3))],
      ['softmax inside', model(dense(8, { activation: 'softmax' }), dense(3))],
    ],
  },
  'relu-on-output': {
    fires: [
      ['logits', model(relu(8), relu(3))],
      ['gelu on logits', model(relu(8), dense(3), 'gelu')],
      ['negative targets', regression([relu(8), relu(1)]), numbers],
      ['positive targets: dead for good', regression([relu(8), relu(1)]), withTargets(numbers, (y) => y * y)],
      ['softplus and negative targets', regression([relu(8), dense(1), 'softplus']), numbers],
    ],
    silent: [
      ['softplus and positive targets', regression([relu(8), dense(1), 'softplus']), withTargets(numbers, (y) => y * y)], // prettier-ignore
      ['no activation', regression([relu(8), dense(1)]), numbers],
      ['leaky_relu reaches all values', regression([relu(8), dense(1), 'leaky_relu']), numbers],
    ],
  },
  'loss-target-mismatch': {
    fires: [
      ['negative counts', regression([dense(1)], { loss: 'poisson' }), numbers],
      ['two values', regression([dense(1)]), withTargets(numbers, (y) => (y > 0 ? 1 : 0))],
      ['a delta far below the spread', regression([dense(1)], { loss: 'huber' }), withTargets(numbers, (y) => 100 * y)],
      ['huge targets', regression([dense(1)]), withTargets(numbers, (y) => 1e5 * (y + 10))],
      ['tiny targets', regression([dense(1)]), withTargets(numbers, (y) => 1e-5 * y)],
    ],
    silent: [
      ['counts', regression([dense(1)], { loss: 'poisson' }), withTargets(numbers, (y) => Math.round(y * y))],
      ['numbers of usual size', regression([dense(1)]), withTargets(numbers, (y) => 50 * y)],
      ['a fitting delta', regression([dense(1)], { loss: { huber: { delta: 50 } } }), withTargets(numbers, (y) => 100 * y)], // prettier-ignore
    ],
  },
  'linear-stack': {
    fires: [
      ['two dense layers', model(dense(8), dense(3))],
      ['linear between them', model(dense(8, { activation: 'linear' }), 'linear', dense(3))],
      ['dropout and batch norm between them', model(dense(8), 'batch_norm', { dropout: { rate: 0.5 } }, dense(3))],
      ['through a block', model({ sequential: { layers: [dense(8)] } }, dense(3))],
      ['convolutions and pooling of means', model(conv(4), { avg_pool2d: { pool_size: 2 } }, 'flatten', dense(3)), images], // prettier-ignore
    ],
    silent: [
      ['one layer', model(dense(3))],
      ['an activation as a layer', model(dense(8), 'relu', dense(3))],
      ['a bottleneck', regression([dense(1), dense(2)], { loss: 'gaussian_nll' }), numbers],
      ['max pooling', model(conv(4), { max_pool2d: { pool_size: 2 } }, 'flatten', dense(3)), images],
      ['layer norm', model(dense(8), 'layer_norm', dense(3))],
      ['a shortcut joins in', model(dense(8), 'relu', { residual: { layers: [relu(8), dense(8)] } }, dense(3))],
    ],
  },
  'batch-norm-small-batch': {
    fires: [
      [
        'one sample',
        { ...model(conv(4), 'batch_norm', 'relu', 'flatten', dense(3)), train: { batch_size: 1 } },
        images,
      ],
      ['four samples, in a block', { ...model({ sequential: { layers: [dense(8), 'batch_norm', 'relu'] } }, dense(3)), train: { batch_size: 4 } }], // prettier-ignore
      ['a last batch of one', { ...model(conv(4), 'batch_norm', 'relu', 'flatten', dense(3)), train: { batch_size: images.train.size - 1 } }, images], // prettier-ignore
    ],
    silent: [
      ['eight samples', { ...model(dense(8), 'batch_norm', 'relu', dense(3)), train: { batch_size: 8 } }],
      ['one sample and layer norm', { ...model(dense(8), 'layer_norm', 'relu', dense(3)), train: { batch_size: 1 } }],
      ['a last batch that is left out', { ...model(dense(8), 'batch_norm', 'relu', dense(3)), train: { batch_size: 73, drop_last: true } }], // prettier-ignore
    ],
  },
  'dropout-before-batch-norm': {
    fires: [
      ['in a row', model(relu(8), { dropout: { rate: 0.5 } }, 'batch_norm', dense(3))],
      ['an activation between them', model(dense(8), { dropout: { rate: 0.5 } }, 'relu', 'batch_norm', dense(3))],
      ['out of a block', model(relu(8), { sequential: { layers: [{ dropout: { rate: 0.5 } }] } }, 'batch_norm', dense(3))], // prettier-ignore
    ],
    silent: [
      ['behind it', model(dense(8), 'batch_norm', 'relu', { dropout: { rate: 0.5 } }, dense(3))],
      ['a layer with weights between them', model(relu(8), { dropout: { rate: 0.5 } }, dense(8), 'batch_norm', 'relu', dense(3))], // prettier-ignore
    ],
  },
  'dropout-on-output': {
    fires: [
      ['last', model(relu(8), dense(3), { dropout: { rate: 0.5 } })],
      ['with an activation behind it', model(relu(8), dense(3), { dropout: { rate: 0.5 } }, 'softmax')],
    ],
    silent: [
      ['before the head', model(relu(8), { dropout: { rate: 0.5 } }, dense(3))],
      ['a rate of 0', model(relu(8), dense(3), { dropout: { rate: 0 } })],
    ],
  },
  'constant-initialization': {
    fires: [
      ['for the whole model', constant],
      ['at a layer', model(relu(8, { init: { weights: 'zeros' } }), dense(3))],
      ['a normal distribution without spread', init({ normal: { std: 0 } })],
    ],
    silent: [
      ['before random weights', model(relu(8, { init: { weights: 'ones' } }), dense(3))],
      ['the last layer', model(relu(8), dense(3, { init: { weights: 'zeros' } }))],
      ['the only layer', { ...model(dense(3)), ...constant }],
      ['zeros before a shortcut', model(relu(8), { residual: { layers: [relu(8), dense(8, { init: { weights: 'zeros' } })] } }, 'relu', dense(3))], // prettier-ignore
      ['a single unit', model(dense(1, { activation: 'tanh', init: { weights: 'ones' } }), dense(3))],
    ],
  },
  'identical-units': {
    fires: [
      ['the same for the whole model', constant],
      ['zeros before a ReLU', model(relu(8, { init: { weights: 'zeros' } }), dense(3))],
      ['zeros everywhere, behind tanh', { ...model(dense(8, { activation: 'tanh' }), dense(3)), ...init('zeros') }],
      ['inside a block', { ...model({ sequential: { repeat: 2, layers: [relu(8)] } }, dense(3)), ...constant }],
      ['two random units and six that are dead', model(relu(8, { init: { weights: 'identity' } }), dense(3))],
      ['filters', { ...model(conv(4), 'relu', conv(4), 'flatten', dense(3)), ...constant }, images],
      [
        'a table',
        {
          ...model({ embedding: { vocabulary: 3, units: 4, init: { weights: 'ones' } } }, 'flatten', relu(5), dense(3)),
          ...constant,
        },
      ],
      ['a rate of 0', { ...constant, optimizer: { sgd: { lr: 0 } } }],
    ],
    silent: [
      ['random weights', {}],
      [
        'equal weights that the next layer tells apart',
        model(dense(8, { activation: 'tanh', init: { weights: 'ones' } }), dense(3)),
      ],
      ['a later layer of zeros, which does so only after a step', model(dense(8, { activation: 'tanh', init: { weights: 'ones' } }), dense(8), dense(3, { init: { weights: 'zeros' } }))], // prettier-ignore
      ['a last layer of zeros', model(relu(8), dense(3, { init: { weights: 'zeros' } }))],
      ['zeros before a shortcut', model(relu(8), { residual: { layers: [relu(8), dense(8, { init: { weights: 'zeros' } })] } }, 'relu', dense(3))], // prettier-ignore
      ['random biases', { init: { weights: { constant: { value: 0.1 } }, bias: { normal: { std: 1 } } } }],
      ['dropout, which tells units apart', { ...model(relu(8), { dropout: { rate: 0.5 } }, dense(3)), ...constant }],
    ],
  },
  'unbalanced-gradients': {
    fires: [
      [
        'weights that are too small',
        { ...model(...repeated(5, relu(30)), dense(3)), ...init({ normal: { std: 0.01 } }) },
      ],
      ['weights that are too large', { ...model(...repeated(5, relu(30)), dense(3)), ...init({ normal: { std: 2 } }) }],
      ['many sigmoids', { ...model(...repeated(8, dense(30, { activation: 'sigmoid' })), dense(3)), ...glorot }],
    ],
    silent: [
      ['the variance that relu needs', model(...repeated(20, relu(30)), dense(3))],
      ['lsuv', { ...model(...repeated(8, relu(30)), dense(3)), ...init('lsuv') }],
      ['a last layer of zeros', model(relu(8), dense(3, { init: { weights: 'zeros' } }))],
      [
        'batch norms',
        {
          ...model(...repeated(5, { sequential: { layers: [dense(30), 'batch_norm', 'relu'] } }), dense(3)),
          ...init({ normal: { std: 0.01 } }),
        },
      ],
    ],
  },
  'glorot-with-relu': {
    fires: [
      ['two layers', { ...model(relu(8), relu(8), dense(3)), ...glorot }],
      ['at the layers, with the activation apart', model(dense(8, { init: { weights: 'glorot_normal' } }), 'relu', dense(8, { init: { weights: 'glorot_normal' } }), 'relu', dense(3))], // prettier-ignore
      ['copies of a block', { ...model({ sequential: { repeat: 2, layers: [relu(8)] } }, dense(3)), ...glorot }],
    ],
    silent: [
      ['he_normal', model(relu(8), relu(8), dense(3))],
      ['one layer', { ...model(relu(8), dense(3)), ...glorot }],
      ['tanh', { ...model(...repeated(2, dense(8, { activation: 'tanh' })), dense(3)), ...glorot }],
      ['batch norm sets the scale', { ...model(dense(8), 'batch_norm', 'relu', dense(8), 'batch_norm', 'relu', dense(3)), ...glorot }], // prettier-ignore
    ],
  },
  'he-with-tanh': {
    fires: [
      ['chosen at a layer', model(dense(8, { activation: 'tanh', init: { weights: 'he_normal' } }), dense(3))],
      ['ten layers', model(...repeated(10, dense(8, { activation: 'tanh' })), dense(3))],
    ],
    silent: [
      ['a few layers with the default', model(...repeated(3, dense(8, { activation: 'tanh' })), dense(3))],
      ['relu', model(...repeated(10, relu(8)), dense(3))],
      ['ten layers with Glorot', { ...model(...repeated(10, dense(8, { activation: 'tanh' })), dense(3)), ...glorot }],
    ],
  },
  'vanishing-sigmoids': {
    fires: [['four layers', model(...repeated(4, dense(8, { activation: 'sigmoid' })), dense(3))]],
    silent: [
      ['two layers', model(...repeated(2, dense(8, { activation: 'sigmoid' })), dense(3))],
      ['batch norm between them', model(...repeated(4, dense(8)).flatMap((layer) => [layer, 'batch_norm', 'sigmoid']), dense(3))], // prettier-ignore
    ],
  },
  'unscaled-inputs': {
    fires: [
      ['one column', {}, withFeatures(classes, (x, i) => (i % 2 === 0 ? 1000 * x : x))],
      ['bytes of images', model('flatten', dense(3)), withFeatures(images, (x) => 128 + 64 * x)],
      ['all very small', {}, withFeatures(classes, (x) => 1e-4 * x)],
    ],
    silent: [
      ['unit scale', {}],
      ['a rare yes', {}, withFeatures(classes, (x, i) => (i % 2 === 0 ? x : Number(i % 100 === 1)))],
      ['batch norm first', model('batch_norm', relu(8), dense(3)), withFeatures(classes, (x) => 1000 * x)],
    ],
  },
  'index-column': {
    fires: [
      ['counting up', {}, withColumn((i) => i)],
      ['counting from 1000, shuffled', {}, withColumn((i) => 1000 + ((i * 7) % classes.train.size))],
      [
        'standardized',
        {},
        standardized(
          withColumn((i) => (i - 100) / 60),
          1 / 60,
          -100 / 60,
        ),
      ],
    ],
    silent: [
      ['one value twice', {}, withColumn((i) => Math.max(i, 1))],
      ['gaps', {}, withColumn((i) => 10 * i)],
      ['fractions', {}, withColumn((i) => i / 2)],
    ],
  },
  'identifier-column': {
    fires: [['a name each', {}, withCategories(220)]],
    silent: [
      ['several samples of each', {}, withCategories(100)],
      ['few', {}, withCategories(10)],
      [
        'as many as samples that are left of more',
        { data: { source: { csv: { path: 'digits.csv', target: 'y' } }, limit_train: 200 } },
        withCategories(220),
      ],
    ],
  },
  'constant-column': {
    fires: [['one value', {}, withCategories(1)]],
    silent: [['two values', {}, withCategories(2)]],
  },
  'class-imbalance': {
    fires: [['one to ten', {}, withLabels((i) => (i % 20 === 0 ? 1 : i % 2 === 0 ? 0 : 2))]],
    silent: [
      ['one to two', {}, withLabels((i) => (i % 4 === 0 ? 1 : i % 2 === 0 ? 0 : 2))],
      ['focal', { loss: 'focal' }, withLabels((i) => (i % 20 === 0 ? 1 : i % 2 === 0 ? 0 : 2))],
    ],
  },
  'no-held-out-data': {
    fires: [['no split', {}, { ...classes, val: undefined, test: undefined }]],
    silent: [['a test split', {}, { ...classes, val: undefined }]],
  },
  'test-used-for-tuning': {
    fires: [
      ['validation and test from one file', files({ train: 'a.csv', val: 'b.csv', test: './b.csv' }), sha('1', '2')],
      ['training and test from one file', files({ path: 'a.csv', test: 'a.csv' }), sha('1')],
      ['a copy', files({ train: 'a.csv', val: 'b.csv', test: 'c.csv' }), sha('1', '2', '2')],
    ],
    silent: [['three files', files({ train: 'a.csv', val: 'b.csv', test: 'c.csv' }), sha('1', '2', '3')]],
  },
  'label-changing-augmentation': {
    fires: [
      ['mirrored digits', augmented('flip_horizontal'), digits],
      ['digits upside down', augmented({ rotate: { degrees: [0, 180] } }), digits],
    ],
    silent: [
      ['turned a little', augmented({ rotate: { degrees: 15 } }, { shear: { horizontal: 10 } }), digits],
      ['other classes', augmented('flip_horizontal'), { ...digits, classes: ['cat', 'dog', 'fox'] }],
      ['clothes', { ...augmented('flip_horizontal'), data: { source: { csv: { path: 'fashion-mnist.csv', target: 'y' } }, augment: ['flip_horizontal'] } }, digits], // prettier-ignore
    ],
  },
  'unusual-learning-rate': {
    fires: [
      ['adam at 1', { optimizer: { adam: { lr: 1 } } }],
      ['momentum makes it long', { optimizer: { sgd: { lr: 0.5, momentum: 0.9 } } }],
      ['none at all', { optimizer: { adam: { lr: 0 } } }],
      ['far too low', { optimizer: { sgd: { lr: 1e-6 } } }],
    ],
    silent: [
      ['adam at 0.05', { optimizer: { adam: { lr: 0.05 } } }],
      ['sgd with momentum', { optimizer: { sgd: { lr: 0.05, momentum: 0.9 } } }],
      ['adadelta at 1', { optimizer: { adadelta: { lr: 1 } } }],
    ],
  },
  'more-parameters-than-samples': {
    fires: [['a wide layer', long(500)]],
    silent: [
      ['a small network', long(8)],
      ['a few epochs', { ...long(500), train: { max_epochs: 9 } }],
      ['l2', { ...long(500), regularization: { l2: 1e-4 } }],
      ['a constraint of a layer', { ...long(500), ...model(relu(500, { constraint: { weights: { max_norm: { max: 2 } } } }), dense(3)) }], // prettier-ignore
      ['dropout in a block', { ...long(500), ...model({ sequential: { layers: [relu(500), { dropout: { rate: 0.5 } }] } }, dense(3)) }], // prettier-ignore
      ['weight decay', { ...long(500), optimizer: 'adamw' }],
      ['augmentation', { ...long(500), data: { source: { csv: { path: 'a.csv', target: 'y' } }, augment: ['feature_noise'] } }], // prettier-ignore
      ['early stopping', { ...long(500), train: { max_epochs: 20, early_stopping: { patience: 1 } } }],
    ],
  },
  'early-stopping-on-training': {
    fires: [['train/loss', { train: { early_stopping: { monitor: 'train/loss', patience: 1 } } }]],
    silent: [['val/accuracy', { train: { early_stopping: { monitor: 'val/accuracy', patience: 1 } } }]],
  },
  'idle-early-stopping': {
    fires: [['a patience of the whole run', { train: { max_epochs: 5, early_stopping: { patience: 5 } } }]],
    silent: [['a shorter one', { train: { max_epochs: 5, early_stopping: { patience: 4 } } }]],
  },
  credential: {
    fires: [
      ['a token', { data: { source: { csv: { path: `ghp_${'a1B2'.repeat(9)}/a.csv`, target: 'y' } } } }],
      ['a password in an address', { data: { source: { csv: { path: 's3://me:secret@host/a.csv', target: 'y' } } } }],
    ],
    silent: [
      ['an ordinary path', { data: { source: { csv: { path: '/data/sk-learn/a.csv', target: 'y' } } } }],
      ['an address', { data: { source: { csv: { path: 'https://host:8080/a.csv', target: 'y' } } } }],
    ],
  },
};

/** Lints of what `nn check` measures. */
const MEASURED = new Set<LintId>(['identical-units', 'unbalanced-gradients']);

const rows = (kind: 'fires' | 'silent'): [LintId, string, object, LoadedData][] =>
  Object.entries(cases).flatMap(
    ([id, both]) =>
    both[kind].map(([what, parts, data = classes]): [LintId, string, object, LoadedData] => [id as LintId, what, parts, data]), // prettier-ignore
  );

describe('lints', () => {
  it('all have cases for and against, a description and a reason', () => {
    expect(Object.keys(cases)).toEqual(Object.keys(lints));
    for (const { fires, silent } of Object.values(cases)) expect(Math.min(fires.length, silent.length)).toBeGreaterThan(0); // prettier-ignore
    for (const { description, reason } of Object.values(lints)) expect(Math.min(description.length, reason.length)).toBeGreaterThan(20); // prettier-ignore
  });

  it.each(rows('fires'))('%s: %s', async (id, _, parts, data) => {
    expect(await ids(experiment(parts as Record<string, unknown>), data, MEASURED.has(id))).toContain(id);
  });

  it.each(rows('silent'))('not %s: %s', async (id, _, parts, data) => {
    expect(await ids(experiment(parts as Record<string, unknown>), data, MEASURED.has(id))).not.toContain(id);
  });

  it('say nothing of a sound experiment', async () => {
    expect(await ids(experiment(), classes)).toEqual([]);
    expect(await ids(experiment(regression([relu(8), dense(1)]) as Record<string, unknown>), numbers)).toEqual([]);
  });

  it('are silenced by train.ignore_lints, each alone', async () => {
    const bad = { ...model(relu(8), relu(3)), optimizer: { adam: { lr: 1 } } };
    expect(await ids(experiment(bad), classes)).toEqual(['relu-on-output', 'unusual-learning-rate']);
    expect((await ids(experiment({ ...bad, train: { ignore_lints: ['relu-on-output'] } }), classes))).toEqual(['unusual-learning-rate']); // prettier-ignore
    expect(() => experiment({ train: { ignore_lints: ['relu'] } })).toThrow();
  });

  it('name the value that should change, inside blocks too, and copies of it once', async () => {
    const block = { sequential: { repeat: 3, layers: [relu(8, { init: { weights: 'zeros' } })] } };
    const config = experiment(model(block, { residual: { layers: [dense(8), 'relu', dense(8)] } }, dense(3), 'softmax') as Record<string, unknown>); // prettier-ignore
    expect((await found(config, classes)).map(({ id, path }) => [id, path.join('.')])).toEqual([
      ['softmax-before-logits-loss', 'model.layers.3'],
      ['constant-initialization', 'model.layers.0.layers.0.init.weights'],
    ]);
  });
});
