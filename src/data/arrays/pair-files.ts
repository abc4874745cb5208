/** What sources of arrays have in common: a pair of names, features and targets, for each part of the data. */
import * as z from 'zod';
import { text } from '../../config/atoms.js';
import { type SplitName, splitNames } from '../split-names.js';

/** The keys of the schema; `what` is what a name stands for, such as `idx file`. */
export const pairFiles = (what: string) => {
  const pair = z.strictObject({
    features: text.describe(`${what} of the features, such as images`),
    targets: text
      .optional()
      .describe(`${what} of the targets, such as labels, one for each sample; not needed in reconstruction`),
  });
  return {
    train: pair.describe('the training samples; data.split carves from them'),
    val: pair.optional().describe('validation samples of their own'),
    test: pair.optional().describe('test samples of their own'),
  };
};

export interface Pair {
  readonly features: string;
  readonly targets?: string | undefined;
}

export interface PairFiles {
  readonly train: Pair;
  readonly val?: Pair | undefined;
  readonly test?: Pair | undefined;
}

export const pairRoles = (params: PairFiles): SplitName[] => splitNames.filter((role) => params[role] !== undefined);

/** The way to the first pair's targets that are not given. */
export function pairWithoutTargets(params: PairFiles): readonly string[] | undefined {
  const role = pairRoles(params).find((role) => params[role]?.targets === undefined);
  return role && [role, 'targets'];
}

export function movePairs<P extends PairFiles>(params: P, move: (file: string) => string): P {
  const moved = ({ features, targets }: Pair): Pair => ({
    features: move(features),
    ...(targets === undefined ? {} : { targets: move(targets) }),
  });
  const { train, val, test } = params;
  return { ...params, train: moved(train), ...(val && { val: moved(val) }), ...(test && { test: moved(test) }) };
}
