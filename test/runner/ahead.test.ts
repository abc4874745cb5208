import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { beginAhead } from '../../src/runner/ahead.js';
import { UnpackedFiles } from '../../src/data/unpack-ahead.js';
import { tempFolder } from '../cli/helpers.js';

const folder = tempFolder();
const images = join(folder, 'images.gz');
writeFileSync(images, gzipSync(Buffer.from([1, 2, 3])));
const write = (text: string): string => {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, text);
  return file;
};
const config = 'data: {source: {idx: {train: {features: images.gz, targets: labels.idx}}}}\n';

const begin = (file: string, overrides: string[] = []) => beginAhead(file, overrides, new UnpackedFiles());

describe('beginAhead', () => {
  it('begins with the packed files of the data, found relative to the config', async () => {
    const ahead = begin(write(config), ['data.limit_train=3']);
    const { content, sha256 } = (await ahead?.unpacked.take(images)) ?? {};
    expect(sha256).toBeDefined();
    expect(content).toEqual(new Uint8Array([1, 2, 3]));
    expect(content?.buffer).toBe(ahead?.heap.memory.buffer);
  });

  it('begins with none where an override may name others', async () => {
    const file = write(config);
    for (const override of ['data.source.idx.train.features=b.gz', 'data.source={csv: {train: a.csv}}', 'data={}']) {
      expect(await begin(file, [override])?.unpacked.take(images)).toBeUndefined();
    }
  });

  it('has no files where the config names none', () => {
    for (const text of ['seed: 1', 'data: 3', 'data: {source: [1]}', 'data: {source: {idx: {train: "${env:X}.gz"}}}']) {
      expect(begin(write(text))?.heap.reserved).toBe(0);
    }
  });

  it('leaves a config that cannot be read to the command', () => {
    expect(begin(join(folder, 'none.yaml'))).toBeUndefined();
    expect(begin(write('a: [1'))).toBeUndefined();
  });
});
