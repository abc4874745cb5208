/** The arguments of a command that takes several configs: files, folders of files, and overrides for all of them. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from './usage-error.js';

export interface ConfigArguments {
  readonly files: readonly string[];
  readonly overrides: readonly string[];
}

/** A folder stands for all YAML files in and under it, by name. Throws UsageError where one has none, or no config is given. */
export function configArguments(args: readonly string[]): ConfigArguments {
  const isOverride = (arg: string): boolean => /^[^/\\]+=/.test(arg) && !existsSync(arg);
  const files = args.filter((arg) => !isOverride(arg)).flatMap(filesAt);
  if (files.length === 0) throw new UsageError('which config? give a YAML file, or a folder of them');
  return { files: [...new Set(files)], overrides: args.filter(isOverride) };
}

function filesAt(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path];
  const found = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => /\.ya?ml$/.test(name));
  if (found.length === 0) throw new UsageError(`${path}: there is no YAML file in this folder`);
  return found.sort().map((name) => join(path, name));
}
