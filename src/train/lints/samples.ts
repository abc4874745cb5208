/** Lints of the data: their scale and balance, and what is kept apart to measure with. */
import { resolve } from 'node:path';
import { behindMoves } from './dataflow.js';
import { counted, type Finding, type Lint, type LintContext, show } from './lint.js';
import { classCounts, featureRanges } from './statistics.js';

/** He's and Glorot's variances make unit outputs of unit inputs: ten times that is a first loss a hundred times too large. */
const LARGEST_INPUT = 10;
const SMALLEST_INPUT = 0.01;

/** The column that entry `index` of the features comes from, where they are of a table. */
function featureName({ data }: LintContext, index: number): string {
  const name = data.train.columns?.[index]?.name;
  return name === undefined ? `feature ${index}` : `"${name}"`;
}

export const unscaledInputs: Lint = {
  description: 'inputs that are far from unit scale',
  reason:
    'Initial weights and learning rates are made for inputs around 1 (LeCun et al. 1998, "Efficient backprop"). Large ones saturate ' +
    'units and make steps overshoot; columns of different size make the loss a narrow valley. A column (or image channel) counts ' +
    `where its root mean square is above ${LARGEST_INPUT}, or where all are below ${SMALLEST_INPUT}.`,
  find(context) {
    const { data } = context;
    // A normalization takes care of the scale itself; an embedding takes whole numbers as they are.
    const { steps } = context.training();
    const firsts = steps.filter(({ seesInput, layer }) => seesInput || behindMoves(steps.find((step) => step.layer === layer))?.seesInput === true); // prettier-ignore
    if (firsts.some(({ layer }) => /norm|embedding/.test(layer.type))) return [];
    const sizes = featureRanges(data.train, data.affine).map(({ mean, std }) => Math.hypot(mean, std));
    const largest = Math.max(...sizes);
    const path = ['data', 'preprocess'];
    if (largest > LARGEST_INPUT) {
      const large = sizes.filter((size) => size > LARGEST_INPUT).length;
      const isImage = data.train.features.shape.length > 1;
      const what = isImage
        ? `values of the inputs are of size ${show(largest)} (root mean square)`
        : `${counted(large, 'feature')} of ${sizes.length} ${large === 1 ? 'is' : 'are'} far from 1, the largest ${featureName(context, sizes.indexOf(largest))} with ${show(largest)} (root mean square)`;
      const fix = isImage ? 'set data.preprocess: [{scale: {factor: 0.00392156862745098}}] for bytes, or [standardize]' : 'set data.preprocess: [standardize]'; // prettier-ignore
      return [{ path, message: what, fix }];
    }
    if (largest >= SMALLEST_INPUT || largest === 0) return [];
    const message = `all inputs are of size ${show(largest)} (root mean square) or less`;
    return [{ path, message, fix: 'set data.preprocess: [standardize]' }];
  },
};

/** Beyond "mild" in Google's guide on imbalanced data (a minority of 20 to 40 %), for two classes. */
const IMBALANCE = 10;

export const classImbalance: Lint = {
  description: 'one class far more frequent than another, and a loss that weights all samples alike',
  reason:
    `From ${IMBALANCE} : 1 on, always naming the frequent class is right in 10 of 11 cases: the loss rewards little else, and accuracy ` +
    'hides it. Weights, the focal loss or balanced sampling make the rare class count; f1 or balanced accuracy show it.',
  find(context) {
    const { config, data, reference } = context;
    const { loss } = config;
    if (reference !== 'classes' || data.classes === undefined || loss.type === 'focal') return [];
    if (('pos_weight' in loss && loss.pos_weight !== 1) || 'class_weights' in loss) return [];
    const counts = classCounts(data.train, data.classes.length);
    const [most, least] = [Math.max(...counts), Math.min(...counts)];
    if (least === 0 || most < IMBALANCE * least) return [];
    const name = (count: number): string => `"${data.classes?.[counts.indexOf(count)]}"`;
    const message = `class ${name(most)} has ${counted(most, 'training sample')}, ${name(least)} has ${least}, and the loss weights all alike`;
    return [{ path: ['loss'], message, fix: 'use focal' }];
  },
};

