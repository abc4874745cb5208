import { describe, expect, it } from 'vitest';
import { type Session, wasmBackend } from '../../src/tensor/index.js';
import type { LoadedData } from '../../src/data/index.js';
import { prepare, train, type TrainOptions } from '../../src/train/index.js';
import { classificationData, experiment, latest, recording } from './tiny.js';

const config = experiment();

/** Data whose features are bytes, in memory of the session or not. */
function byteData(session: Session, isReserved: boolean): LoadedData {
  const data = classificationData();
  const { values } = data.train.fields.features;
  const bytes = isReserved ? session.reserve(values.length) : new Uint8Array(values.length);
  values.forEach((value: number, i: number) => (bytes[i] = 100 + 20 * value));
  const features = { shape: [2], dtype: 'u8', values: bytes } as const;
  const train = { ...data.train, fields: { ...data.train.fields, features } };
  return { ...data, train, affine: { scale: [0.05, 0.05], shift: [-5, -5] }, val: undefined, test: undefined };
}

async function weightsOf(session: Session, data: LoadedData, prepared?: TrainOptions['prepared']): Promise<number[][]> {
  const { recorded, options } = recording({ prepared });
  await train(session, config, data, options);
  session.close();
  return [...latest(recorded, 'last').tensors.values()].map(({ values }) => Array.from(values));
}

describe('prepare', () => {
  it('compiles the step of a run, which then is the same run', async () => {
    const session = wasmBackend.open({ threads: 1 });
    const data = byteData(session, true);
    const prepared = prepare(session, config, data);
    const other = wasmBackend.open({ threads: 1 });
    expect(await weightsOf(session, data, prepared)).toEqual(await weightsOf(other, byteData(other, true)));
  });
});
