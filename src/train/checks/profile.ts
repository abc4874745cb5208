/** Where a training step's time goes: its kernels one by one, what they belong to, and the whole step on one and on all threads. */
import {
  add, type Executable, GRADIENT_SUFFIX, input, type KernelProfile, type KernelSpan, matmul, type Session,
} from '../../tensor/index.js'; // prettier-ignore
import type { LoadedData } from '../../data/index.js';
import type { ExperimentConfig } from '../schema.js';
import type { TrainingOutputs } from '../step/step.js';
import { Stepper } from '../step/stepper.js';
import { epochOrder } from '../loop/epoch-order.js';
import { planOf } from '../loop/plan.js';

/** Engines compile in the background while a step warms up; much less and unoptimized code would be timed. */
const WARM_UP_MS = 1000;
const TIMED_MS = 500;
/** Runs of the step by kernel, and with time stamps. */
const FEWEST_RUNS = 5;
const MOST_RUNS = 200;
const TRACED_RUNS = 15;

/** Median and minimum time of a call. */
interface Timing {
  readonly milliseconds: number;
  readonly fastest: number;
}

export interface ProfiledKernel extends KernelProfile {
  /** `layers.0 (dense)`, or a part of the step such as `loss` or `optimizer`. */
  readonly layer: string;
  /** What it does there, such as `weight gradient`. */
  readonly task: string;
  /** Of all kernels' time, from 0 to 1. */
  readonly share: number;
}

export interface StepProfile {
  readonly batchSize: number;
  /** In the order in which they run. */
  readonly kernels: readonly ProfiledKernel[];
  /** Time of all kernels by layer, the largest first. */
  readonly layers: readonly { readonly layer: string; readonly milliseconds: number; readonly share: number }[];
  readonly phases: { readonly total: number; readonly shared: number };
  /** A whole step with so many threads. */
  readonly steps: readonly ({ readonly threads: number } & Timing)[];
  /** What a large matrix product reaches on one thread, in GFLOP/s. */
  readonly limit: number;
  /** What a sum of two tensors that no cache holds moves on one thread, in GB/s. What fits a cache may be faster. */
  readonly bandwidth: number;
  /** Which thread worked on what in one step on all threads. */
  readonly timeline: readonly KernelSpan[];
}

/** Thrown where a backend has no kernels to time. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError';
}

/** Times the training step of an experiment on `threads` threads in sessions that `open` gives. */
export async function profileStep(
  open: (threads: number) => Session,
  config: ExperimentConfig,
  data: LoadedData,
  threads: number,
): Promise<StepProfile> {
  const { batchSize } = planOf(config, data.train.size);
  const alone =
    threads === 1 ? [] : [await within(open(1), async (session) => (await timeStep(session, config, data)).timing)];
  return within(open(threads), async (session) => {
    const { executable, timing } = await timeStep(session, config, data);
    const runs = Math.round(Math.min(MOST_RUNS, Math.max(FEWEST_RUNS, TIMED_MS / timing.milliseconds)));
    const times = executable.profile(runs);
    const total = times.reduce((sum, kernel) => sum + kernel.milliseconds, 0);
    const kernels = times.map((kernel) => ({ ...kernel, ...describe(kernel), share: kernel.milliseconds / total }));
    const phases = new Map(kernels.map(({ phase, shared }) => [phase, shared]));
    return {
      batchSize,
      kernels,
      layers: byLayer(kernels),
      phases: { total: phases.size, shared: [...phases.values()].filter(Boolean).length },
      steps: [...alone.map((time) => ({ threads: 1, ...time })), { threads, ...timing }],
      limit: await within(open(1), measureLimit),
      bandwidth: await within(open(1), measureBandwidth),
      timeline: executable.trace(TRACED_RUNS),
    };
  });
}

type Profiled = Required<Executable>;

const hasKernels = (executable: Executable): executable is Profiled =>
  executable.profile !== undefined && executable.trace !== undefined;

async function within<T>(session: Session, work: (session: Session) => T | Promise<T>): Promise<T> {
  try {
    return await work(session);
  } finally {
    session.close();
  }
}

