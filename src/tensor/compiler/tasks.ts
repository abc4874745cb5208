/** How the threads share the work of a phase: every kernel is cut into tasks, and each thread takes the next one that is left. */

/** What can be cut: units of independent work, and roughly what one costs in vector operations. */
export interface Work {
  readonly units: number;
  readonly unitCost: number;
}

/** Work in order: phases, whose parts may run side by side, and loops. */
export type PhaseStep<P> = { readonly phase: P } | Loop<P>;

/** Steps that run as many times as the integer at address `trips` says when the loop begins. */
export interface Loop<P> {
  readonly trips: number;
  readonly body: readonly PhaseStep<P>[];
}

/** The same steps with other phases. */
export const mapPhases = <P, Q>(steps: readonly PhaseStep<P>[], change: (phase: P) => Q): PhaseStep<Q>[] =>
  steps.map((step) =>
    'phase' in step ? { phase: change(step.phase) } : { trips: step.trips, body: mapPhases(step.body, change) },
  );

/** All phases, those of loops once. */
export const phasesOf = <P>(steps: readonly PhaseStep<P>[]): P[] =>
  steps.flatMap((step) => ('phase' in step ? [step.phase] : phasesOf(step.body)));

/** How a phase is carried out. */
export interface PhasePlan<K extends Work> {
  /** Whether all threads take part; else the first does it alone. */
  readonly shared: boolean;
  /** The kernels in the order in which they are begun, each cut into tasks of `units` units, numbered from `start` to `end`. */
  readonly ranges: readonly {
    readonly kernel: K;
    readonly units: number;
    readonly start: number;
    readonly end: number;
  }[];
}

/** Work below this (in vector operations, some 10 microseconds) is done by the first thread alone. */
const SERIAL_WORK = 12_000;
/** Tasks that a phase is cut into: enough to balance the load when a thread is delayed. */
const TASKS = 16;
/** The least work of a task. */
const TASK_WORK = 4_000;

const workOf = (k: Work): number => k.units * k.unitCost;

/** Cuts a phase into tasks. */
export function planPhase<K extends Work>(phase: readonly K[], threads: number): PhasePlan<K> {
  const total = phase.reduce((sum, k) => sum + workOf(k), 0);
  const shared = threads > 1 && total >= SERIAL_WORK && phase.some((k) => k.units > 1);
  const grain = Math.max(TASK_WORK, total / TASKS);
  let tasks = 0;
  const ranges = [...phase]
    .sort((a, b) => workOf(b) - workOf(a))
    .map((kernel) => {
      const most = shared ? Math.min(kernel.units, Math.round(grain / Math.max(1, kernel.unitCost))) : kernel.units;
      const units = Math.max(1, most);
      const start = tasks;
      tasks += Math.ceil(kernel.units / units);
      return { kernel, units, start, end: tasks };
    });
  return { shared, ranges };
}

/**
 * The order in which one of two threads takes the tasks of the largest kernel of a phase: a half of its own, then the other's from
 * its end. So a thread mostly reads what it has just written, which its core still has in cache. However many tasks each takes, no
 * task is taken twice.
 */
export function ownOrder(thread: number, count: number): number[] {
  const half = Math.ceil(count / 2);
  const tasks = Array.from({ length: count }, (_, task) => task);
  const [lower, upper] = [tasks.slice(0, half), tasks.slice(half)];
  return thread === 0 ? [...lower, ...upper.reverse()] : [...upper, ...lower.reverse()];
}
