import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { ModuleEmitter } from '../../../src/tensor/wasm/assembler.js';
import { emitDriver } from '../../../src/tensor/wasm/driver.js';
import { CONTROL, Heap } from '../../../src/tensor/wasm/heap.js';
import { ThreadError, ThreadPool } from '../../../src/tensor/wasm/thread-pool.js';
import { planPhase } from '../../../src/tensor/compiler/tasks.js';

const folder = mkdtempSync(join(tmpdir(), 'nn-threads-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, source: string): URL {
  writeFileSync(join(folder, name), source);
  return pathToFileURL(join(folder, name));
}

const nothing = (): void => undefined;

/** A program of one phase for two threads, which does nothing at all. */
function programFor({ memory }: Heap): { module: WebAssembly.Module; run: (thread: number) => void } {
  const module = new ModuleEmitter();
  const index = module.function({ parameters: ['i32', 'i32', 'i32'] }, nothing);
  const kernel = { function: index, units: 8, unitCost: 1e6, scratch: 0 };
  emitDriver(module, [{ phase: planPhase([kernel], 2) }], { ...CONTROL, threads: 2, scratch: 0, scratchBytes: 0 });
  const compiled = new WebAssembly.Module(module.bytes());
  const run = new WebAssembly.Instance(compiled, { env: { memory } }).exports.run as (thread: number) => void;
  return { module: compiled, run };
}

describe('the threads of a session', () => {
  it('run what they are given', () => {
    const heap = new Heap();
    const pool = new ThreadPool(heap.memory, 2);
    const { module, run } = programFor(heap);
    pool.start();
    pool.load({ module, number: 0 });
    for (let i = 0; i < 100; i++) pool.run(0, () => run(0));
    expect(new Int32Array(heap.memory.buffer)[CONTROL.command / 4]).toBe(100);
    pool.close();
  });

  it.each([
    ['throws', fileOf('throws.mjs', 'throw new Error("out of order");'), 'out of order'],
    ['is missing', pathToFileURL(join(folder, 'missing.mjs')), "Cannot find module '.*missing.mjs'"],
  ])('are missed at once where their file %s', async (_, file, reason) => {
    const pool = new ThreadPool(new Heap().memory, 3, file);
    pool.start();
    await sleep(1000);
    expect(() => pool.run(0, nothing)).toThrow(ThreadError);
    expect(() => pool.run(0, nothing)).toThrow(new RegExp(`2 of 3 threads of the tensor engine did not start: ${reason}.*--threads 1`, 's')); // prettier-ignore
  });

  it('are missed at once where their file is missing, though nothing is heard of them', () => {
    const pool = new ThreadPool(new Heap().memory, 2, pathToFileURL(join(folder, 'missing.mjs')));
    pool.start();
    expect(() => pool.run(0, nothing)).toThrow('1 of 2 threads of the tensor engine did not start: their module is missing'); // prettier-ignore
  });

  it('are not waited for without end where the host has not heard of their death', () => {
    const pool = new ThreadPool(new Heap().memory, 2, fileOf('ends.mjs', ''));
    pool.start();
    // Nothing is heard of while this runs.
    expect(() => pool.run(0, nothing)).toThrow('1 of 2 threads of the tensor engine did not start within 10 s');
  });

  it('report their failure to the others: none stays at the barrier', () => {
    const heap = new Heap();
    const pool = new ThreadPool(heap.memory, 2);
    const { run } = programFor(heap);
    // (import "env" "nothing" (func)), which no thread gives it.
    const type = [0x01, 0x04, 0x01, 0x60, 0x00, 0x00];
    const text = (word: string): number[] => [word.length, ...Buffer.from(word)];
    const body = [0x01, ...text('env'), ...text('nothing'), 0x00, 0x00];
    const module = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...type, 0x02, body.length, ...body)); // prettier-ignore
    pool.start();
    pool.load({ module, number: 0 });
    expect(() => pool.run(0, () => run(0))).toThrow(/^thread 1 of the tensor engine has failed: LinkError: .*nothing/);
  });
});
