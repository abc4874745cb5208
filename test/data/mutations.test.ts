/**
 * Damaged files load, or fail with a DataError that names the file: no crash, no hang, no endless memory. A few hundred in the
 * suite; `npm run fuzz` does 10,000 of each kind with a seed of its own, which it prints.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { closeSplits, DataError } from '../../src/data/index.js';
import { hostRandom } from '../../src/tensor/random.js';
import { idxBytes, load, tempFolder } from './files.js';
import { formats, mutant } from './mutants.js';
import { greyPng } from './png-bytes.js';

const COUNT = Number(process.env.NN_FUZZ ?? 60);
const SEED = Number(process.env.NN_FUZZ_SEED ?? 1);
/** No sample has more than a few hundred bytes: what needs this much believed a header. */
const MOST_MEMORY_MB = 1500;

const npyHeader = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
const npyLabels = Buffer.from(
  `\x93NUMPY\x01\x00${String.fromCharCode(npyHeader.length)}\x00${npyHeader}\x00\x01`,
  'latin1',
);

const { dir, write } = tempFolder();
mkdirSync(path.join(dir, 'images/a'), { recursive: true });
mkdirSync(path.join(dir, 'images/b'), { recursive: true });

it.each(formats.map((format) => [format.name, format] as const))('damaged files of %s', async (name, format) => {
  write('y.idx', idxBytes([4], [0, 1, 0, 1]));
  write('y.npy', npyLabels);
  write('images/b/y.png', greyPng(4, 4, Array(16).fill(1)));
  const random = hostRandom(SEED, `mutations of ${name}`);
  const file = path.join(dir, format.file);
  let loaded = 0;
  for (let i = 0; i < COUNT; i++) {
    const bytes = mutant(format, random);
    writeFileSync(file, bytes);
    try {
      // Tables, every other time, by way of a temporary file.
      const cache = /csv|jsonl/.test(format.file) && i % 2 === 1 ? 'disk' : 'memory';
      closeSplits(await load(dir, { source: format.source, cache }));
      loaded++;
    } catch (error) {
      const shown = `seed ${SEED}, mutation ${i} of ${name}: ${bytes.toString('base64')}`;
      if (!(error instanceof DataError)) throw new Error(shown, { cause: error });
      expect(error.message.startsWith(dir), `${shown}: ${error.message}`).toBe(true);
      expect(error.format(), shown).not.toMatch(/undefined|\[object|\n\s+at /);
    }
  }
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  if (process.env.NN_FUZZ !== undefined) {
    console.log(`${COUNT} of ${name}, seed ${SEED}: ${loaded} could be loaded all the same; at most ${memory} MB`);
  }
  expect(memory).toBeLessThan(MOST_MEMORY_MB);
});
