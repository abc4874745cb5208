/** The worker threads of a session: started on first use, and watched, so that none waits for a failed one. */
import { existsSync } from 'node:fs';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { workerFile } from '../worker-file.js';
import { CONTROL } from './heap.js';
import type { FailureMessage, ProgramMessage, SessionThreadData } from './session-thread.js';

/** Polls of a thread for a command before it goes to sleep. */
const SPINS = 20_000;

/** Milliseconds between two checks of starting threads, and checks before giving up. */
const [LOOK, LOOKS] = [100, 100];

/** A thread of the engine did not start, or failed. */
export class ThreadError extends Error {
  override readonly name = 'ThreadError';
}

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** Why its worker died, once the host knows. */
  fault?: string;
}

export class ThreadPool {
  private readonly threads: Thread[] = [];
  private readonly words: Int32Array;
  private areStarted = true;

  /** A pool for `count` threads, of which the caller is one. */
  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly count: number,
    private readonly file = workerFile('tensor/wasm/session-thread'),
  ) {
    this.words = new Int32Array(memory.buffer, 0, CONTROL.end / 4);
  }

  /** Starts the missing threads, without waiting until they are up. */
  start(): void {
    for (let number = this.threads.length + 1; number < this.count; number++) {
      this.areStarted = false;
      const { port1, port2 } = new MessageChannel();
      const workerData: SessionThreadData = { memory: this.memory, thread: number, control: CONTROL, spins: SPINS, port: port2 }; // prettier-ignore
      const worker = new Worker(this.file, { workerData, transferList: [port2] });
      const thread: Thread = { worker, port: port1 };
      worker.on('error', (error) => (thread.fault = error instanceof Error ? error.message : String(error)));
      worker.unref();
      this.threads.push(thread);
    }
  }

  /** Gives all threads a program to run later by its number. */
  load(program: ProgramMessage): void {
    for (const { port } of this.threads) port.postMessage(program);
  }

  /** Runs a program on all threads; `run` is the caller's part. Throws ThreadError if one fails. */
  run(program: number, run: () => void): void {
    const { words } = this;
    if (!this.areStarted) this.awaitStart();
    Atomics.store(words, CONTROL.program / 4, program);
    Atomics.add(words, CONTROL.command / 4, 1);
    if (Atomics.load(words, CONTROL.sleepers / 4) > 0) Atomics.notify(words, CONTROL.command / 4);
    try {
      run();
    } catch (error) {
      const failed = Atomics.load(words, CONTROL.failed / 4);
      if (failed === 0) throw error;
      throw new ThreadError(`thread ${failed} of the tensor engine has failed: ${this.reasonOf(failed)}`, { cause: error }); // prettier-ignore
    }
  }

  close(): void {
    Atomics.store(this.words, CONTROL.program / 4, -1);
    Atomics.add(this.words, CONTROL.command / 4, 1);
    Atomics.notify(this.words, CONTROL.command / 4);
    this.threads.length = 0;
  }

  private awaitStart(): void {
    const { words, threads } = this;
    for (let look = 0; ; look++) {
      const started = Atomics.load(words, CONTROL.started / 4);
      if (started === threads.length) break;
      // While the caller blocks here it gets no events from threads.
      const isMissing = look === 1 && !existsSync(this.file);
      const fault = isMissing ? 'their module is missing' : threads.find((thread) => thread.fault !== undefined)?.fault;
      if (fault !== undefined || look === LOOKS) {
        const reason = fault === undefined ? ` within ${(LOOK * LOOKS) / 1000} s` : `: ${fault}`;
        throw new ThreadError(
          `${threads.length - started} of ${threads.length + 1} threads of the tensor engine did not start${reason}; ` +
            `they run ${this.file.pathname}, and \`--threads 1\` needs none of them`,
        );
      }
      Atomics.wait(words, CONTROL.started / 4, started, LOOK);
    }
    this.areStarted = true;
  }

  private reasonOf(number: number): string {
    const { port, fault } = this.threads[number - 1];
    const received: { readonly message: unknown } | undefined = receiveMessageOnPort(port);
    return (received?.message as FailureMessage | undefined)?.reason ?? fault ?? 'for an unknown reason';
  }
}
