import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { DescribedData } from '../../src/data/index.js';
import { UnpackedFiles } from '../../src/data/unpack-ahead.js';
import { type DataInput, idxBytes, load, tempFolder } from './files.js';

const { dir, write } = tempFolder();
const images = idxBytes([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
const labels = idxBytes([4], [0, 1, 0, 1]);
const packedImages = gzipSync(images);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const config: DataInput = { source: { idx: { train: { features: 'images.gz', targets: 'labels.gz' } } } };

const ordinary = (size: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(size));
function unpack(files: string[], reserve = ordinary): UnpackedFiles {
  const unpacked = new UnpackedFiles();
  unpacked.begin(files, reserve);
  return unpacked;
}

/** Loads the two files as they are then, with and without having unpacked them ahead. */
async function bothWays(features: Uint8Array) {
  const files = [write('images.gz', features), write('labels.gz', gzipSync(labels))];
  const outcome = (loading: ReturnType<typeof load>) => loading.catch((error: unknown) => String(error));
  const unpacked = unpack(files);
  return { ahead: await outcome(load(dir, config, { unpacked })), inTurn: await outcome(load(dir, config)) };
}

describe('UnpackedFiles', () => {
  it('puts the content of every gzip file into memory that is reserved for it, and has its hash', async () => {
    const files = [write('a.gz', packedImages), write('b.gz', gzipSync(labels))];
    const memory = new Uint8Array(new SharedArrayBuffer(1000));
    let used = 0;
    const unpacked = unpack(files, (size) => memory.subarray(used, (used += size)));
    for (const [i, content] of [images, labels].entries()) {
      const taken = await unpacked.take(files[i]);
      expect(await taken?.sha256).toBe(sha256(gzipSync(content)));
      expect(taken?.content).toEqual(new Uint8Array(content));
      expect(taken?.content.buffer).toBe(memory.buffer);
    }
    expect(used).toBe(images.length + labels.length);
  });

  it('has nothing of what is not there, is no gzip file or damaged', async () => {
    const wrong = Buffer.from(packedImages);
    wrong[packedImages.length - 8] ^= 1; // The checksum.
    const files = [
      `${dir}/missing.gz`,
      dir,
      write('empty.gz', ''),
      write('plain.gz', images),
      write('wrong.gz', wrong),
      write('cut.gz', packedImages.subarray(0, 25)),
      write('longer-than-it-says.gz', Buffer.concat([packedImages, gzipSync(Buffer.from([1]))])),
    ];
    const unpacked = unpack(files);
    for (const file of files) expect(await (await unpacked.take(file))?.sha256).toBeUndefined();
  });
});

describe('data whose files are unpacked ahead', () => {
  it('are those that are unpacked in their turn, with the same hashes', async () => {
    const { ahead, inTurn } = await bothWays(packedImages);
    expect(ahead).toEqual(inTurn);
    expect(ahead).toMatchObject({
      files: [{ sha256: sha256(packedImages) }, {}],
      train: { size: 4 },
    });
  });

  it('are read in their turn where they are not packed', async () => {
    // What would be the length of the content is 4.
    const { ahead, inTurn } = await bothWays(idxBytes([4, 2], [1, 2, 3, 4, 4, 0, 0, 0]));
    expect(ahead).toMatchObject({ train: { size: 4 } });
    expect(ahead).toEqual(inTurn);
  });

  it.each([
    ['cut', packedImages.subarray(0, 25)],
    ['with more than its header promises', gzipSync(Buffer.concat([images, images]))],
    ['with less than its header promises', gzipSync(images.subarray(0, images.length - 1))],
    ['cut in its header', gzipSync(images).subarray(0, 14)],
    ['of another kind', gzipSync('a,b')],
    ['no gzip file', Buffer.from('a,b\n1,2\n')],
  ])('have the same fault where a file is %s', async (_, features) => {
    const { ahead, inTurn } = await bothWays(features);
    expect(ahead).toBeTypeOf('string');
    expect(ahead).toBe(inTurn);
  });
});

/** The images as they come: their first bytes are there, the others when `arrive` is called. */
function comingImages() {
  const content = new Uint8Array(images.length);
  content.set(images.subarray(0, 12));
  let arrive: (isWhole: boolean) => void = () => {};
  const hash = new Promise<string | undefined>((resolve) => {
    arrive = (isWhole) => {
      if (isWhole) content.set(images);
      resolve(isWhole ? sha256(packedImages) : undefined);
    };
  });
  const file = write('images.gz', packedImages);
  write('labels.gz', gzipSync(labels));
  const unpacked = { take: (name: string) => Promise.resolve(name === file ? { content, sha256: hash } : undefined) };
  return { content, unpacked, arrive };
}

describe('data whose features are still coming', () => {
  it('are described by then, and loaded once these have come', async () => {
    const { content, unpacked, arrive } = comingImages();
    const described: { isComplete: boolean; values: Uint8Array }[] = [];
    const onDescribed = ({ isComplete, train }: DescribedData): void => {
      expect(train).toMatchObject({
        size: 4,
        fields: { features: { shape: [2] }, targets: { values: new Int32Array([0, 1, 0, 1]) } },
      });
      described.push({ isComplete, values: content.slice(12) });
      arrive(true);
    };
    const { train } = await load(dir, config, { unpacked, onDescribed });
    expect(described).toEqual([{ isComplete: false, values: new Uint8Array(8) }]);
    expect(train.fields.features.values).toEqual(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
    expect(train.fields.features.values.buffer).toBe(content.buffer);
  });

  it('are described once these have come where preprocessing is learned from them', async () => {
    const { content, unpacked, arrive } = comingImages();
    const described: { isComplete: boolean; values: Uint8Array }[] = [];
    const onDescribed = ({ isComplete }: DescribedData): number =>
      described.push({ isComplete, values: content.slice(12) });
    const loading = load(dir, { ...config, preprocess: ['standardize'] }, { unpacked, onDescribed });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(described).toEqual([]);
    arrive(true);
    expect((await loading).affine?.shift[0]).toBeLessThan(0);
    expect(described).toEqual([{ isComplete: true, values: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]) }]);
  });

  it('are read in their turn where something goes wrong with them', async () => {
    const { unpacked, arrive } = comingImages();
    const { train, files } = await load(dir, config, { unpacked, onDescribed: () => arrive(false) });
    expect(train.fields.features.values).toEqual(new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
    expect(files[0].sha256).toBe(sha256(packedImages));
  });

  it('are not loaded where the one who gets the description throws', async () => {
    const { unpacked } = comingImages();
    const onDescribed = (): void => {
      throw new RangeError('does not fit');
    };
    await expect(load(dir, config, { unpacked, onDescribed })).rejects.toThrow('does not fit');
  });
});
