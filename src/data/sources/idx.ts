/** Samples from pairs of idx files. */
import * as z from 'zod';
import { openPairs } from '../arrays/open-pairs.js';
import { movePairs, type PairFiles, pairFiles, pairRoles, pairWithoutTargets } from '../arrays/pair-files.js';
import type { NumericArray, PlacedArray } from '../arrays/samples.js';
import { bytesOfIdx, parseIdx } from '../formats/idx.js';
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

/** The array of a file, complete at once or, where it is being unpacked ahead, later. */
async function arrayOf(name: string, { files, reserve }: OpenContext): Promise<PlacedArray> {
  const file = files.resolve(name);
  const inTurn = async (): Promise<NumericArray> => parseIdx(await files.read(name), file, reserve);
  const ahead = await files.unpacked(name);
  const coming = ahead && bytesOfIdx(ahead.content, file);
  if (ahead === undefined || coming === undefined) return { ...(await inTurn()), place: { file } };
  const complete = ahead.isWhole.then(async (isWhole) => {
    // Who reads it in its turn says what is wrong, if anything is.
    if (!isWhole) coming.values.set((await inTurn()).values);
  });
  complete.catch(() => {}); // It is met by who waits for it, if anybody still does.
  return { ...coming, place: { file }, complete };
}
