/** Small real files for the tests of the data folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import * as z from 'zod';
import { DataError, dataSchema, loadData, type LoadedData, type LoadOptions } from '../../src/data/index.js';

export const datasets = fileURLToPath(new URL('../../datasets/', import.meta.url));

/** A folder for the test file that asks, removed after its tests. */
export function tempFolder(): { dir: string; write: (name: string, content: string | Uint8Array) => string } {
  const dir = mkdtempSync(path.join(tmpdir(), 'nn-data-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(path.join(dir, name), content);
    return path.join(dir, name);
  };
  return { dir, write };
}

/** The bytes of an idx file of unsigned bytes. */
export function idxBytes(dims: readonly number[], values: ArrayLike<number>): Buffer {
  return Buffer.concat([idxHeader(0x08, dims), Buffer.from(Uint8Array.from(values))]);
}

export function idxHeader(type: number, dims: readonly number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header[2] = type;
  header[3] = dims.length;
  dims.forEach((dim, i) => header.writeUInt32BE(dim, 4 + 4 * i));
  return header;
}

export type DataInput = z.input<typeof dataSchema>;

/** Loads `config` as the command line would. */
export function load(dir: string, config: DataInput, options: Partial<LoadOptions> = {}): Promise<LoadedData> {
  return loadData(dataSchema.parse(config), { target: 'classes', seed: 1, baseDir: dir, ...options });
}

/** The DataError that `promise` ends in. */
export async function dataErrorOf(promise: Promise<unknown>): Promise<DataError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  throw new Error('expected a DataError');
}

/** The numbers of sample `i` of a table. */
export const sample = (table: { shape: readonly number[]; values: ArrayLike<number> }, i: number): number[] => {
  const width = table.shape.reduce((all, dim) => all * dim, 1);
  return Array.from(table.values).slice(i * width, (i + 1) * width);
};
