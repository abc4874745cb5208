import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfigText } from '../../src/config/yaml-source.js';
import { readRegular, readRegularSync } from '../../src/config/regular-file.js';
import { CheckpointError } from '../../src/runs/index.js';
import { readSafetensors } from '../../src/runs/safetensors.js';
import { dataErrorOf, load } from '../data/files.js';

const dir = mkdtempSync(path.join(tmpdir(), 'nn-files-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string): string => path.join(dir, name);
const server = createServer();

beforeAll(async () => {
  execFileSync('mkfifo', [file('fifo')]);
  symlinkSync('/dev/zero', file('zeros'));
  await new Promise<void>((resolve) => server.listen(file('socket'), resolve));
});
afterAll(() => server.close());

describe('reading a regular file', () => {
  it('gives what is in it, also behind a link, and where it is empty', async () => {
    writeFileSync(file('a'), 'text');
    writeFileSync(file('empty'), '');
    symlinkSync('a', file('link'));
    for (const [name, text] of [
      ['a', 'text'],
      ['link', 'text'],
      ['empty', ''],
    ]) {
      // prettier-ignore
      expect(readRegularSync(file(name)).toString()).toBe(text);
      expect((await readRegular(file(name))).toString()).toBe(text);
    }
  });

  it.each([
    ['fifo', 'a FIFO'],
    ['zeros', 'a device'],
  ])('refuses %s without waiting', async (name, kind) => {
    expect(() => readRegularSync(file(name))).toThrow(`this is ${kind}, not a file`);
    await expect(readRegular(file(name))).rejects.toThrow(`this is ${kind}, not a file`);
  });

  it('refuses a socket and a folder as the system does', async () => {
    expect(() => readRegularSync(file('socket'))).toThrow('ENXIO');
    await expect(readRegular(dir)).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('checks the size before it reads', async () => {
    writeFileSync(file('large'), '');
    truncateSync(file('large'), 2 ** 40);
    await expect(readRegular(file('large'))).rejects.toThrow(`the file has ${2 ** 40} bytes, and at most`);
    expect(() => readRegularSync(file('a'), 3)).toThrow('the file has 4 bytes, and at most 3 are read at once');
  });
});

describe.each([
  ['fifo', 'a FIFO'],
  ['zeros', 'a device'],
])('%s', (name, kind) => {
  it('is no config', () => {
    expect(() => readConfigText(file(name))).toThrow(`${file(name)}: is ${kind}, not a file`);
  });

  it('is no checkpoint', () => {
    expect(() => readSafetensors(file(name))).toThrow(CheckpointError);
    expect(() => readSafetensors(file(name))).toThrow(`is ${kind}, not a file`);
  });

  it.each(['csv', 'jsonl', 'parquet', 'idx', 'npy', 'npz', 'images'])('is no data of the source %s', async (source) => {
    const pair = { features: file(name), targets: file(name) };
    const configs: Record<string, object> = {
      csv: { path: file(name), target: 'y' },
      jsonl: { path: file(name), target: 'y' },
      parquet: { path: file(name), target: 'y' },
      idx: { train: pair },
      npy: { train: pair },
      npz: { path: file(name), train: { features: 'x', targets: 'y' } },
      images: { path: file('images') },
    };
    if (source === 'images') {
      for (const folder of ['a', 'b']) execFileSync('mkdir', ['-p', path.join(dir, 'images', folder)]);
      symlinkSync(file(name), path.join(dir, 'images', 'a', `${name}.png`));
      symlinkSync(file(name), path.join(dir, 'images', 'b', `${name}.png`));
    }
    const error = await dataErrorOf(load(dir, { source: { [source]: configs[source] } } as Parameters<typeof load>[1]));
    expect(error.message).toContain(`: this is ${kind}, not a file`);
    if (source === 'images') rmSync(path.join(dir, 'images'), { recursive: true });
  });
});