export const noHeldOutData: Lint = {
  description: 'neither a validation nor a test split',
  reason:
    'What the network does on data that it has not seen is the figure that counts, and only kept samples show it.',
  find({ data }) {
    if (data.val !== undefined || data.test !== undefined) return [];
    const message =
      'there is neither a validation nor a test split, so nothing shows what the network does on new data';
    return [{ path: ['data', 'split'], message, fix: 'set data.split' }];
  },
};

const roles = ['train', 'val', 'test'] as const;
type Role = (typeof roles)[number];
const roleNames: Record<Role, string> = { train: 'training', val: 'validation', test: 'test' };

/** The files of features by the part that they are given for, and where that is written. */
function roleFiles({ config, baseDir }: LintContext): { role: Role; key: string; file: string }[] {
  const source: Readonly<Record<string, unknown>> = config.data.source;
  return ['path', ...roles].flatMap((key) => {
    const value = source[key];
    const file = typeof value === 'object' && value !== null && 'features' in value ? value.features : value;
    if (typeof file !== 'string') return [];
    return [{ role: key === 'path' ? 'train' : (key as Role), key, file: resolve(baseDir, file) }];
  });
}

export const testUsedForTuning: Lint = {
  description: 'the same file, or a copy of it, as two of training, validation and test data',
  reason:
    'Whatever is chosen by a figure (weights by training, the epoch and every setting by validation) fits the noise of the samples ' +
    'it is measured on. A test figure on the same samples is too good, and nothing tells by how much.',
  find(context) {
    const files = roleFiles(context);
    const hashOf = new Map(context.data.files.map(({ path, sha256 }) => [path, sha256]));
    return files.flatMap((one, i): Finding[] => {
      const same = files.slice(0, i).find(({ role, file }) => role !== one.role && (file === one.file || (hashOf.has(file) && hashOf.get(file) === hashOf.get(one.file)))); // prettier-ignore
      if (same === undefined) return [];
      const [first, second] = [roleNames[same.role], roleNames[one.role]];
      const copy = same.file === one.file ? 'the same file' : 'copies of one file';
      const message = `${first} and ${second} data are ${copy}: the ${second} figures ${one.role === 'test' && same.role === 'val' ? 'are those that the run was chosen by' : 'are of samples that the network was trained on'}`;
      return [{ path: ['data', 'source', one.key], message, fix: `give a file of its own, or carve one off with data.split` }]; // prettier-ignore
    });
  },
};

/** Beyond it a 6 looks more like a 9, an N like a Z, than like itself. */
const LARGEST_TURN = 45;

/** Digits or letters, as far as class names, one channel and names of files tell: clothes come with the same names as digits. */
function areCharacters({ config, data }: LintContext): boolean {
  const { shape } = data.train.features;
  if (shape.length !== 3 || shape[2] !== 1 || data.classes === undefined) return false;
  if (/fashion|cloth/i.test(JSON.stringify(config.data.source))) return false;
  return data.classes.length > 1 && data.classes.every((name) => /^([0-9]|[A-Za-z])$/.test(name));
}

export const labelChangingAugmentation: Lint = {
  description: 'images of digits or letters that are mirrored or turned far round',
  reason:
    'An augmentation must leave the label right. A mirrored 2 is no digit, b becomes d or p, and turned by more than ' +
    `${LARGEST_TURN} degrees a 6 comes near a 9. Classes that are called by single digits or letters, on images of one channel, are taken ` +
    'for characters; file names with "fashion" say that they are none.',
  find(context) {
    if (!areCharacters(context)) return [];
    return context.config.data.augment.flatMap((augmentation, i): Finding[] => {
      const path = ['data', 'augment', i];
      if (augmentation.type === 'flip_horizontal' || augmentation.type === 'flip_vertical') {
        const message = `${augmentation.type} turns digits and letters into others, or into none, and keeps their labels`;
        return [{ path, message, fix: 'remove it' }];
      }
      if (augmentation.type !== 'rotate') return [];
      const { degrees } = augmentation;
      const turn = typeof degrees === 'number' ? degrees : Math.max(...degrees.map(Math.abs));
      if (turn <= LARGEST_TURN) return [];
      const message = `turned by ${turn} degrees a 6 comes near a 9, and keeps its label`;
      return [{ path: [...path, 'degrees'], message, fix: 'use 15' }];
    });
  },
};
