import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeTemporaryFiles, writeFileAtomic } from '../../src/runs/atomic-file.js';
import { FileWriteError } from '../../src/runs/file-error.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nn-atomic-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('writeFileAtomic', () => {
  it('writes text, bytes and pieces, and leaves no other file', () => {
    const path = join(folder, 'file');
    writeFileAtomic(path, 'é\n');
    expect(readFileSync(path, 'utf8')).toBe('é\n');
    writeFileAtomic(path, Uint8Array.of(1, 2));
    expect([...readFileSync(path)]).toEqual([1, 2]);
    writeFileAtomic(path, [Uint8Array.of(3), new Uint8Array(0), Uint8Array.of(4, 5)]);
    expect([...readFileSync(path)]).toEqual([3, 4, 5]);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('keeps the old content and no temporary file when a write fails half-way', () => {
    const path = join(folder, 'file');
    writeFileAtomic(path, 'old');
    const full = Object.assign(new Error('write failed'), { code: 'ENOSPC' });
    const failing = Object.defineProperty(new Uint8Array(1), 'byteLength', {
      get: () => {
        throw full;
      },
    });
    const write = () => writeFileAtomic(path, [Buffer.from('new'), failing]);
    expect(write).toThrow(/^cannot write .*file: there is no space left on the device \(ENOSPC\)\n {2}free some space/);
    expect(write).toThrow(FileWriteError);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('says what is wrong and what to do when the target cannot be replaced', () => {
    const path = join(folder, 'sub');
    mkdirSync(path);
    expect(() => writeFileAtomic(path, 'x')).toThrow(
      /cannot write .*sub: this is a folder, not a file \(EISDIR\)\n {2}\S/,
    );
    expect(readdirSync(folder)).toEqual(['sub']);
    expect(() => writeFileAtomic(join(folder, 'missing', 'file'), 'x')).toThrow('no such file or folder (ENOENT)');
  });
});

describe('removeTemporaryFiles', () => {
  it('deletes what a killed write has left, and nothing else', () => {
    const left = '.last.safetensors.0123456789ab.tmp';
    for (const name of [left, 'last.safetensors', '.hidden', 'notes.tmp']) writeFileSync(join(folder, name), '');
    removeTemporaryFiles(folder);
    expect(readdirSync(folder).sort()).toEqual(['.hidden', 'last.safetensors', 'notes.tmp']);
  });
});
