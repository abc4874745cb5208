/** A small classification and a small regression, and a recorder that keeps what it is given. */
import type { LoadedData, Split } from '../../src/data/index.js';
import { type ExperimentConfig, experimentSchema, type Snapshot, type TrainOptions } from '../../src/train/index.js';
import type { EpochRow } from '../../src/train/index.js';
import { hostRandom } from '../../src/tensor/index.js';

/** Points around three centres in the plane, in turn. */
export function blobs(size: number, stream = 'blobs', seed = 1): Split {
  const random = hostRandom(seed, stream);
  const centres = [[2, 0], [-1, 1.7], [-1, -1.7]]; // prettier-ignore
  const features = new Float32Array(size * 2);
  const targets = new Int32Array(size);
  for (let i = 0; i < size; i++) {
    targets[i] = i % 3;
    features[2 * i] = centres[i % 3][0] + 0.5 * random.normal();
    features[2 * i + 1] = centres[i % 3][1] + 0.5 * random.normal();
  }
  return {
    size,
    fields: {
      features: { shape: [2], dtype: 'f32', values: features },
      targets: { shape: [], dtype: 'i32', values: targets },
    },
  };
}

/** y = 2 a - b + 0.5 with a little noise. */
export function plane(size: number, stream = 'plane'): Split {
  const random = hostRandom(1, stream);
  const features = new Float32Array(size * 2).map(() => random.normal());
  const targets = new Float32Array(size).map((_, i) => 2 * features[2 * i] - features[2 * i + 1] + 0.5);
  return {
    size,
    fields: {
      features: { shape: [2], dtype: 'f32', values: features },
      targets: { shape: [1], dtype: 'f32', values: targets },
    },
  };
}

const preprocessing: LoadedData['preprocessing'] = {
  encoding: { kind: 'arrays', dtype: 'f32', shape: [2], target_width: 1 },
  affine: { scale: [1, 1], shift: [0, 0] },
};

export function classificationData(train = 22, val = 9, test = 9): LoadedData {
  return {
    train: blobs(train),
    val: blobs(val, 'val'),
    test: blobs(test, 'test'),
    classes: ['a', 'b', 'c'],
    preprocessing,
    files: [],
  };
}

export function regressionData(train = 24): LoadedData {
  return { train: plane(train), val: plane(8, 'val'), test: plane(8, 'test'), preprocessing, files: [] };
}

const source = { csv: { path: 'points.csv', target: 'class' } };

/** A config from what is written in `parts`, the rest as little as possible. */
export function experiment(parts: Record<string, unknown> = {}): ExperimentConfig {
  return experimentSchema.parse({
    task: 'classification',
    seed: 3,
    data: { source, split: { val: 0.2, test: 0.2 } },
    model: { layers: [{ dense: { units: 8, activation: 'relu' } }, { dense: { units: 3 } }] },
    optimizer: { adam: { lr: 0.02 } },
    ...parts,
    train: { max_epochs: 3, batch_size: 8, ...(parts.train as object | undefined) },
  });
}

export interface Recording {
  readonly rows: EpochRow[];
  readonly checkpoints: { readonly kind: 'last' | 'best'; readonly snapshot: Snapshot }[];
  readonly losses: number[];
}

/** Options that record everything, with a clock that ticks a second per reading. */
export function recording(options: Partial<TrainOptions> = {}): { recorded: Recording; options: TrainOptions } {
  const recorded: Recording = { rows: [], checkpoints: [], losses: [] };
  let time = 0;
  return {
    recorded,
    options: {
      recorder: {
        epoch: (row) => recorded.rows.push(row),
        // Through JSON, as a file would hold it.
        checkpoint: (kind, { tensors, meta }) =>
          recorded.checkpoints.push({
            kind,
            snapshot: { tensors, meta: JSON.parse(JSON.stringify(meta)) as Snapshot['meta'] },
          }),
        progress: (progress) => recorded.losses.push(progress.figures().loss),
      },
      shouldStop: () => false,
      now: () => time++,
      ...options,
    },
  };
}

/** The last snapshot of a kind. */
export function latest(recorded: Recording, kind: 'last' | 'best'): Snapshot {
  const found = recorded.checkpoints.findLast((checkpoint) => checkpoint.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} checkpoint was written`);
  return found.snapshot;
}
