/** Samples from the arrays of a NumPy archive. */
import * as z from 'zod';
import { text } from '../../config/atoms.js';
import { openPairs } from '../arrays/open-pairs.js';
import { pairFiles, pairRoles, pairWithoutTargets } from '../arrays/pair-files.js';
import { openNpz } from '../formats/npz.js';
import type { ArraysEncoding } from '../encoding.js';
import type { DataSource } from '../source.js';

const schema = z.object({
  path: text.describe('the .npz file, relative to the config'),
  ...pairFiles('name of the array'),
});
type NpzParams = z.output<typeof schema>;

export const npzSource = {
  schema,
  description: 'arrays of one NumPy .npz archive, plain or compressed',
  encoding: 'arrays',
  async open(params, context) {
    const archive = openNpz(await context.files.read(params.path), context.files.resolve(params.path));
    return openPairs(params, context, archive);
  },
  ownFiles: pairRoles,
  missingTarget: pairWithoutTargets,
  moveFiles: (params, move) => ({ ...params, path: move(params.path) }),
} as const satisfies DataSource<NpzParams, ArraysEncoding> & { schema: typeof schema };
