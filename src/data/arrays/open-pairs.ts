/** Opens all requested array pairs concurrently. */
import type { PlacedArray } from '../formats/numeric-array.js';
import type { ArraysEncoding } from '../encoding.js';
import type { OpenContext, SampleFile, SampleFiles } from '../source.js';
import type { SplitName } from '../split-names.js';
import type { PairFiles } from './pair-files.js';
import { samplesOfPair } from './samples.js';

export async function openPairs(
  params: PairFiles,
  { roles, target: kind }: OpenContext,
  read: (name: string) => Promise<PlacedArray>,
): Promise<SampleFiles<ArraysEncoding>> {
  const opened = roles.map(async (role): Promise<[SplitName, SampleFile<ArraysEncoding> | undefined]> => {
    const pair = params[role];
    if (pair === undefined) return [role, undefined];
    const target = kind === 'none' ? undefined : pair.targets;
    const [features, targets] = await Promise.all([
      read(pair.features),
      target === undefined ? undefined : read(target),
    ]);
    return [role, samplesOfPair(features, targets, kind)];
  });
  return Object.fromEntries(await Promise.all(opened));
}
