/** Shared by sources with one file per part: `path` for the file that is split, or `train`, `val` and `test`. */
import type * as z from 'zod';
import { text } from '../config/atoms.js';
import { type SplitName, splitNames } from './split-names.js';

/** The schema's keys; `what` says what the names refer to, such as `file`. */
export const roleFiles = (what: string) => ({
  path: text.optional().describe(`the ${what} that data.split splits, relative to the config`),
  train: text.optional().describe(`the training ${what}, if other parts have separate ${what}s (as path)`),
  val: text.optional().describe(`a separate validation ${what}`),
  test: text.optional().describe(`a separate test ${what}`),
});

export interface RoleFiles {
  readonly path?: string | undefined;
  readonly train?: string | undefined;
  readonly val?: string | undefined;
  readonly test?: string | undefined;
}

/** Adds an issue if there is no training file, or if it is named twice. */
export function checkRoleFiles({ path, train }: RoleFiles, context: z.core.$RefinementCtx): void {
  if (path === undefined && train === undefined) {
    context.addIssue({ code: 'custom', message: 'give the file as path, or as train, val and test' });
  }
  if (path !== undefined && train !== undefined) {
    context.addIssue({ code: 'custom', path: ['train'], message: 'path and train mean the same: give one' });
  }
}

export const fileOf = (params: RoleFiles, role: SplitName): string | undefined =>
  role === 'train' ? (params.path ?? params.train) : params[role];

export const ownFiles = (params: RoleFiles): SplitName[] =>
  splitNames.filter((role) => fileOf(params, role) !== undefined);

export function moveFiles<P extends RoleFiles>(params: P, move: (file: string) => string): P {
  const { path, train, val, test } = params;
  return {
    ...params,
    ...(path && { path: move(path) }),
    ...(train && { train: move(train) }),
    ...(val && { val: move(val) }),
    ...(test && { test: move(test) }),
  };
}
