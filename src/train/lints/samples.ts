/** Lints about the data: scale, class balance, held-out splits, augmentation. */
import { resolve } from 'node:path';
import { skipMoves } from './dataflow.js';
import { counted, type Finding, type Lint, type LintContext, show } from './lint.js';
import { classCounts, featureRanges } from './statistics.js';

/** He and Glorot initialization map unit inputs to unit outputs: inputs ten times as large give a first loss a hundred times too large. */
const LARGEST_INPUT = 10;
const SMALLEST_INPUT = 0.01;

/** What to call entry `index` of the features: the name of its column in a table. */
function featureName({ data }: LintContext, index: number): string {
  const name = data.train.fields.features.columns?.[index]?.name;
  return name === undefined ? `feature ${index}` : `"${name}"`;
}

export const unscaledInputs: Lint = {
  description: 'inputs that are far from unit scale',
  reason:
    'Initial weights and learning rates assume inputs around 1 (LeCun et al. 1998, "Efficient backprop"). Large inputs saturate units ' +
    'and make steps overshoot; columns of different scales turn the loss into a narrow valley. Reported if the root mean square of any ' +
    `column (or image channel) is above ${LARGEST_INPUT}, or that of all of them below ${SMALLEST_INPUT}.`,
  find(context) {
    const { data } = context;
    // A normalization layer sets the scale itself, and an embedding takes integers as they are.
    const { steps } = context.training();
    const firsts = steps.filter(({ seesInput, layer }) => seesInput || skipMoves(steps.find((step) => step.layer === layer))?.seesInput === true); // prettier-ignore
    if (firsts.some(({ layer }) => /norm|embedding/.test(layer.type))) return [];
    const sizes = featureRanges(data.train, data.affine).map(({ mean, std }) => Math.hypot(mean, std));
    const largest = sizes.reduce((a, b) => Math.max(a, b));
    const path = ['data', 'preprocess'];
    if (largest > LARGEST_INPUT) {
      const large = sizes.filter((size) => size > LARGEST_INPUT).length;
      const isImage = data.train.fields.features.shape.length > 1;
      const what = isImage
        ? `the inputs have a root mean square of ${show(largest)}`
        : `${large} of ${counted(sizes.length, 'feature')} ${large === 1 ? 'is' : 'are'} far from unit scale; the largest, ${featureName(context, sizes.indexOf(largest))}, has a root mean square of ${show(largest)}`;
      const fix = isImage ? 'set data.preprocess: [{scale: {factor: 0.00392156862745098}}] for bytes, or [standardize]' : 'set data.preprocess: [standardize]'; // prettier-ignore
      return [{ path, message: what, fix }];
    }
    if (largest >= SMALLEST_INPUT || largest === 0) return [];
    const message = `no input has a root mean square above ${show(largest)}`;
    return [{ path, message, fix: 'set data.preprocess: [standardize]' }];
  },
};

/** Beyond "mild" in Google's guide on imbalanced data (a minority of 20 to 40 %), for two classes. */
const IMBALANCE = 10;

export const classImbalance: Lint = {
  description: 'one class far more frequent than another, and a loss that weights all samples equally',
  reason:
    `At ${IMBALANCE} : 1, always predicting the frequent class is right in 10 of 11 cases: the loss rewards little else, and accuracy ` +
    'hides it. Class weights, balanced sampling or the focal loss make the rare class count; balanced_accuracy and f1 show how well it is found.',
  find(context) {
    const { config, data, reference } = context;
    const { loss } = config;
    if (reference !== 'classes' || data.classes === undefined || loss.type === 'focal') return [];
    if (config.train.sampling === 'balanced') return [];
    if (('pos_weight' in loss && loss.pos_weight !== 1) || 'class_weights' in loss) return [];
    const counts = classCounts(data.train, data.classes.length);
    const most = counts.reduce((a, b) => Math.max(a, b));
    const least = counts.reduce((a, b) => Math.min(a, b));
    if (least === 0 || most < IMBALANCE * least) return [];
    const name = (count: number): string => `"${data.classes?.[counts.indexOf(count)]}"`;
    const message = `class ${name(most)} has ${counted(most, 'training sample')}, ${name(least)} has ${least}, and the loss weights them equally`;
    return [{ path: ['loss'], message, fix: 'use focal' }];
  },
};

