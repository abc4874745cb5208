/**
 * The memory of a session: everything that programs read and write lies in it. It can be made before the session, so that
 * data are written in place while the engine is still loading: it imports next to nothing of the engine.
 */
import { alignedBytes } from '../compiler/memory-plan.js';

const PAGE = 65536;
/** WebAssembly's limit with 32-bit addresses, less a page so that no address wraps. */
const MAX_BYTES = 65536 * PAGE - PAGE;

/** Layout of the control words at the start of memory, followed by the constants of programs. */
export const CONTROL = {
  command: 64,
  program: 68,
  sleepers: 72,
  /** Threads that wait for commands, and the number of the first one that has failed. */
  started: 76,
  failed: 80,
  barrier: 128,
  counter: 192,
  constants: 256,
  end: 4352,
};

/** The memory that a network needs does not fit. Says how much is needed and for what. */
export class MemoryLimitError extends Error {
  override readonly name = 'MemoryLimitError';
}

/** The system refused memory, because of a limit of the process or its container. */
export class MemoryRefusedError extends Error {
  override readonly name = 'MemoryRefusedError';
}

export class Heap {
  readonly memory = newMemory();
  /** The memory's buffer at each size at which some was reserved: they all show the same bytes. */
  private readonly own = new Set<ArrayBufferLike>();
  private end = CONTROL.end;
  private ofData = 0;

  /** All bytes in use, with the padding between buffers. */
  get used(): number {
    return this.end;
  }

  /** The bytes that were reserved. */
  get reserved(): number {
    return this.ofData;
  }

  /** The address of this many bytes, all 0, for `what`. Throws MemoryLimitError and MemoryRefusedError. */
  allocate(bytes: number, what: string): number {
    const address = this.end;
    const end = address + alignedBytes(bytes);
    if (end > MAX_BYTES) {
      throw new MemoryLimitError(
        `${what} needs ${mebibytes(bytes)} on top of the ${mebibytes(address)} in use, more than the 4 GiB that WebAssembly can address; ` +
          `use a smaller batch size, a smaller network or less data at once`,
      );
    }
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing > 0) this.grow(missing, `${what} needs ${mebibytes(bytes)} on top of the ${mebibytes(address)} in use`);
    this.end = end;
    return address;
  }

  private grow(pages: number, need: string): void {
    try {
      this.memory.grow(pages);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const remedy =
        'close other programs, raise the limit (ulimit -v, or the memory of the container), or use less data at once';
      throw new MemoryRefusedError(`${need}, which the system refuses; ${remedy}`, { cause: error });
    }
  }

  /** Memory that an input of bytes can use without a copy. Throws MemoryLimitError and MemoryRefusedError. */
  reserve(bytes: number): Uint8Array {
    const address = this.allocate(bytes, 'the data');
    this.ofData += bytes;
    this.own.add(this.memory.buffer);
    return new Uint8Array(this.memory.buffer, address, bytes);
  }

  /** Whether `values` lie in memory that was reserved here. */
  has(values: ArrayLike<number>): values is Uint8Array {
    return values instanceof Uint8Array && this.own.has(values.buffer);
  }
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** An empty memory that can grow and that threads share. V8 reserves addresses for its maximum size at once. */
function newMemory(): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new MemoryRefusedError(
      'the system refuses the address space that WebAssembly reserves, some 10 GiB of addresses (not of memory); ' +
        'raise the limit of this process: `ulimit -v unlimited`',
      { cause: error },
    );
  }
}
