/**
 * What can begin before a command is loaded, which takes as long: its config is parsed, and the packed files of its data are unpacked
 * on another thread. Where something is wrong with either, it is left to the command, which then says so.
 */
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../config/config-error.js';
import { isList, isMapping, type TreeNode } from '../config/tree.js';
import { parseConfigText, readConfigText, type WrittenConfig } from '../config/yaml-source.js';
import { unpackAhead, type UnpackedFiles } from '../data/unpack-ahead.js';

export interface Ahead {
  readonly written: WrittenConfig;
  readonly unpacked: UnpackedFiles;
}

/** Undefined where the config cannot be read. */
export function beginAhead(file: string, overrides: readonly string[]): Ahead | undefined {
  try {
    const written = parseConfigText(readConfigText(file), file);
    const packed = overrides.some((text) => /^data(=|\.source\b)/.test(text)) ? [] : packedFiles(written.root);
    return { written, unpacked: unpackAhead(packed.map((name) => resolve(dirname(file), name))) };
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** The names of gzip files below `data.source`. */
function packedFiles(root: TreeNode): string[] {
  const source = ['data', 'source'].reduce<TreeNode | undefined>(
    (node, key) => (node !== undefined && isMapping(node.value) ? node.value.get(key)?.node : undefined),
    root,
  );
  return source === undefined ? [] : [...new Set(textsIn(source))].filter((text) => text.endsWith('.gz'));
}

function textsIn({ value }: TreeNode): string[] {
  if (isMapping(value)) return [...value.values()].flatMap(({ node }) => textsIn(node));
  if (isList(value)) return value.flatMap(textsIn);
  return typeof value === 'string' ? [value] : [];
}
