/** Samples from pairs of idx files. */
import * as z from 'zod';
import { openPairs } from '../arrays/open-pairs.js';
import { movePairs, type PairFiles, pairFiles, pairRoles, pairWithoutTargets } from '../arrays/pair-files.js';
import { parseIdx } from '../formats/idx.js';
import type { ArraysEncoding, DataSource } from '../source.js';

const schema = z.object(pairFiles('idx file'));

export const idxSource = {
  schema,
  description: 'pairs of idx files (the format of MNIST), plain or gzip',
  encoding: 'arrays',
  open: (params, context) =>
    openPairs(params, context, async (name) => {
      const file = context.files.resolve(name);
      const { bytes, content } = await context.files.readPacked(name);
      return { ...(await parseIdx(bytes, file, context.reserve, content)), place: { file } };
    }),
  ownFiles: pairRoles,
  missingTarget: pairWithoutTargets,
  moveFiles: movePairs,
} as const satisfies DataSource<PairFiles, ArraysEncoding> & { schema: typeof schema };
