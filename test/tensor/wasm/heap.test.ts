import { describe, expect, it, vi } from 'vitest';
import {
  add,
  cast,
  Heap,
  input,
  MemoryLimitError,
  MemoryRefusedError,
  portableBackend,
  wasmBackend,
} from '../../../src/tensor/index.js';

describe('Heap', () => {
  it.each([wasmBackend, portableBackend])(
    'is the memory of a session that is opened later on it: $name',
    async (backend) => {
      const heap = new Heap();
      const bytes = heap.reserve(100_000);
      const session = backend.open({ threads: 1, heap });
      const x = input('x', [100_000], 'u8');
      session.write(x, bytes);
      const sum = session.compile({ name: 'sum', outputs: [add(cast(x, 'f32'), 1)], updates: [] });
      // Written after the input was: it has not been copied.
      bytes[99_999] = 41;
      sum.run();
      expect([(await sum.read())[0][0], (await sum.read())[0][99_999]]).toEqual([1, 42]);
      expect(session.memory().inputs).toBe(100_000);
      session.close();
    },
  );

  it('holds parts of what was reserved, also before it grew, and nothing else', () => {
    const heap = new Heap();
    const first = heap.reserve(10);
    const second = heap.reserve(5_000_000);
    for (const bytes of [first, second, second.subarray(16)]) expect(heap.has(bytes)).toBe(true);
    expect(heap.has(new Uint8Array(10))).toBe(false);
    expect(heap.has([1, 2])).toBe(false);
    first[9] = 7;
    expect(new Uint8Array(heap.memory.buffer)[first.byteOffset + 9]).toBe(7);
  });

  it('says what for and how much where it cannot grow', () => {
    const heap = new Heap();
    heap.reserve(2 ** 20);
    expect(() => heap.allocate(2 ** 32, 'the program step')).toThrow(MemoryLimitError);
    expect(() => heap.allocate(2 ** 32, 'the program step')).toThrow(
      'the program step needs 4096 MiB on top of the 2 MiB in use',
    );
  });

  it('says that it is the system which refuses, and what to do', () => {
    const heap = new Heap();
    // A function, as it also stands for a constructor.
    const refuse = function (): never {
      throw new RangeError('WebAssembly.Memory(): could not allocate memory');
    };
    vi.spyOn(heap.memory, 'grow').mockImplementation(refuse);
    expect(() => heap.allocate(2 ** 24, 'the data')).toThrow(MemoryRefusedError);
    expect(() => heap.allocate(2 ** 24, 'the data')).toThrow(
      /^the data needs 16 MiB on top of the 1 MiB in use, which the system refuses; .*ulimit -v/,
    );
    // What was refused is not taken.
    expect(heap.used).toBeLessThan(2 ** 20);
    const memory = vi.spyOn(WebAssembly, 'Memory').mockImplementation(refuse);
    expect(() => new Heap()).toThrow(MemoryRefusedError);
    expect(() => new Heap()).toThrow('the system refuses the address space that WebAssembly reserves');
    memory.mockRestore();
  });
});
