/** Samples from pairs of NumPy files. */
import * as z from 'zod';
import { openPairs } from '../arrays/open-pairs.js';
import { movePairs, type PairFiles, pairFiles, pairRoles, pairWithoutTargets } from '../arrays/pair-files.js';
import { parseNpy } from '../formats/npy.js';
import type { ArraysEncoding } from '../encoding.js';
import type { DataSource } from '../source.js';

const schema = z.object(pairFiles('npy file'));

export const npySource = {
  schema,
  description: 'pairs of NumPy .npy files',
  encoding: 'arrays',
  open: (params, context) =>
    openPairs(params, context, async (name) => {
      const place = { file: context.files.resolve(name) };
      return { ...parseNpy(await context.files.read(name), place), place };
    }),
  ownFiles: pairRoles,
  missingTarget: pairWithoutTargets,
  moveFiles: movePairs,
} as const satisfies DataSource<PairFiles, ArraysEncoding> & { schema: typeof schema };
