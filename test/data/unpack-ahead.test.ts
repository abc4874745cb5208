import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { startUnpacking, takeUnpackedFiles, UnpackedFiles } from '../../src/data/unpack-ahead.js';
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
      expect(taken?.sha256).toBe(sha256(gzipSync(content)));
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
    for (const file of files) expect(await unpacked.take(file)).toBeUndefined();
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

describe('takeUnpackedFiles', () => {
  it('hands out what was started once: the next command gets one that it can begin itself', () => {
    startUnpacking();
    const [first, second] = [takeUnpackedFiles(), takeUnpackedFiles()];
    expect(second).not.toBe(first);
  });
});
