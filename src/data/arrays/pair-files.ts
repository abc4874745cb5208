/** Shared by the array sources: a features name and a targets name for each part of the data. */
import * as z from 'zod';
import { text } from '../../config/atoms.js';
import { type SplitName, splitNames } from '../split-names.js';

/** The schema's keys; `what` says what a name refers to, such as `idx file`. */
export const pairFiles = (what: string) => {
  const pair = z.strictObject({
    features: text.describe(`${what} of the features, such as images`),
    targets: text
      .optional()
      .describe(`${what} of the targets, such as labels, one per sample; not needed for reconstruction`),
  });
  return {
    train: pair.describe('the training samples; data.split takes its splits from them'),
    val: pair.optional().describe('separate validation samples'),
    test: pair.optional().describe('separate test samples'),
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

/** The config path of the first missing targets. */
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
