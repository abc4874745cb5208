/**
 * Random programs for fuzzing a compiler: graphs of 8 to 40 nodes that mix everything a fused kernel may meet (element-wise
 * chains, reductions and what follows them, broadcasts, moved elements, products with epilogues, random masks), with shared
 * subexpressions, several outputs and state updates.
 *
 * A float32 backend can be compared with the float64 reference because values stay of order one and nothing jumps: comparisons
 * and argmax see only inputs and random bits, which are exact in both.
 */
import { type Program } from '../../../src/tensor/backend.js';
import { type DType } from '../../../src/tensor/graph.js';
import {
  abs,
  add,
  argmax,
  avgPool,
  broadcastTo,
  cast,
  concat,
  conv,
  cos,
  div,
  erf,
  exp,
  gather,
  grad,
  gt,
  type HostRandom,
  input,
  iota,
  log1p,
  lt,
  matmul,
  matrixTranspose,
  maximum,
  maxPool,
  minimum,
  mul,
  neg,
  type Node,
  pad,
  pow,
  randomBits,
  reduceMax,
  reduceSum,
  reshape,
  reverse,
  scatterAdd,
  select,
  type Shape,
  shiftRight,
  sin,
  sizeOf,
  slice,
  sqrt,
  sub,
  tanh,
  topologicalOrder,
  transpose,
} from '../../../src/tensor/index.js';
import { type GraphInput } from './random-graph.js';
import { between, chance, pick, randomSize, tiedValues, uniformValues, whole } from './random-values.js';

export interface RandomProgram {
  readonly program: Program<readonly Node[]>;
  readonly inputs: readonly GraphInput[];
}

/** Most elements of one tensor. */
const LIMIT = 1500;

class ProgramDraft {
  readonly inputs: GraphInput[] = [];
  /** The float tensors so far; newer ones are chosen more often, so that chains grow. */
  readonly pool: Node[] = [];
  /** A few axis sizes shared by all tensors, so that operands fit each other often. */
  private readonly sizes: readonly number[];

  constructor(
    readonly random: HostRandom,
    readonly smooth: boolean,
  ) {
    this.sizes = Array.from({ length: 3 }, () => randomSize(random, 17));
  }

  shape(rank: number): number[] {
    const shape = Array.from({ length: rank }, () => pick(this.random, this.sizes));
    while (sizeOf(shape) > LIMIT) shape[shape.indexOf(Math.max(...shape))] = 1;
    return shape;
  }

  of(shape: Shape, dtype: DType = 'f32', values: readonly number[] = uniformValues(this.random, shape, -1, 1)): Node {
    const node = input(`in${this.inputs.length}`, shape, dtype);
    this.inputs.push({ node, values });
    return node;
  }

  any(): Node {
    const recent = chance(this.random, 0.6) ? this.pool.slice(-4) : this.pool;
    return pick(this.random, recent);
  }

  /** A float tensor that broadcasts against `shape` without growing it. */
  matching(shape: Shape): Node {
    const fits = this.pool.filter(
      (n) =>
        n.shape.length <= shape.length &&
        n.shape.every((size, d) => size === 1 || size === shape[d + shape.length - n.shape.length]),
    );
    if (fits.length > 0 && chance(this.random, 0.8)) return pick(this.random, fits);
    return this.of(
      shape.slice(whole(this.random, 0, shape.length)).map((size) => (chance(this.random, 0.3) ? 1 : size)),
    );
  }

  matrix(): Node {
    const x = this.any();
    if (x.shape.length >= 2) return x;
    return x.shape.length === 1
      ? reshape(x, chance(this.random, 0.5) ? [1, -1] : [-1, 1])
      : broadcastTo(x, this.shape(2));
  }

  image(): Node {
    const x = this.any();
    if (x.shape.length === 4) return x;
    const ones = new Array<number>(Math.max(0, 4 - x.shape.length)).fill(1);
    return this.random.below(2) === 0
      ? reshape(x, [...ones, ...x.shape])
      : this.of([2, 7, 5, pick(this.random, [1, 3, 4])]);
  }
}

type Step = (draft: ProgramDraft) => Node;

/** Values of order one whatever the operand: each is bounded by its argument or by one. */
const unaries: readonly ((x: Node) => Node)[] = [
  tanh, erf, sin, cos, neg,
  (x) => exp(neg(mul(x, x))),
  (x) => log1p(mul(x, x)),
  (x) => sqrt(add(mul(x, x), 0.5)),
  (x) => pow(add(mul(x, x), 0.5), 0.3),
  (x) => div(1, add(exp(minimum(neg(x), 20)), 1)),
]; // prettier-ignore

