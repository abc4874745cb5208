/** The function `run(thread)` that takes every thread through the phases of a program. */
import type { ModuleEmitter } from './assembler.js';
import type { EmittedKernel } from './emit/kernel.js';

export type Phase = EmittedKernel[];

/** How a phase is carried out. */
export interface PhasePlan {
  /** Whether all threads take part; else the first does it alone. */
  readonly shared: boolean;
  /** The kernels in the order in which they are begun, each cut into tasks of `units` units, numbered from `start` to `end`. */
  readonly ranges: readonly {
    readonly kernel: EmittedKernel;
    readonly units: number;
    readonly start: number;
    readonly end: number;
  }[];
}

export interface DriverOptions {
  readonly threads: number;
  /** Address of three words: arrivals, generation and sleepers of the barrier. */
  readonly barrier: number;
  /** Address of the task counters, one word a phase, zeroed before each run. */
  readonly counters: number;
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** Work below this (in vector operations, some 10 microseconds) is done by the first thread alone. */
const SERIAL_WORK = 12_000;
/** Tasks that a phase is cut into: enough to even out threads that are held up. */
const TASKS = 16;
/** The least work of a task. */
const TASK_WORK = 4_000;
/** Polls of a barrier before a thread goes to sleep: some 100 microseconds. */
const SPINS = 20_000;

const work = (k: EmittedKernel): number => k.units * k.unitCost;

/** Cuts phases into tasks. Phases past the last counter stay serial; no real network has so many. */
export function planPhases(phases: readonly Phase[], threads: number, maxCounters: number): PhasePlan[] {
  return phases.map((phase, i) => {
    const total = phase.reduce((sum, k) => sum + work(k), 0);
    const shared = threads > 1 && total >= SERIAL_WORK && phase.some((k) => k.units > 1) && i < maxCounters;
    const grain = Math.max(TASK_WORK, total / TASKS);
    let tasks = 0;
    const ranges = [...phase]
      .sort((a, b) => work(b) - work(a))
      .map((kernel) => {
        const most = shared ? Math.min(kernel.units, Math.round(grain / Math.max(1, kernel.unitCost))) : kernel.units;
        const units = Math.max(1, most);
        const start = tasks;
        tasks += Math.ceil(kernel.units / units);
        return { kernel, units, start, end: tasks };
      });
    return { shared, ranges };
  });
}

/**
 * The order in which one of two threads takes the tasks of the largest kernel of a phase: a half of its own, then the other's from
 * its end. What a thread has just written, and its core still has, it so mostly reads itself. However many each comes to take, they
 * take different ones.
 */
export function ownOrder(thread: number, count: number): number[] {
  const half = Math.ceil(count / 2);
  const tasks = Array.from({ length: count }, (_, task) => task);
  const [lower, upper] = [tasks.slice(0, half), tasks.slice(half)];
  return thread === 0 ? [...lower, ...upper.reverse()] : [...upper, ...lower.reverse()];
}

/** Emits and exports the driver. */
export function emitDriver(module: ModuleEmitter, phases: readonly PhasePlan[], options: DriverOptions): void {
  const { threads, barrier, counters, scratch, scratchBytes } = options;
  const meet = threads > 1 ? emitBarrier(module, barrier, threads) : undefined;

  module.function({ parameters: ['i32'], export: 'run' }, (f, thread) => {
    const area = f.local('i32');
    const task = f.local('i32');
    const first = f.local('i32');
    const own = f.local('i32');
    f.get(thread).i32(scratchBytes).op('i32.mul').i32(scratch).op('i32.add').set(area);
    let apart = false;
    const join = (): void => {
      if (meet !== undefined) f.call(meet);
    };
    phases.forEach(({ shared, ranges }, i) => {
      if (!shared) {
        // Thread 0 needs the others' results; the others run ahead to the next meeting.
        if (i > 0 && phases[i - 1].shared) join();
        const all = (): void => ranges.forEach(({ kernel: k }) => f.i32(0).i32(k.units).get(area).call(k.function));
        if (threads === 1) all();
        else f.get(thread).op('i32.eqz').if(all);
        apart = true;
        return;
      }
      if (apart || (i > 0 && phases[i - 1].shared)) join();
      apart = false;
      const tasks = ranges[ranges.length - 1].end;
      if (threads === 2) f.i32(0).set(own);
      f.block(() => {
        f.loop(() => {
          f.i32(counters + 4 * i)
            .i32(1)
            .mem('i32.atomic.rmw.add')
            .tee(task)
            .i32(tasks)
            .op('i32.ge_u')
            .branchIf(1);
          if (threads === 2) {
            // `ownOrder` of the largest kernel; the smaller ones come last, which evens the threads out.
            const count = ranges[0].end;
            const half = Math.ceil(count / 2);
            const turn = (from: number, size: number, rest: number): void => {
              f.get(own).i32(size).op('i32.lt_u').if(
                () => f.get(own).i32(from).op('i32.add').set(task),
                () => f.i32(rest).get(own).op('i32.sub').set(task),
              ); // prettier-ignore
            };
            f.get(task).i32(count).op('i32.lt_u');
            f.if(() => {
              f.get(thread).if(
                () => turn(half, count - half, count - 1),
                () => turn(0, half, count - 1 + half),
              );
              f.bump(own, 1);
            });
          }
          const dispatch = (r: number): void => {
            const { kernel, units, start, end } = ranges[r];
            const call = (): void => {
              f.get(task).i32(start).op('i32.sub').i32(units).op('i32.mul').tee(first);
              f.get(first).i32(units).op('i32.add').tee(first).i32(kernel.units).get(first).i32(kernel.units);
              f.op('i32.lt_u', 'select').get(area).call(kernel.function);
            };
            if (r === ranges.length - 1) call();
            else
              f.get(task)
                .i32(end)
                .op('i32.lt_u')
                .if(call, () => dispatch(r + 1));
          };
          dispatch(0);
          f.branch(0);
        });
      });
    });
    // Nobody leaves before all work is done.
    if (phases[phases.length - 1]?.shared) join();
  });
}

/** A barrier for `threads` threads: polls for a while, then sleeps. Returns its function's index. */
function emitBarrier(module: ModuleEmitter, address: number, threads: number): number {
  const [arrivals, generation, sleepers] = [address, address + 4, address + 8];
  return module.function({ parameters: [] }, (f) => {
    const seen = f.local('i32');
    const polls = f.local('i32');
    f.i32(generation).mem('i32.atomic.load').set(seen);
    f.i32(arrivals).i32(1).mem('i32.atomic.rmw.add').i32(threads - 1).op('i32.eq').if(
      () => {
        f.i32(arrivals).i32(0).mem('i32.atomic.store');
        f.i32(generation).i32(1).mem('i32.atomic.rmw.add').op('drop');
        f.i32(sleepers).mem('i32.atomic.load').if(() => f.i32(generation).i32(-1).mem('memory.atomic.notify').op('drop'));
      },
      () => {
        f.i32(SPINS).set(polls);
        f.block(() => {
          f.loop(() => {
            f.i32(generation).mem('i32.atomic.load').get(seen).op('i32.ne').branchIf(1);
            f.get(polls).i32(1).op('i32.sub').tee(polls).branchIf(0);
            f.i32(sleepers).i32(1).mem('i32.atomic.rmw.add').op('drop');
            f.i32(generation).get(seen).i64(-1).mem('memory.atomic.wait32').op('drop');
            f.i32(sleepers).i32(-1).mem('i32.atomic.rmw.add').op('drop');
            f.i32(1).set(polls).branch(0);
          });
        });
      },
    ); // prettier-ignore
  });
}
