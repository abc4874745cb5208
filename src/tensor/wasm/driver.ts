/** The function `run(thread)` that takes every thread through the steps of a program. */
import { phasesOf, type PhasePlan, type PhaseStep } from '../compiler/tasks.js';
import type { FunctionEmitter, I32Local, ModuleEmitter } from './assembler.js';
import type { EmittedKernel } from './emit/kernel.js';

export interface DriverOptions {
  readonly threads: number;
  /** Address of three words: arrivals, generation and sleepers of the barrier. */
  readonly barrier: number;
  /** Address of a word that is not 0 once a thread has failed, so that the others stop waiting for it. */
  readonly failed: number;
  /** Address of the word that counts the tasks taken in a phase. It is 0 before every phase: meeting at the barrier makes it so. */
  readonly counter: number;
  readonly scratch: number;
  readonly scratchBytes: number;
}

/** Polls of a barrier before a thread goes to sleep: some 100 microseconds. */
const SPINS = 20_000;
/** Nanoseconds that a thread sleeps at most before it looks whether another has failed. */
const NAP = 1e9;
/** Kernels of a phase that are told apart one by one. */
const FEW = 8;

type Phase = PhasePlan<EmittedKernel>;
type Steps = readonly PhaseStep<Phase>[];

const isShared = (steps: Steps): boolean => phasesOf(steps).some(({ shared }) => shared);

/** Emits and exports the driver. */
export function emitDriver(module: ModuleEmitter, steps: Steps, options: DriverOptions): void {
  const { threads, scratch, scratchBytes } = options;
  const meet = threads > 1 && isShared(steps) ? emitBarrier(module, options) : undefined;
  module.function({ parameters: ['i32'], export: 'run' }, (f, thread) => {
    const area = f.local('i32');
    f.get(thread).i32(scratchBytes).op('i32.mul').i32(scratch).op('i32.add').set(area);
    const driver = new Driver(f, thread, area, options, meet);
    driver.go(steps);
    // No thread leaves before all work is done.
    driver.meetAfterTasks();
  });
}

class Driver {
  private readonly task: I32Local;
  private readonly first: I32Local;
  private readonly own: I32Local;
  /** Since the threads last met: whether the first one has worked alone, and whether they have shared work. */
  private alone = false;
  private together = false;

  constructor(
    private readonly f: FunctionEmitter,
    private readonly thread: I32Local,
    private readonly area: I32Local,
    private readonly options: DriverOptions,
    private readonly meet: number | undefined,
  ) {
    [this.task, this.first, this.own] = [f.local('i32'), f.local('i32'), f.local('i32')];
  }

  go(steps: Steps): void {
    for (const step of steps) {
      if ('phase' in step) {
        if (step.phase.shared) this.share(step.phase);
        else this.byFirst(() => this.callAll(step.phase));
      } else if (isShared(step.body)) this.repeatTogether(step.trips, step.body);
      else this.byFirst(() => this.loop(step.trips, () => this.callAllIn(step.body)));
    }
  }

  private join(): void {
    if (this.meet !== undefined) this.f.call(this.meet);
    [this.alone, this.together] = [false, false];
  }

  meetAfterTasks(): void {
    if (this.together) this.join();
  }

  private meetAfterAnything(): void {
    if (this.alone || this.together) this.join();
  }

  /** Work of thread 0, which needs the others' results; they run ahead to the next meeting. */
  private byFirst(work: () => void): void {
    this.meetAfterTasks();
    if (this.options.threads === 1) work();
    else this.f.get(this.thread).op('i32.eqz').if(work);
    this.alone = true;
  }

  private callAll({ ranges }: Phase): void {
    for (const { kernel } of ranges) this.f.i32(0).i32(kernel.units).get(this.area).call(kernel.function);
  }

  private callAllIn(steps: Steps): void {
    for (const step of steps) {
      if ('phase' in step) this.callAll(step.phase);
      else this.loop(step.trips, () => this.callAllIn(step.body));
    }
  }

  /** Runs `body` as often as the word at an address says. */
  private loop(trips: number, body: () => void): void {
    const { f } = this;
    const left = f.local('i32');
    f.i32(trips).mem('i32.load').tee(left).i32(0).op('i32.gt_s');
    f.if(() => {
      f.loop(() => {
        body();
        f.get(left).i32(1).op('i32.sub').tee(left).branchIf(0);
      });
    });
  }