const axesOf = ({ random }: ProgramDraft, x: Node): number[] => {
  const axes = x.shape.map((_, d) => d).filter(() => chance(random, 0.5));
  return axes.length > 0 ? axes : [random.below(x.shape.length)];
};

const mean = (x: Node, axes: readonly number[]): Node => div(reduceSum(x, axes), axes.reduce((n, d) => n * x.shape[d], 1)); // prettier-ignore

/** What follows a product: bias and activation, sometimes. */
function epilogue(draft: ProgramDraft, x: Node): Node {
  const biased = chance(draft.random, 0.6) ? add(x, draft.of(x.shape.slice(-1))) : x;
  if (chance(draft.random, 0.4)) return biased;
  return draft.smooth ? tanh(biased) : maximum(0, biased);
}

const smoothSteps: readonly Step[] = [
  (draft) => pick(draft.random, unaries)(draft.any()),
  (draft) => pick(draft.random, unaries)(pick(draft.random, unaries)(draft.any())),
  (draft) => {
    const x = draft.any();
    const y = draft.matching(x.shape);
    const operation = pick(draft.random, [add, sub, (a: Node, b: Node) => mul(tanh(a), b), (a: Node, b: Node) => div(a, add(mul(b, b), 1))]); // prettier-ignore
    return operation(x, y);
  },
  (draft) => add(mul(draft.any(), between(draft.random, -1, 1)), between(draft.random, -1, 1)),
  (draft) => {
    const x = draft.any();
    return x.shape.length === 0 ? tanh(x) : mean(x, axesOf(draft, x));
  },
  // Centred by its mean along some axes, as normalization does: a reduction broadcast back into its own operand.
  (draft) => {
    const x = draft.any();
    if (x.shape.length === 0) return sin(x);
    const axes = axesOf(draft, x);
    const kept = x.shape.map((size, d) => (axes.includes(d) ? 1 : size));
    const centred = sub(x, reshape(mean(x, axes), kept));
    return chance(draft.random, 0.5) ? centred : div(centred, sqrt(add(reshape(mean(mul(centred, centred), axes), kept), 0.1))); // prettier-ignore
  },
  (draft) => transpose(draft.any()),
  (draft) => {
    const x = draft.any();
    return transpose(x, [...draft.random.permutation(x.shape.length)]);
  },
  (draft) => reshape(draft.any(), [-1]),
  (draft) => {
    const x = draft.any();
    const wider = [pick(draft.random, [2, 3, 5]), ...x.shape];
    return sizeOf(wider) > LIMIT || wider.length > 4 ? neg(x) : broadcastTo(x, wider);
  },
  (draft) => {
    const x = draft.any();
    const start = x.shape.map((size) => draft.random.below(size));
    const stop = x.shape.map((size, d) => whole(draft.random, start[d] + 1, size));
    const step = x.shape.map(() => whole(draft.random, 1, 2));
    return slice(x, start, stop, step);
  },
  (draft) => {
    const x = draft.any();
    const amounts = (): number[] => x.shape.map(() => (chance(draft.random, 0.6) ? 0 : whole(draft.random, 1, 2)));
    const padded = pad(x, amounts(), amounts(), amounts().map((v) => Math.min(v, 1)), pick(draft.random, [0, 0, 0.5])); // prettier-ignore
    return sizeOf(padded.shape) > LIMIT ? tanh(x) : padded;
  },
  (draft) => {
    const x = draft.any();
    if (x.shape.length === 0 || sizeOf(x.shape) * 3 > LIMIT) return cos(x);
    return concat(pick(draft.random, [[x, tanh(x)], [neg(x), x, x]]), draft.random.below(x.shape.length)); // prettier-ignore
  },
  (draft) => {
    const x = draft.any();
    return x.shape.length === 0 ? erf(x) : reverse(x, axesOf(draft, x));
  },
  (draft) => {
    const x = draft.matrix();
    const [rows, inner] = x.shape.slice(-2);
    const columns = randomSize(draft.random, Math.min(33, LIMIT / rows));
    const other = pick(draft.random, [draft.of([inner, columns]), matrixTranspose(draft.of([columns, inner])), matrixTranspose(x)]); // prettier-ignore
    return epilogue(draft, mul(matmul(x, other), 1 / Math.sqrt(inner)));
  },
  (draft) => {
    const x = draft.image();
    const [, height, width, channels] = x.shape;
    const [kh, kw] = [Math.min(height, 3), Math.min(width, 3)];
    const half: [number, number] = [1, 1];
    const weights = draft.of([kh, kw, channels, pick(draft.random, [1, 2, 5])]);
    const attrs = { strides: half, padding: [half, half], dilation: half, groups: 1 } as const;
    const product = conv(x, weights, attrs);
    return sizeOf(product.shape) > LIMIT ? tanh(x) : epilogue(draft, mul(product, 1 / Math.sqrt(kh * kw * channels)));
  },
  (draft) => {
    const x = draft.image();
    const window: [number, number] = [Math.min(2, x.shape[1]), Math.min(2, x.shape[2])];
    return avgPool(x, { window, strides: [1, 2], padding: [[0, 0], [0, 0]] }); // prettier-ignore
  },
  (draft) => {
    const x = draft.any();
    if (x.shape.length === 0) return tanh(x);
    const rows = whole(draft.random, 1, 6);
    const at = draft.of([rows], 'i32', tiedValues(draft.random, [rows], 0, x.shape[0] - 1));
    const taken = gather(x, at);
    return chance(draft.random, 0.5) ? taken : scatterAdd(at, mul(taken, 1 / rows), x.shape[0]);
  },
  // Dropout: a mask of random bits, exact in float32 (24 bits).
  (draft) => {
    const x = draft.any();
    const key = draft.of([2], 'u32', [draft.random.bits(), draft.random.bits()]);
    const bits = randomBits(key, reshape(iota([sizeOf(x.shape)], 0), x.shape), draft.random.below(1000));
    const uniform = mul(cast(shiftRight(bits, 8), 'f32'), 2 ** -24);
    return select(lt(uniform, 0.75), mul(x, 4 / 3), 0);
  },
  (draft) => {
    const x = draft.any();
    const own = draft.of(x.shape);
    return select(gt(own, 0), x, mul(x, 0.5));
  },
];

