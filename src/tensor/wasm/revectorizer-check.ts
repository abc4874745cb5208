/**
 * V8's revectorizer is experimental. Before a process relies on it, a small program is computed twice: by V8's baseline compiler,
 * which pairs nothing, and by the optimizing one. Both must give the same bits.
 */
import { setFlagsFromString } from 'node:v8';
import type { Executable, Program, Session, TypedValues } from '../backend.js';
import { grad } from '../grad.js';
import type { Node } from '../graph.js';
import {
  abs, add, bitXor, broadcastTo, cast, div, exp, floor, input, iota, log, lt, matmul, maximum, mul, neg, reduceSum, reshape, select,
  shiftLeft, shiftRight, sqrt,
} from '../primitives/index.js'; // prettier-ignore
import { sizeOf } from '../shape.js';
import { type Features, withoutPairs } from './features.js';

/** A session whose results can be looked at without waiting, as a check before the first session must. */
interface ViewedSession extends Pick<Session, 'write' | 'reserve' | 'close'> {
  compile(program: Program): Pick<Executable, 'run'> & { readonly views: readonly TypedValues[] };
}

/** No multiples of a tile, so that its edges count too. */
const [ROWS, INNER, COLUMNS] = [7, 19, 35];
/** V8's own default in all versions that pair. */
const TIERING_BUDGET = 13_000_000;

/**
 * The features to use: without 256-bit pairs, which `turnOff` then takes from V8, where they compute anything else than plain SIMD.
 * `open` opens a session with the features given.
 */
export function checkedFeatures<F extends Pick<Features, 'wide'>>(
  probed: F,
  open: (features: F) => ViewedSession,
  turnOff: () => void = withoutPairs,
): F {
  if (!probed.wide || agrees(() => open(probed))) return probed;
  process.emitWarning(
    `the revectorizer of V8 ${process.versions.v8} computes other results than plain SIMD and stays off: matrix products will be slower`,
    { code: 'NN_REVECTORIZER' },
  );
  turnOff();
  return { ...probed, wide: false };
}

/** Whether both compilers compute the same: a dense layer, an exponential after it, all derivatives, and a chain of other operations. */
export function agrees(open: () => ViewedSession): boolean {
  const plain = compute(open(), 1);
  // Each function is compiled anew, at once, when it has run for the first time.
  setFlagsFromString('--wasm-sync-tier-up');
  setFlagsFromString('--wasm-tiering-budget=1');
  try {
    const session = open();
    // V8 shares code between modules of the same bytes: other addresses make others of them.
    session.reserve(64);
    const optimized = compute(session, 3);
    return plain.every((bits, i) => bits.every((word, j) => word === optimized[i][j]));
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`);
    setFlagsFromString('--no-wasm-sync-tier-up');
  }
}

/** Element-wise operations of all kinds that loops pair. */
function chain(x: Node): Node {
  const word = reshape(iota([sizeOf(x.shape)], 0), x.shape);
  const mixed = cast(shiftRight(bitXor(shiftLeft(mul(word, 40503), 7), shiftRight(word, 3)), 8), 'f32');
  const whole = cast(cast(mul(x, 9), 'i32'), 'f32');
  const inRange = select(lt(x, 0.3), sqrt(abs(x)), div(floor(mul(x, 7)), add(maximum(whole, 0), 2)));
  return add(inRange, log(add(mixed, 1)));
}

/** The bits of all results after so many runs. */
function compute(session: ViewedSession, runs: number): Int32Array[] {
  const features = input('features', [ROWS, INNER]);
  const weights = input('weights', [INNER, COLUMNS]);
  const bias = input('bias', [COLUMNS]);
  const logits = add(matmul(features, weights), broadcastTo(bias, [ROWS, COLUMNS]));
  const inputs: Node[] = [features, weights, bias];
  const values = exp(neg(maximum(logits, neg(logits))));
  const outputs = [values, ...grad(reduceSum(values, [0, 1]), inputs), chain(features)];
  const executable = session.compile({ name: 'revectorizer check', outputs, updates: [] });
  for (const node of inputs)
    session.write(
      node,
      Float32Array.from({ length: sizeOf(node.shape) }, (_, i) => ((37 * i) % 101) / 50 - 1),
    );
  for (let run = 0; run < runs; run++) executable.run();
  const bits = executable.views.map(({ buffer, byteOffset, length }) =>
    new Int32Array(buffer, byteOffset, length).slice(),
  );
  session.close();
  return bits;
}