/** Warms a step up as training does, on the batches of the first epoch, and times it. */
async function timeStep(
  session: Session,
  config: ExperimentConfig,
  data: LoadedData,
): Promise<{ executable: Profiled; timing: Timing }> {
  const { train, affine } = data;
  const { batchSize } = planOf(config, train.size);
  const stepper = new Stepper(session, config, train, batchSize, { affine });
  await stepper.initialize();
  const order = epochOrder(config, train, 1);
  const batches = Math.floor(train.size / batchSize);
  let step = 0;
  const run = (): Executable<TrainingOutputs> => {
    const first = (step % batches) * batchSize;
    return stepper.run(order.subarray(first, first + batchSize), step++, config.optimizer.lr);
  };
  const executable = run();
  if (!hasKernels(executable)) throw new ProfileError('this backend has no kernels to time; use --backend wasm');
  repeat(run, WARM_UP_MS);
  const timing = repeat(run, TIMED_MS);
  const { health } = await executable.read();
  if (health[0] !== 0) throw new ProfileError(`step ${health[0]} is not finite; profile what trains`);
  return { executable, timing };
}

/** Calls `run` for so many milliseconds, a few times at least. */
function repeat(run: () => unknown, milliseconds: number): Timing {
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  while (times.length < FEWEST_RUNS || performance.now() < end) {
    const start = performance.now();
    run();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { milliseconds: times[times.length >> 1], fastest: times[0] };
}

function measureLimit(session: Session): number {
  const size = 512;
  const product = matmul(input('limit.a', [size, size]), input('limit.b', [size, size]));
  const executable = session.compile({ name: 'limit', outputs: [product], updates: [] });
  repeat(() => executable.run(), TIMED_MS);
  // Other load on the machine must not lower a limit.
  return (2 * size ** 3) / repeat(() => executable.run(), TIMED_MS).fastest / 1e6;
}

function measureBandwidth(session: Session): number {
  const size = 2 ** 23;
  const sum = add(input('limit.a', [size]), input('limit.b', [size]));
  const executable = session.compile({ name: 'limit', outputs: [sum], updates: [] });
  return (3 * Float32Array.BYTES_PER_ELEMENT * size) / repeat(() => executable.run(), TIMED_MS).fastest / 1e6;
}

const tasks: Readonly<Record<string, string>> = {
  conv: 'convolution',
  conv_weight: 'weight gradient',
  conv_input: 'input gradient',
  matmul: 'matrix product',
  loop: 'element-wise',
  reduce_sum: 'sum',
  reduce_max: 'maximum',
  pool_max_gather: 'max pooling',
  pool_max_scatter: 'max pooling gradient',
  pool_sum: 'average pooling',
  pool_sum_grad: 'average pooling gradient',
};

/** What a kernel belongs to, and what it does there. */
function describe({ scope, kind, reads, updates }: KernelProfile): { layer: string; task: string } {
  const isGradient = scope.endsWith(GRADIENT_SUFFIX);
  const layer = isGradient ? scope.slice(0, -GRADIENT_SUFFIX.length) : scope;
  const [op, stage = ''] = kind.split(/(?= \()/);
  const name = tasks[op] ?? op.replaceAll('_', ' ');
  const parameters = updates.filter((update) => !/^optimizer\.\w+\./.test(update));
  if (kind === 'loop' && parameters.length > 0) return { layer, task: `update of ${parameters.join(', ')}` };
  if (!isGradient) return { layer, task: name + stage };
  // A product with the weights carries the gradient on to the layer's input; one without makes the weights' own.
  if (op === 'matmul') return { layer, task: `${reads.length > 0 ? 'input' : 'weight'} gradient` };
  return { layer, task: name.includes('gradient') ? name + stage : `${name} for the gradient${stage}` };
}

function byLayer(kernels: readonly ProfiledKernel[]): StepProfile['layers'] {
  const totals = new Map<string, { milliseconds: number; share: number }>();
  for (const { layer, milliseconds, share } of kernels) {
    const known = totals.get(layer) ?? { milliseconds: 0, share: 0 };
    totals.set(layer, { milliseconds: known.milliseconds + milliseconds, share: known.share + share });
  }
  return [...totals].map(([layer, total]) => ({ layer, ...total })).sort((a, b) => b.milliseconds - a.milliseconds);
}
