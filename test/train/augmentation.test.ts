import { describe, expect, it } from 'vitest';
import type { LoadedData, Split } from '../../src/data/index.js';
import { hostRandom, wasmBackend } from '../../src/tensor/index.js';
import { datasetOf } from '../../src/train/step/dataset.js';
import { train } from '../../src/train/index.js';
import { evaluationStep, trainingStep } from '../../src/train/step/step.js';
import { experiment, latest, type Recording, recording } from './tiny.js';
import { RunInputs } from '../../src/train/step/run-inputs.js';

const SHAPE = [8, 8, 3];

/** Images that are brighter on the left, in the middle or on the right. */
function stripes(size: number, stream: string): Split {
  const random = hostRandom(2, stream);
  const values = Uint8Array.from({ length: size * 192 }, (_, i) => {
    const third = Math.floor((Math.floor(i / 3) % 8) / 3);
    return (third === Math.floor(i / 192) % 3 ? 120 : 0) + random.below(130);
  });
  const targets = Int32Array.from({ length: size }, (_, i) => i % 3);
  return {
    size,
    fields: { features: { shape: SHAPE, dtype: 'u8', values }, targets: { shape: [], dtype: 'i32', values: targets } },
  };
}

const affine = { scale: [1 / 128], shift: [-1] };
const data: LoadedData = {
  train: stripes(22, 'train'),
  val: stripes(9, 'val'),
  classes: ['left', 'middle', 'right'],
  affine,
  preprocessing: {
    encoding: { kind: 'arrays', dtype: 'u8', shape: SHAPE, target_width: 1 },
    affine,
  },
  files: [],
};

const augment = [
  { rotate: { degrees: 20, probability: 0.7 } },
  { crop: { padding: 1 } },
  { elastic: { alpha: 4, sigma: 2 } },
  'flip_vertical',
  'contrast',
  'saturation',
  'hue',
  'blur',
  { noise: { std: 0.1 } },
  { cutout: { size: 3 } },
  'feature_noise',
  'mixup',
  'cutmix',
  'label_noise',
];
const config = (list: unknown[]) =>
  experiment({
    data: { source: { csv: { path: 'unread.csv', target: 'class' } }, split: { val: 0.2 }, augment: list },
    model: { layers: ['flatten', { dense: { units: 3 } }] },
    optimizer: { adam: { lr: 0.01 } },
    train: { max_epochs: 2, batch_size: 5, checkpoint_every: 2 },
  });

async function run(threads: number, resume?: Recording): Promise<Recording> {
  const last = resume && resume.checkpoints.find(({ kind }) => kind === 'last');
  const { recorded, options } = recording(last === undefined ? {} : { resume: { last: last.snapshot } });
  const session = wasmBackend.open({ threads });
  try {
    await train(session, config(augment), data, options);
  } finally {
    session.close();
  }
  return recorded;
}

const weightsOf = (recorded: Recording) => {
  const { tensors, meta } = latest(recorded, 'last');
  return { meta, tensors: [...tensors].map(([name, { values }]) => [name, Array.from(values)]) };
};

describe('a run with augmentation', () => {
  it('has the same bits with one thread and two, and where it goes on from a checkpoint', async () => {
    const whole = await run(1);
    expect(weightsOf(await run(2))).toEqual(weightsOf(whole));
    const rest = await run(2, whole);
    expect(weightsOf(rest)).toEqual(weightsOf(whole));
    expect(rest.losses).toEqual(whole.losses.slice(2));
  });

  it('evaluates, and fits a single batch, without it: the very same graph', () => {
    const dataset = datasetOf('train', data.train, affine);
    const [augmented, plain] = [config(augment), config([])];
    const inputs = new RunInputs();
    expect(evaluationStep(augmented, dataset, 4, inputs).program).toEqual(
      evaluationStep(plain, dataset, 4, inputs).program,
    );
    const steps = [augmented, plain].map((one) => trainingStep(one, dataset, 4, inputs, false).program);
    for (const [name, node] of Object.entries(steps[0].outputs)) expect(node).toBe(steps[1].outputs[name]);
    expect(trainingStep(augmented, dataset, 4, inputs).program.outputs.loss).not.toBe(steps[0].outputs.loss);
  });
});
