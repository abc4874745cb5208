import { CheckpointError } from './checkpoint-error.js';
import type { Json } from './json.js';
import { digestKeys, readSafetensors, writeSafetensors, type StoredTensor } from './safetensors.js';

/**
 * The state of a training run at one step: tensors by name (`layers.0.weight`), and everything else as plain
 * JSON (the resolved config, step, epoch, data position, preprocessing ...), whose content src/train defines.
 */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly meta: Readonly<Record<string, Json>>;
}

/** Raised whenever a reader of the former version would misread the new one. */
const formatVersion = '1';
const reservedKeys: ReadonlySet<string> = new Set(['format', 'format_version', ...digestKeys]);

/** Bounds the memory that JSON values of a hostile file can claim once parsed (some 30 bytes a character). */
const maxMetaLength = 16_000_000;
const maxMetaDepth = 100;

const changed = 'the file was changed since it was written: use another checkpoint';

/** Writes a checkpoint as one safetensors file, atomically. Throws `FileWriteError`, or `TypeError` for what JSON cannot hold. */
export function saveCheckpoint(path: string, { tensors, meta }: Checkpoint): void {
  const metadata = new Map<string, string>([
    ['format', 'nn'],
    ['format_version', formatVersion],
  ]);
  let length = 0;
  for (const [key, value] of Object.entries(meta)) {
    if (reservedKeys.has(key)) throw new TypeError(`checkpoint meta key "${key}" is reserved`);
    const text = JSON.stringify(value, rejectNonJson);
    length += text.length;
    if (length > maxMetaLength) throw new TypeError(`checkpoint meta "${key}" exceeds ${maxMetaLength} characters`);
    if (nesting(text) > maxMetaDepth) throw new TypeError(`checkpoint meta "${key}" is too deep`);
    metadata.set(key, text);
  }
  writeSafetensors(path, tensors, metadata);
}

/** Reads a checkpoint that `saveCheckpoint` wrote; bits that have changed since are found. Throws `CheckpointError`. */
export function loadCheckpoint(path: string): Checkpoint {
  const { tensors, metadata } = readSafetensors(path);
  if (metadata.get('format') !== 'nn') {
    throw new CheckpointError(
      path,
      'holds tensors, but is not a checkpoint of nn',
      'give a checkpoint that `nn train` wrote',
    );
  }
  const version = metadata.get('format_version') ?? 'none';
  if (version !== formatVersion) {
    const problem = `has checkpoint format version ${JSON.stringify(version.slice(0, 20))}; this nn reads ${formatVersion}`;
    throw new CheckpointError(path, problem, 'use the version of nn that wrote it (see provenance.json of its run)');
  }
  for (const key of digestKeys) {
    if (!metadata.has(key)) {
      throw new CheckpointError(path, `has no ${key} in its header`, changed);
    }
  }
  const entries = [...metadata].filter(([key]) => !reservedKeys.has(key));
  if (entries.reduce((length, [, text]) => length + text.length, 0) > maxMetaLength) {
    throw new CheckpointError(path, `has more than ${maxMetaLength} characters of metadata`, changed);
  }
  return { tensors, meta: Object.fromEntries(entries.map(([key, text]) => [key, parseMeta(path, key, text)])) };
}

/** JSON.stringify would turn NaN and Infinity into null, and drop undefined, without a word. */
function rejectNonJson(key: string, value: unknown): unknown {
  if ((typeof value === 'number' && !Number.isFinite(value)) || value === undefined) {
    throw new TypeError(`checkpoint meta: ${key || 'a value'} is ${String(value)}, which JSON cannot hold`);
  }
  return value;
}

function parseMeta(path: string, key: string, text: string): Json {
  const name = JSON.stringify(key.slice(0, 80));
  if (nesting(text) > maxMetaDepth) {
    throw new CheckpointError(path, `its metadata ${name} nests deeper than ${maxMetaDepth}`, changed);
  }
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new CheckpointError(path, `its metadata ${name} is not valid JSON`, changed, { cause: error });
  }
}

/** How deep the brackets outside of strings nest. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth--;
  }
  return deepest;
}
