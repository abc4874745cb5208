/** Samples from pairs of idx files. */
import * as z from 'zod';
import { openPairs } from '../arrays/open-pairs.js';
import { movePairs, type PairFiles, pairFiles, pairRoles, pairWithoutTargets } from '../arrays/pair-files.js';
import { bytesOfIdx, parseIdx } from '../formats/idx.js';
import type { PlacedArray } from '../formats/numeric-array.js';
import type { ArraysEncoding } from '../encoding.js';
import type { DataSource, OpenContext } from '../source.js';

const schema = z.object(pairFiles('idx file'));

export const idxSource = {
  schema,
  description: 'pairs of idx files (the format of MNIST), plain or gzip',
  encoding: 'arrays',
  open: (params, context) => openPairs(params, context, (name) => arrayOf(name, context)),
  ownFiles: pairRoles,
  missingTarget: pairWithoutTargets,
  moveFiles: movePairs,
} as const satisfies DataSource<PairFiles, ArraysEncoding> & { schema: typeof schema };

async function arrayOf(name: string, { files, reserve }: OpenContext): Promise<PlacedArray> {
  const file = files.resolve(name);
  const content = await files.unpacked(name);
  const bytes = content && bytesOfIdx(content, file);
  return { ...(bytes ?? (await parseIdx(await files.read(name), file, reserve))), place: { file } };
}
