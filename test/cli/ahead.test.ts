import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { beginAhead } from '../../src/cli/ahead.js';
import { tempFolder } from './helpers.js';

const folder = tempFolder();
const images = join(folder, 'images.gz');
writeFileSync(images, gzipSync(Buffer.from([1, 2, 3])));
const write = (text: string): string => {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, text);
  return file;
};
const config = 'data: {source: {idx: {train: {features: images.gz, targets: labels.idx}}}}\n';

describe('beginAhead', () => {
  it('begins with the packed files of the data, found relative to the config', async () => {
    const ahead = beginAhead(write(config), ['data.limit_train=3']);
    expect([...(ahead?.unpacked.keys() ?? [])]).toEqual([images]);
    expect(await ahead?.unpacked.get(images)?.content).toEqual(Buffer.from([1, 2, 3]));
  });

  it('begins with none where an override may name others', () => {
    const file = write(config);
    for (const override of ['data.source.idx.train.features=b.gz', 'data.source={csv: {train: a.csv}}', 'data={}']) {
      expect(beginAhead(file, [override])?.unpacked.size).toBe(0);
    }
  });

  it('has no files where the config names none', () => {
    for (const text of ['seed: 1', 'data: 3', 'data: {source: [1]}', 'data: {source: {idx: {train: "${env:X}.gz"}}}']) {
      expect(beginAhead(write(text), [])?.unpacked.size).toBe(0);
    }
  });

  it('leaves a config that cannot be read to the command', () => {
    expect(beginAhead(join(folder, 'none.yaml'), [])).toBeUndefined();
    expect(beginAhead(write('a: [1'), [])).toBeUndefined();
  });
});
