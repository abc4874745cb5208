/** A worker thread of a session: waits for a command, runs that program, waits again. */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';

/** What the thread is started with. */
export interface SessionThreadData {
  readonly memory: WebAssembly.Memory;
  /** Its number; 0 is the thread that opened the session. */
  readonly thread: number;
  /** Addresses of the control words. */
  readonly control: {
    readonly command: number;
    readonly program: number;
    readonly sleepers: number;
    readonly started: number;
    readonly failed: number;
    readonly end: number;
  };
  /** Polls for a command before it goes to sleep. */
  readonly spins: number;
  /** Receives programs and reports a failure. */
  readonly port: MessagePort;
}

/** A program, which commands refer to by its number. */
export interface ProgramMessage {
  readonly module: WebAssembly.Module;
  readonly number: number;
}

/** Why a thread ends before its session does. */
export interface FailureMessage {
  readonly reason: string;
}

const { memory, thread, control, spins, port } = workerData as SessionThreadData;
const words = new Int32Array(memory.buffer, 0, control.end / 4);
const [command, current, sleepers] = [control.command / 4, control.program / 4, control.sleepers / 4];
const programs: ((thread: number) => void)[] = [];

/** Waits until there is another command than the last one. */
function nextCommand(last: number): number {
  let polls = spins;
  while (Atomics.load(words, command) === last) {
    if (--polls > 0) continue;
    Atomics.add(words, sleepers, 1);
    Atomics.wait(words, command, last);
    Atomics.sub(words, sleepers, 1);
  }
  return Atomics.load(words, command);
}

/** Takes programs from the port until this one is there. */
function programOf(id: number): (thread: number) => void {
  while (programs[id] === undefined) {
    const received: { readonly message: unknown } | undefined = receiveMessageOnPort(port);
    if (received === undefined) continue;
    const { module, number } = received.message as ProgramMessage;
    programs[number] = new WebAssembly.Instance(module, { env: { memory } }).exports.run as (thread: number) => void;
  }
  return programs[id];
}

function work(): void {
  for (let last = nextCommand(0); ; last = nextCommand(last)) {
    const id = Atomics.load(words, current);
    // A closed session does not ask for a program.
    if (id < 0) return;
    programOf(id)(thread);
  }
}

Atomics.add(words, control.started / 4, 1);
Atomics.notify(words, control.started / 4);
try {
  work();
} catch (error) {
  // The others wait for this one at a barrier, where all they see is the failed word.
  port.postMessage({ reason: String(error) } satisfies FailureMessage);
  Atomics.compareExchange(words, control.failed / 4, 0, thread);
}