/** Continuous, but with corners: their derivative may jump on a difference of rounding. */
const corneredSteps: readonly Step[] = [
  (draft) => abs(draft.any()),
  (draft) => maximum(0, draft.any()),
  (draft) => {
    const x = draft.any();
    return pick(draft.random, [maximum, minimum])(x, draft.matching(x.shape));
  },
  (draft) => {
    const x = draft.any();
    return x.shape.length === 0 ? abs(x) : reduceMax(x, axesOf(draft, x));
  },
  (draft) => {
    const x = draft.image();
    return maxPool(x, { window: [Math.min(2, x.shape[1]), 1], strides: [2, 1], padding: [[0, 0], [0, 0]] }); // prettier-ignore
  },
  (draft) => {
    const own = draft.of(draft.shape(2));
    return mul(cast(argmax(own, draft.random.below(2)), 'f32'), 1 / 16);
  },
];

/** A random program; every other one is smooth and also computes its own derivatives and takes a gradient step. */
export function randomProgram(random: HostRandom): RandomProgram {
  const smooth = chance(random, 0.5);
  const draft = new ProgramDraft(random, smooth);
  for (let i = whole(random, 2, 4); i > 0; i--) draft.pool.push(draft.of(draft.shape(whole(random, 0, 4))));
  const started = draft.pool.length;

  const steps = smooth ? smoothSteps : [...smoothSteps, ...corneredSteps];
  const target = whole(random, 8, 40);
  while (topologicalOrder(draft.pool).length < target) draft.pool.push(pick(random, steps)(draft));

  const outputs = [
    draft.pool[draft.pool.length - 1],
    ...Array.from({ length: whole(random, 1, 3) }, () => draft.any()),
  ];
  const updates: [Node, Node][] = [];
  if (smooth) {
    const loss = draft.pool.slice(started).map((n) => mean(mul(n, n), n.shape.map((_, d) => d))).reduce((a, b) => add(a, b)); // prettier-ignore
    const variables = draft.inputs.filter((i) => i.node.dtype === 'f32').map((i) => i.node);
    grad(loss, variables).forEach((g, i) => {
      if (chance(random, 0.5)) updates.push([variables[i], sub(variables[i], mul(g, 0.125))]);
      else outputs.push(g);
    });
    outputs.push(loss);
  } else {
    for (const node of draft.pool.slice(0, started)) {
      const same = draft.pool.filter((n) => n !== node && n.shape.join() === node.shape.join());
      if (same.length > 0 && chance(random, 0.5)) updates.push([node, pick(random, same)]);
    }
  }
  return { program: { name: 'random', outputs, updates }, inputs: draft.inputs };
}
