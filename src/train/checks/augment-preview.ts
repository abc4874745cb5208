/** A preview of an experiment's augmentations: some training samples as its first steps would see them. */
import { input, type Session, streamKey, threefry2x32 } from '../../tensor/index.js';
import type { LoadedData } from '../../data/index.js';
import { BatchAugmentation } from '../../nn/index.js';
import { datasetOf, gatherBatch, samplesOfBatch, selectBatch, upload } from '../step/dataset.js';
import type { ExperimentConfig } from '../schema.js';

export interface AugmentPreview {
  /** Of one sample. */
  readonly shape: readonly number[];
  readonly samples: number;
  /** Preprocessed samples, concatenated; bytes are shown before preprocessing, scaled to 0 to 1. */
  readonly original: Float32Array;
  readonly versions: readonly Float32Array[];
}

/** White as a byte. */
const WHITE_BYTE = 255;

/** The first `samples` training samples and `versions` augmented ones of each: those of the first steps, if they were one batch. */
export async function previewAugmentation(
  session: Session,
  config: ExperimentConfig,
  data: LoadedData,
  { samples, versions }: { readonly samples: number; readonly versions: number },
): Promise<AugmentPreview> {
  const { affine, train } = data;
  const { shape } = train.fields.features;
  const batch = Math.min(samples, train.size);
  const dataset = datasetOf('train', train, affine);
  upload(session, dataset, train);
  const indices = dataset.indices(batch);
  const key = input('rng', [2], 'u32');
  const plain = gatherBatch(dataset, indices).x;
  const augmentation = new BatchAugmentation(config.data.augment, key, streamKey(config.seed, 'augment'), indices);
  const { x } = augmentation.features(samplesOfBatch(dataset, indices), () => plain);
  const executable = session.compile({ name: 'preview', outputs: { original: plain, augmented: x }, updates: [] });
  selectBatch(
    session,
    dataset,
    indices,
    Int32Array.from({ length: batch }, (_, i) => i),
  );

  const [key0, key1] = streamKey(config.seed, 'step');
  const run = async (step: number, output: 'original' | 'augmented'): Promise<Float32Array> => {
    session.write(key, Uint32Array.from(threefry2x32(key0, key1, step, 0)));
    executable.run();
    const values = (await executable.read())[output];
    return Float32Array.from(values, (value, i) => {
      if (affine === undefined) return value;
      const c = affine.scale.length === 1 ? 0 : i % affine.scale.length;
      return (value - affine.shift[c]) / affine.scale[c] / WHITE_BYTE;
    });
  };
  const original = await run(0, 'original');
  const augmented: Float32Array[] = [];
  for (let step = 0; step < versions; step++) augmented.push(await run(step, 'augmented'));
  return { shape, samples: batch, original, versions: augmented };
}