  /** A loop that every thread runs. All see the same trip count, and synchronize between trips. */
  private repeatTogether(trips: number, body: Steps): void {
    this.meetAfterAnything();
    this.loop(trips, () => {
      this.go(body);
      this.meetAfterAnything();
    });
  }

  /** A phase: each thread takes one task after another until none is left. */
  private share({ ranges }: Phase): void {
    const { f, task } = this;
    const { threads, counter } = this.options;
    this.meetAfterAnything();
    const tasks = ranges[ranges.length - 1].end;
    if (threads === 2) f.i32(0).set(this.own);
    f.block(() => {
      f.loop(() => {
        f.i32(counter).i32(1).mem('i32.atomic.rmw.add').tee(task).i32(tasks).op('i32.ge_u').branchIf(1);
        if (threads === 2) this.takeOwn(ranges[0].end);
        this.dispatch(ranges);
        f.branch(0);
      });
    });
    this.together = true;
  }

  /** `ownOrder` of the tasks of the largest kernel; the smaller ones come last, which evens the threads out. */
  private takeOwn(count: number): void {
    const { f, task, own } = this;
    const half = Math.ceil(count / 2);
    const turn = (from: number, size: number, rest: number): void => {
      f.get(own).i32(size).op('i32.lt_u').if(
        () => f.get(own).i32(from).op('i32.add').set(task),
        () => f.i32(rest).get(own).op('i32.sub').set(task),
      ); // prettier-ignore
    };
    f.get(task).i32(count).op('i32.lt_u');
    f.if(() => {
      f.get(this.thread).if(
        () => turn(half, count - half, count - 1),
        () => turn(0, half, count - 1 + half),
      );
      f.bump(own, 1);
    });
  }

  /** Calls the kernel that the task belongs to: tested in turn if there are few, found by binary search if many. */
  private dispatch(ranges: Phase['ranges']): void {
    const { f, task } = this;
    if (ranges.length === 1) return this.perform(ranges[0]);
    const split = ranges.length > FEW ? ranges.length >> 1 : 1;
    f.get(task)
      .i32(ranges[split - 1].end)
      .op('i32.lt_u');
    f.if(
      () => this.dispatch(ranges.slice(0, split)),
      () => this.dispatch(ranges.slice(split)),
    );
  }

  private perform({ kernel, units, start }: Phase['ranges'][number]): void {
    const { f, task, first, area } = this;
    f.get(task).i32(start).op('i32.sub').i32(units).op('i32.mul').tee(first);
    f.get(first).i32(units).op('i32.add').tee(first).i32(kernel.units).get(first).i32(kernel.units);
    f.op('i32.lt_u', 'select').get(area).call(kernel.function);
  }
}

/**
 * A barrier for all threads: polls for a while, then sleeps. The last to arrive, when no thread takes a task any more, makes the counter 0.
 * Traps where a thread has failed. Returns its function's index.
 */
function emitBarrier(module: ModuleEmitter, { barrier, counter, failed, threads }: DriverOptions): number {
  const [arrivals, generation, sleepers] = [barrier, barrier + 4, barrier + 8];
  return module.function({ parameters: [] }, (f) => {
    const seen = f.local('i32');
    const polls = f.local('i32');
    f.i32(generation).mem('i32.atomic.load').set(seen);
    f.i32(arrivals).i32(1).mem('i32.atomic.rmw.add').i32(threads - 1).op('i32.eq').if(
      () => {
        f.i32(arrivals).i32(0).mem('i32.atomic.store');
        f.i32(counter).i32(0).mem('i32.atomic.store');
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
            f.i32(generation).get(seen).i64(NAP).mem('memory.atomic.wait32').op('drop');
            f.i32(sleepers).i32(-1).mem('i32.atomic.rmw.add').op('drop');
            f.i32(failed).mem('i32.atomic.load').if(() => f.op('unreachable'));
            f.i32(1).set(polls).branch(0);
          });
        });
      },
    ); // prettier-ignore
  });
}