export const noHeldOutData: Lint = {
  description: 'neither a validation nor a test split',
  reason: 'What counts is how the network does on data that it has not seen, and only held-out samples show that.',
  find({ data }) {
    if (data.val !== undefined || data.test !== undefined) return [];
    const message = 'there is neither a validation nor a test split, so nothing shows how the network does on new data';
    return [{ path: ['data', 'split'], message, fix: 'set data.split' }];
  },
};

const roles = ['train', 'val', 'test'] as const;
type Role = (typeof roles)[number];
const roleNames: Record<Role, string> = { train: 'training', val: 'validation', test: 'test' };

/** The feature files, each with the part of the data that it is for and the key it is given under. */
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
    'Anything selected by a figure (weights by the training loss, the epoch and every setting by validation) also fits the noise of the ' +
    'samples behind that figure. A test figure on the same samples is too optimistic, and there is no way to tell by how much.',
  find(context) {
    const files = roleFiles(context);
    const hashOf = new Map(context.data.files.map(({ path, sha256 }) => [path, sha256]));
    return files.flatMap((one, i): Finding[] => {
      const same = files.slice(0, i).find(({ role, file }) => role !== one.role && (file === one.file || (hashOf.has(file) && hashOf.get(file) === hashOf.get(one.file)))); // prettier-ignore
      if (same === undefined) return [];
      const [first, second] = [roleNames[same.role], roleNames[one.role]];
      const copy = same.file === one.file ? 'the same file' : 'copies of one file';
      const message = `${first} and ${second} data are ${copy}: the ${second} figures ${one.role === 'test' && same.role === 'val' ? 'are the ones that the run was selected by' : 'are measured on samples that the network was trained on'}`;
      return [{ path: ['data', 'source', one.key], message, fix: `use a separate file, or split one off with data.split` }]; // prettier-ignore
    });
  },
};

/** Rotated further, a 6 looks more like a 9 than like a 6, and an N like a Z. */
const LARGEST_TURN = 45;

/** Whether these are digits or letters, going by class names, channels and file names: Fashion-MNIST names its classes 0 to 9 too. */
function areCharacters({ config, data }: LintContext): boolean {
  const { shape } = data.train.fields.features;
  if (shape.length !== 3 || shape[2] !== 1 || data.classes === undefined) return false;
  if (/fashion|cloth/i.test(JSON.stringify(config.data.source))) return false;
  return data.classes.length > 1 && data.classes.every((name) => /^([0-9]|[A-Za-z])$/.test(name));
}

export const labelChangingAugmentation: Lint = {
  description: 'images of digits or letters that are mirrored or rotated too far',
  reason:
    'An augmentation must not invalidate the label. A mirrored 2 is not a digit, a mirrored b is a d, and rotated by more than ' +
    `${LARGEST_TURN} degrees a 6 resembles a 9. Single-channel images whose classes are named by single digits or letters count as ` +
    'characters, unless a file name contains "fashion".',
  find(context) {
    if (!areCharacters(context)) return [];
    return context.config.data.augment.flatMap((augmentation, i): Finding[] => {
      const path = ['data', 'augment', i];
      if (augmentation.type === 'flip_horizontal' || augmentation.type === 'flip_vertical') {
        const message = `${augmentation.type} turns digits and letters into different or meaningless ones but keeps their labels`;
        return [{ path, message, fix: 'remove it' }];
      }
      if (augmentation.type !== 'rotate') return [];
      const { degrees } = augmentation;
      const turn = typeof degrees === 'number' ? degrees : Math.max(...degrees.map(Math.abs));
      if (turn <= LARGEST_TURN) return [];
      const message = `rotated by ${turn} degrees, a 6 resembles a 9 but keeps its label`;
      return [{ path: [...path, 'degrees'], message, fix: 'use 15' }];
    });
  },
};
