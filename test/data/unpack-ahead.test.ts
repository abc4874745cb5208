import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpackAhead } from '../../src/data/unpack-ahead.js';
import { type DataInput, idxBytes, load, tempFolder } from './files.js';

const { dir, write } = tempFolder();
const images = idxBytes([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
const labels = idxBytes([4], [0, 1, 0, 1]);
const packedImages = gzipSync(images);
const config: DataInput = { source: { idx: { train: { features: 'images.gz', targets: 'labels.gz' } } } };

/** Loads the two files as they are then, with and without having unpacked them ahead. */
async function bothWays(features: Uint8Array) {
  const files = [write('images.gz', features), write('labels.gz', gzipSync(labels))];
  const outcome = (loading: ReturnType<typeof load>) => loading.catch((error: unknown) => String(error));
  const unpacked = unpackAhead(files);
  return { ahead: await outcome(load(dir, config, { unpacked })), inTurn: await outcome(load(dir, config)), unpacked };
}

describe('unpackAhead', () => {
  it('has the content of every gzip file, and its bytes', async () => {
    const file = write('a.gz', packedImages);
    const { bytes, content } = unpackAhead([file]).get(file) ?? {};
    expect(await content).toEqual(images);
    expect(bytes).toEqual(packedImages);
  });

  it('leaves out what is not there, and has no content of what is no gzip file or damaged', async () => {
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
    const unpacked = unpackAhead(files);
    expect([...unpacked.keys()]).toEqual(files.slice(2));
    expect(await Promise.all([...unpacked.values()].map(({ content }) => content))).toEqual(Array(5).fill(undefined));
  });
});

describe('data whose files are unpacked ahead', () => {
  it('are those that are unpacked in their turn, with the same hashes, and held no longer', async () => {
    const { ahead, inTurn, unpacked } = await bothWays(packedImages);
    expect(ahead).toEqual(inTurn);
    expect(ahead).toMatchObject({
      files: [{ sha256: createHash('sha256').update(packedImages).digest('hex') }, {}],
      train: { size: 4 },
    });
    expect(unpacked.size).toBe(0);
  });

  it.each([
    ['cut', packedImages.subarray(0, 25)],
    ['with more than its header promises', gzipSync(Buffer.concat([images, images]))],
    ['with less than its header promises', gzipSync(images.subarray(0, images.length - 1))],
    ['no gzip file', Buffer.from('a,b\n1,2\n')],
  ])('have the same fault where a file is %s', async (_, features) => {
    const { ahead, inTurn } = await bothWays(features);
    expect(ahead).toBeTypeOf('string');
    expect(ahead).toBe(inTurn);
  });
});
