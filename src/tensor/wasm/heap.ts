/**
 * The memory of a session: everything that programs read and write lies in it. It can be made before there is a session, so that
 * data are put to where they will be used while the engine is still being loaded: it imports next to nothing of the engine.
 */
import { alignedBytes } from '../compiler/memory-plan.js';

const PAGE = 65536;
/** WebAssembly's limit with 32-bit addresses, less a page so that no address wraps. */
const MAX_BYTES = 65536 * PAGE - PAGE;

/** Layout of the control words at the start of memory, constants of programs behind them. */
export const CONTROL = {
  command: 64,
  program: 68,
  sleepers: 72,
  barrier: 128,
  counter: 192,
  constants: 16384,
  end: 20480,
};

/** The memory that a network needs does not fit. Says how much is needed and for what. */
export class MemoryLimitError extends Error {
  override readonly name = 'MemoryLimitError';
}

export class Heap {
  readonly memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
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

  /** The address of as many bytes, all 0, for `what`. Throws MemoryLimitError. */
  allocate(bytes: number, what: string): number {
    const address = this.end;
    const end = address + alignedBytes(bytes);
    if (end > MAX_BYTES) {
      const mb = (n: number): string => `${Math.ceil(n / 2 ** 20)} MiB`;
      throw new MemoryLimitError(
        `${what} needs ${mb(bytes)} on top of the ${mb(address)} in use, more than the 4 GiB that WebAssembly can address; ` +
          `use a smaller batch size, a smaller network or less data at once`,
      );
    }
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing > 0) this.memory.grow(missing);
    this.end = end;
    return address;
  }

  /** Memory that an input of bytes takes without a copy. Throws MemoryLimitError. */
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
