/**
 * What can begin before a command is loaded, which takes as long: its config is parsed, and the packed files of its data are unpacked
 * by another thread, into the memory of the session to come. Where something is wrong with either, it is left to the command, which
 * then says so.
 */
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../config/config-error.js';
import { isList, isMapping, type TreeNode } from '../config/tree.js';
import { parseConfigText, readConfigText, type WrittenConfig } from '../config/yaml-source.js';
import type { UnpackedFiles } from '../data/unpack-ahead.js';
import { Heap } from '../tensor/wasm/heap.js';

export interface Ahead {
  readonly written: WrittenConfig;
  readonly unpacked: UnpackedFiles;
  /** Where their content lies, for the session that is going to use them. */
  readonly heap: Heap;
}

/** Undefined where the config cannot be read. `unpacked` has been started before, as its thread takes a while. */
export function beginAhead(file: string, overrides: readonly string[], unpacked: UnpackedFiles): Ahead | undefined {
  try {
    const written = parseConfigText(readConfigText(file), file);
    const packed = overrides.some((text) => /^data(=|\.source\b)/.test(text)) ? [] : packedFiles(written.root);
    const heap = new Heap();
    const files = packed.map((name) => resolve(dirname(file), name));
    unpacked.begin(files, (bytes) => heap.reserve(bytes));
    return { written, unpacked, heap };
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
