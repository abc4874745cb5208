import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decode } from 'fast-png';
import { writeExperiment } from './circle.js';
import { nnHere, tempFolder } from './helpers.js';

const folder = tempFolder();
const mnist = ['augment', 'configs/mnist-augmented.yaml', 'data.limit_train=5', '--json'];

describe('nn augment', () => {
  it('writes a picture of images: each in a row as it is and then its versions, enlarged', async () => {
    const out = join(folder, 'sheet.png');
    const { code, out: json } = await nnHere(...mnist, '--samples', '3', '--versions', '2', '--out', out, 'data.augment=[flip_horizontal: {probability: 1}]'); // prettier-ignore
    expect(code).toBe(0);
    expect(JSON.parse(json)).toEqual({ samples: 3, versions: 2, shape: [28, 28, 1], augmentations: ['flip_horizontal'], out }); // prettier-ignore
    const { width, height, channels, data } = decode(readFileSync(out));
    // Tiles of 28 x 3 pixels, gaps of 4, and 12 after the original.
    expect([width, height, channels]).toEqual([4 + 84 + 12 + 84 + 4 + 84 + 4, 4 + 3 * 88, 1]);
    const tile = (left: number): number[] => Array.from({ length: 28 * 28 }, (_, i) => data[(4 + 3 * Math.floor(i / 28)) * width + left + 3 * (i % 28)]); // prettier-ignore
    const original = tile(4);
    const mirrored = original.map((_, i) => original[28 * Math.floor(i / 28) + 27 - (i % 28)]);
    expect(Math.max(...original)).toBe(255);
    expect(tile(100)).toEqual(mirrored);
    expect(tile(188)).toEqual(mirrored);
  });

  it('shows what the seed draws', async () => {
    const picture = async (...more: string[]): Promise<string> => {
      const out = join(folder, 'seeded.png');
      await nnHere(...mnist, '--samples', '2', '--versions', '2', '--out', out, ...more);
      return readFileSync(out).toString('base64');
    };
    expect(await picture()).toBe(await picture());
    expect(await picture()).not.toBe(await picture('--seed', '9'));
  });

  it('prints a table of samples that are no images', async () => {
    const config = writeExperiment(folder);
    const { code, out } = await nnHere('augment', config, 'data.augment=[feature_mask: {rate: 0.5, value: 7}]', '--samples', '2', '--versions', '3'); // prettier-ignore
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(1 + 2 * 4);
    expect(lines[0]).toMatch(/^sample\s+value 1\s+value 2$/);
    expect(lines[1]).toMatch(/^1\s+as it is\s+-?[\d.]+\s+-?[\d.]+$/);
    expect(lines.slice(2, 5).every((line, i) => line.includes(`version ${i + 1}`))).toBe(true);
    expect(out).toMatch(/version \d .*\b7\b/);
  });

  it('says what is missing', async () => {
    const config = writeExperiment(folder);
    expect((await nnHere('augment', config)).err).toContain('there is no data.augment');
    expect((await nnHere(...mnist)).err).toContain('--out FILE.png');
    const noise = 'data.augment=[feature_noise]';
    const { code, err } = await nnHere(...mnist, '--samples', '1', '--out', join(folder, 'missing', 'x.png'));
    expect(code).toBe(2);
    expect(err).toContain(`--out: cannot write ${join(folder, 'missing', 'x.png')}: no such file or folder (ENOENT)`);
    expect((await nnHere('augment', config, noise, '--out', 'x.png')).err).toContain('--out is for images');
    const many = await nnHere('augment', config, noise, '--samples', 'all');
    expect([many.code, many.err]).toEqual([2, expect.stringContaining('--samples: expected a whole number from 1 to 100, got "all"')]); // prettier-ignore
    const unfit = await nnHere('augment', config, 'data.augment=[feature_noise, hue]');
    expect(unfit.code).toBe(2);
    expect(unfit.err).toMatch(/data\.augment\[1\]: hue is for images \[height, width, channels\]/);
  });
});
