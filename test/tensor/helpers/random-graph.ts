/**
 * Random cases of every primitive: the table that derivatives are checked on and that other backends are compared with the
 * reference on. A case's inputs and its output are plain graph nodes; nothing here knows a backend.
 */
import {
  apply,
  applyAs,
  type BinaryKind,
  type CompareKind,
  type ConvAttrs,
  type DType,
  type Node,
  type Op,
  type PoolAttrs,
  type UnaryKind,
} from '../../../src/tensor/graph.js';
import {
  cast,
  concat,
  constant,
  conv,
  convInput,
  convWeight,
  gather,
  type HostRandom,
  input,
  iota,
  matmul,
  matrixTranspose,
  randomBits,
  reshape,
  scatterAdd,
  type Shape,
  shiftLeft,
  shiftRight,
  showShape,
  sizeOf,
  stopGradient,
  sumPool,
  bitAnd,
  bitOr,
  bitXor,
  add,
  sub,
  mul,
  div,
  pow,
  maximum,
  minimum,
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  select,
  windowedSize,
} from '../../../src/tensor/index.js';
import {
  between,
  betweenIntegers,
  chance,
  pick,
  randomShape,
  randomSize,
  separatedValues,
  shapeBroadcastingTo,
  tiedValues,
  uniformValues,
  valuesOf,
  whole,
} from './random-values.js';

export interface GraphInput {
  readonly node: Node;
  readonly values: readonly number[];
}

export interface GraphCase {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly output: Node;
}

/** Makes a case with tensors of at most about `budget` elements. */
export type MakeCase = (random: HostRandom, budget?: number) => GraphCase;

export type CaseName =
  | Exclude<Op, 'unary' | 'binary' | 'compare' | 'conv_weight_parts' | 'repeat' | 'repeat_result'>
  | `unary ${UnaryKind}`
  | `binary ${BinaryKind}`
  | `compare ${CompareKind}`
  | 'pad with minus infinity'
  | `${'argmax' | 'reduce_max' | 'pool_max_gather' | 'pool_max_scatter'} with ties`;

const BUDGET = 400;
const ALL: readonly DType[] = ['f32', 'f32', 'f32', 'i32', 'u32', 'u8', 'bool'];
const WORDS: readonly DType[] = ['f32', 'f32', 'i32', 'u32'];

/** Collects inputs while a case is built. */
class Draft {
  readonly inputs: GraphInput[] = [];

  of(name: string, shape: Shape, values: readonly number[], dtype: DType = 'f32'): Node {
    const node = input(name, shape, dtype);
    this.inputs.push({ node, values });
    return node;
  }

  done(output: Node): GraphCase {
    const operands = output.inputs.map((n) => `${n.dtype}${showShape(n.shape)}`).join(' ');
    const name = `${output.op} ${JSON.stringify(output.attrs).slice(0, 200)} ${operands} -> ${output.dtype}${showShape(output.shape)}`;
    return { name, inputs: this.inputs, output };
  }
}

const define =
  (build: (draft: Draft, random: HostRandom, budget: number) => Node): MakeCase =>
  (random, budget = BUDGET) => {
    const draft = new Draft();
    return draft.done(build(draft, random, budget));
  };

/** One operand x of a type of its own choice. */
const moved = (build: (random: HostRandom, x: Node) => Node, rank: [number, number] = [1, 4]): MakeCase =>
  define((draft, random, budget) => {
    const dtype = pick(random, ALL);
    const shape = randomShape(random, budget, ...rank);
    return build(random, draft.of('x', shape, valuesOf(random, shape, dtype, true), dtype));
  });

/** Some axes, at least one; any order is for the primitive to refuse, so they are sorted. */
function someAxes(random: HostRandom, rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, d) => d).filter(() => chance(random, 0.5));
  return axes.length > 0 ? axes : [random.below(rank)];
}

type Draw = (random: HostRandom, shape: Shape) => number[];
const inRange =
  (low: number, high: number): Draw =>
  (random, shape) =>
    uniformValues(random, shape, low, high);

const unary = (kind: UnaryKind, draw: Draw, dtypes: readonly DType[] = ['f32']): MakeCase =>
  define((draft, random, budget) => {
    const dtype = pick(random, dtypes);
    const shape = randomShape(random, budget);
    const values = dtype === 'f32' ? draw(random, shape) : valuesOf(random, shape, dtype);
    return apply('unary', [draft.of('x', shape, values, dtype)], { kind });
  });

/** Two operands that broadcast against each other, sometimes one of them a number. */
const binary = (
  build: (a: Node | number, b: Node | number) => Node,
  draw: Draw,
  options: { dtypes?: readonly DType[]; numbers?: boolean } = {},
): MakeCase =>
  define((draft, random, budget) => {
    const dtype = pick<DType>(random, options.dtypes ?? ['f32']);
    const shape = randomShape(random, budget);
    const equal = chance(random, 0.5);
    const shapes = equal ? [shape, shape] : [shape, shapeBroadcastingTo(random, shape)];
    // One draw for both, so that separated values are separated across the operands too.
    const sizes = shapes.map(sizeOf);
    const values =
      dtype === 'f32' ? draw(random, [sizes[0] + sizes[1]]) : valuesOf(random, [sizes[0] + sizes[1]], dtype, true);
    const a = draft.of('a', shapes[0], values.slice(0, sizes[0]), dtype);
    if (options.numbers && dtype === 'f32' && chance(random, 0.2)) {
      const number = values[sizes[0]];
      return chance(random, 0.5) ? build(a, number) : build(number, a);
    }
    const b = draft.of('b', shapes[1], values.slice(sizes[0]), dtype);
    return chance(random, 0.5) ? build(a, b) : build(b, a);
  });

const signedAway = (random: HostRandom, shape: Shape): number[] =>
  uniformValues(random, shape, 0.5, 2).map((v) => (chance(random, 0.5) ? v : -v));

const INTEGERS: readonly DType[] = ['i32', 'u32', 'bool'];
const shift = (build: (a: Node, b: Node) => Node): MakeCase =>
  define((draft, random, budget) => {
    const shape = randomShape(random, budget);
    const a = draft.of('a', shape, valuesOf(random, shape, 'u32', true), 'u32');
    if (chance(random, 0.5)) return build(a, constant(random.below(32), [], 'u32'));
    return build(a, draft.of('b', shape, tiedValues(random, shape, 0, 31), 'u32'));
  });

/** pow of positive numbers, or of any numbers with a constant whole exponent. */
const power: MakeCase = define((draft, random, budget) => {
  const shape = randomShape(random, budget);
  if (chance(random, 0.3)) {
    return pow(draft.of('a', shape, signedAway(random, shape)), pick(random, [3, 4, 5, -2, -3]));
  }
  const other = chance(random, 0.5) ? shape : shapeBroadcastingTo(random, shape);
  const base = draft.of('a', shape, uniformValues(random, shape, 0.5, 2));
  if (chance(random, 0.3)) return pow(base, between(random, 1.2, 2.5));
  return pow(base, draft.of('b', other, uniformValues(random, other, -2, 2)));
});

/** Half of the cases have whole numbers with many ties: comparisons are exact. */
const compare = (build: (a: Node | number, b: Node | number) => Node): MakeCase =>
  binary(build, (random, shape) => (chance(random, 0.5) ? tiedValues(random, shape) : uniformValues(random, shape)), {
    dtypes: [...WORDS, 'u8', 'bool'],
    numbers: true,
  });

function casted(draft: Draft, random: HostRandom, budget: number): Node {
  const from = pick(random, ['f32', 'i32', 'u32', 'u8', 'bool'] as const);
  const to = pick(random, (['f32', 'i32', 'u32', 'u8', 'bool'] as const).filter((d) => d !== from)); // prettier-ignore
  const shape = randomShape(random, budget);
  // Only values that both types can hold: what happens outside is not defined.
  const low = to === 'i32' || to === 'f32' || to === 'bool' ? -300 : 0;
  const high = to === 'u8' ? 255 : 300;
  const values =
    from === 'f32'
      ? uniformValues(random, shape, low, high).map((v) => (chance(random, 0.2) ? Math.trunc(v) : v))
      : from === 'i32' || from === 'u32'
        ? tiedValues(random, shape, from === 'u32' ? 0 : low, high)
        : valuesOf(random, shape, from);
  return cast(draft.of('x', shape, values, from), to);
}

/** Geometry along one spatial axis: a window that fits, with everything else random. */
function randomAxis(random: HostRandom, dilated: boolean) {
  for (;;) {
    const size = whole(random, 1, 9);
    const window = whole(random, 1, 4);
    const stride = whole(random, 1, 3);
    const dilation = dilated && chance(random, 0.3) ? whole(random, 2, 3) : 1;
    const limit = dilated ? window + 1 : window - 1;
    const padding: [number, number] = chance(random, 0.4) ? [0, 0] : [whole(random, 0, limit), whole(random, 0, limit)];
    if (windowedSize(size, window, stride, padding, dilation) >= 1) return { size, window, stride, dilation, padding };
  }
}

/** Input and weight shapes of a random convolution, and that of its result. */
function randomConv(random: HostRandom, budget: number) {
  const h = randomAxis(random, true);
  const w = randomAxis(random, true);
  // Depthwise ones, with a filter for each of a few channels, have kernels of their own.
  const depthwise = chance(random, 0.25);
  const groups = depthwise ? whole(random, 4, 11) : chance(random, 0.3) ? whole(random, 2, 3) : 1;
  const most = depthwise ? 1 : groups > 1 ? 3 : Math.max(2, Math.floor(Math.sqrt(budget / 8)));
  const channels = groups * randomSize(random, most);
  const filters = groups * randomSize(random, most);
  const attrs: ConvAttrs = {
    strides: [h.stride, w.stride],
    padding: [h.padding, w.padding],
    dilation: [h.dilation, w.dilation],
    groups,
  };
  const x = [whole(random, 1, 3), h.size, w.size, channels];
  const weights = [h.window, w.window, channels / groups, filters];
  return { attrs, x, weights, y: conv(input('x', x), input('w', weights), attrs).shape };
}

function randomPool(random: HostRandom) {
  const h = randomAxis(random, false);
  const w = randomAxis(random, false);
  const attrs: PoolAttrs = {
    window: [h.window, w.window],
    strides: [h.stride, w.stride],
    padding: [h.padding, w.padding],
  };
  const x = [whole(random, 1, 2), h.size, w.size, randomSize(random, 9)];
  return { attrs, x, y: sumPool(input('x', x), attrs).shape };
}

const maxPoolGather = (draw: Draw): MakeCase =>
  define((draft, random) => {
    const { attrs, x, y } = randomPool(random);
    const chosen = draft.of('x', x, draw(random, x));
    // Max pooling itself gathers from the tensor that it chooses by; its second derivatives gather from another.
    const from = chance(random, 0.5) ? chosen : draft.of('values', x, uniformValues(random, x));
    return applyAs('pool_max_gather', [chosen, from], attrs, y, 'f32');
  });
const maxPoolScatter = (draw: Draw): MakeCase =>
  define((draft, random) => {
    const { attrs, x, y } = randomPool(random);
    const operands = [draft.of('x', x, draw(random, x)), draft.of('g', y, uniformValues(random, y))];
    return applyAs('pool_max_scatter', operands, attrs, x, 'f32');
  });

const padOf = (valueOf: (random: HostRandom, dtype: DType) => number): MakeCase =>
  moved((random, x) => {
    const amounts = (most: number): number[] => x.shape.map(() => (chance(random, 0.5) ? 0 : whole(random, 0, most)));
    const value = valueOf(random, x.dtype);
    return apply('pad', [x], { low: amounts(3), high: amounts(3), interior: amounts(2), value });
  });

const reduceMaxOf = (draw: Draw): MakeCase =>
  define((draft, random, budget) => {
    const dtype = pick(random, WORDS);
    const shape = randomShape(random, budget, 1);
    const values = dtype === 'f32' ? draw(random, shape) : valuesOf(random, shape, dtype, true);
    const axes = someAxes(random, shape.length);
    return apply('reduce_max', [draft.of('x', shape, values, dtype)], { axes });
  });
const argmaxOf = (draw: Draw): MakeCase =>
  define((draft, random, budget) => {
    const shape = randomShape(random, budget, 1);
    return apply('argmax', [draft.of('x', shape, draw(random, shape))], { axis: random.below(shape.length) });
  });

/** Every primitive, and every kind of the element-wise ones. */
export const cases: Record<CaseName, MakeCase> = {
  input: moved((_random, x) => x, [0, 4]),
  constant: define((_draft, random, budget) => {
    const dtype = pick(random, ALL);
    const shape = randomShape(random, budget);
    return constant(valuesOf(random, chance(random, 0.3) ? [1] : shape, dtype), shape, dtype);
  }),
  iota: define((_draft, random, budget) => {
    const shape = randomShape(random, budget, 1);
    return iota(shape, random.below(shape.length), pick(random, ['u32', 'u32', 'i32', 'f32']));
  }),

  'unary neg': unary('neg', inRange(-2, 2), ['f32', 'f32', 'i32']),
  'unary abs': unary('abs', betweenIntegers, ['f32', 'f32', 'i32']),
  'unary sign': unary('sign', betweenIntegers, ['f32', 'f32', 'i32']),
  'unary floor': unary('floor', betweenIntegers),
  'unary sqrt': unary('sqrt', inRange(0.25, 4)),
  'unary exp': unary('exp', inRange(-4, 4)),
  'unary expm1': unary('expm1', inRange(-2, 2)),
  'unary log': unary('log', inRange(0.25, 4)),
  'unary log1p': unary('log1p', inRange(-0.75, 3)),
  'unary tanh': unary('tanh', inRange(-4, 4)),
  'unary erf': unary('erf', inRange(-3.5, 3.5)),
  'unary sin': unary('sin', inRange(-7, 7)),
  'unary cos': unary('cos', inRange(-7, 7)),
  'unary not': unary('not', tiedValues, ['bool']),

  'binary add': binary(add, inRange(-2, 2), { dtypes: WORDS, numbers: true }),
  'binary sub': binary(sub, inRange(-2, 2), { dtypes: WORDS, numbers: true }),
  'binary mul': binary(mul, inRange(-2, 2), { dtypes: WORDS, numbers: true }),
  'binary div': binary(div, signedAway, { numbers: true }),
  'binary pow': power,
  'binary max': binary(maximum, separatedValues, { dtypes: WORDS, numbers: true }),
  'binary min': binary(minimum, separatedValues, { dtypes: WORDS, numbers: true }),
  'binary and': binary(bitAnd, tiedValues, { dtypes: INTEGERS }),
  'binary or': binary(bitOr, tiedValues, { dtypes: INTEGERS }),
  'binary xor': binary(bitXor, tiedValues, { dtypes: INTEGERS }),
  'binary shl': shift(shiftLeft),
  'binary shr': shift(shiftRight),

  'compare eq': compare(eq),
  'compare ne': compare(ne),
  'compare lt': compare(lt),
  'compare le': compare(le),
  'compare gt': compare(gt),
  'compare ge': compare(ge),

  select: define((draft, random, budget) => {
    const shape = randomShape(random, budget);
    const dtype = pick(random, ALL);
    const operand = (name: string, type: DType): Node => {
      const own = chance(random, 0.5) ? shape : shapeBroadcastingTo(random, shape);
      return draft.of(name, own, valuesOf(random, own, type, true), type);
    };
    const a = operand('a', dtype);
    const b = dtype === 'f32' && chance(random, 0.2) ? between(random, -2, 2) : operand('b', dtype);
    return select(operand('condition', 'bool'), a, b);
  }),
  cast: define(casted),
  stop_gradient: moved((_random, x) => stopGradient(x), [0, 4]),
  random_bits: define((draft, random, budget) => {
    const key = draft.of('key', [2], [random.bits(), random.bits()], 'u32');
    const shape = randomShape(random, budget);
    const counter = chance(random, 0.5)
      ? draft.of('counter', shape, valuesOf(random, shape, 'u32', true), 'u32')
      : reshape(iota([sizeOf(shape)], 0), shape);
    return randomBits(key, counter, random.bits());
  }),

  reshape: moved((random, x) => {
    // The same factors in other groups: split off a divisor of the first axis and merge the rest.
    const total = sizeOf(x.shape);
    const divisors = Array.from({ length: total }, (_, i) => i + 1).filter((d) => total % d === 0);
    const d = pick(random, divisors);
    const shape = pick(random, [[d, total / d], [total], [1, d, 1, total / d], [total, 1], ...(total === 1 ? [[]] : [])]);
    return applyAs('reshape', [x], {}, shape, x.dtype);
  }, [0, 4]), // prettier-ignore
  transpose: moved((random, x) => apply('transpose', [x], { permutation: [...random.permutation(x.shape.length)] })),
  broadcast: define((draft, random, budget) => {
    const dtype = pick(random, ALL);
    const shape = randomShape(random, budget, 1);
    const repeated = someAxes(random, shape.length);
    const from = shape.map((size, d) => (repeated.includes(d) ? 1 : size));
    const x = draft.of('x', from, valuesOf(random, from, dtype, true), dtype);
    return applyAs('broadcast', [x], {}, shape, dtype);
  }),
  slice: moved((random, x) => {
    const start = x.shape.map((size) => random.below(size));
    const stop = x.shape.map((size, d) => whole(random, start[d] + 1, size));
    const step = x.shape.map(() => (chance(random, 0.5) ? 1 : whole(random, 1, 4)));
    return apply('slice', [x], { start, stop, step });
  }),
  pad: padOf((random, dtype) => pick(random, dtype === 'f32' ? [0, 0, -1.5] : [0, 0, 1])),
  'pad with minus infinity': padOf((_random, dtype) => (dtype === 'f32' ? -Infinity : 0)),
  concat: define((draft, random, budget) => {
    const dtype = pick(random, ALL);
    const shape = randomShape(random, budget / 3, 1);
    const axis = random.below(shape.length);
    const parts = Array.from({ length: whole(random, 2, 4) }, (_, k) => {
      const own = shape.map((size, d) => (d === axis ? whole(random, 1, 6) : size));
      return draft.of(`part${k}`, own, valuesOf(random, own, dtype, true), dtype);
    });
    return concat(chance(random, 0.2) ? [...parts, parts[0]] : parts, axis);
  }),
  reverse: moved((random, x) => apply('reverse', [x], { axes: someAxes(random, x.shape.length) })),

  reduce_sum: define((draft, random, budget) => {
    const dtype = pick(random, WORDS);
    const shape = randomShape(random, budget, 1);
    const x = draft.of('x', shape, valuesOf(random, shape, dtype, true), dtype);
    return apply('reduce_sum', [x], { axes: someAxes(random, shape.length) });
  }),
  reduce_max: reduceMaxOf(separatedValues),
  'reduce_max with ties': reduceMaxOf(tiedValues),
  argmax: argmaxOf(separatedValues),
  'argmax with ties': argmaxOf(tiedValues),

  matmul: define((draft, random, budget) => {
    const batch = randomShape(random, 8, 0, 2);
    const most = Math.sqrt(budget) * 2;
    const k = randomSize(random, most);
    const m = randomSize(random, budget / k);
    const n = randomSize(random, Math.min(budget / k, budget / m));
    const operand = (name: string, rows: number, columns: number): Node => {
      const leading = chance(random, 0.5) ? batch : shapeBroadcastingTo(random, batch);
      const transposed = chance(random, 0.3);
      const shape = [...leading, ...(transposed ? [columns, rows] : [rows, columns])];
      const node = draft.of(name, shape, uniformValues(random, shape));
      return transposed ? matrixTranspose(node) : node;
    };
    return matmul(operand('a', m, k), operand('b', k, n));
  }),
  conv: define((draft, random, budget) => {
    const { attrs, x, weights } = randomConv(random, budget);
    return conv(
      draft.of('x', x, uniformValues(random, x)),
      draft.of('w', weights, uniformValues(random, weights)),
      attrs,
    );
  }),
  conv_input: define((draft, random, budget) => {
    const { attrs, x, weights, y } = randomConv(random, budget);
    return convInput(
      draft.of('g', y, uniformValues(random, y)),
      draft.of('w', weights, uniformValues(random, weights)),
      x,
      attrs,
    );
  }),
  conv_weight: define((draft, random, budget) => {
    const { attrs, x, weights, y } = randomConv(random, budget);
    return convWeight(
      draft.of('x', x, uniformValues(random, x)),
      draft.of('g', y, uniformValues(random, y)),
      weights,
      attrs,
    );
  }),
  pool_max_gather: maxPoolGather(separatedValues),
  'pool_max_gather with ties': maxPoolGather(tiedValues),
  pool_max_scatter: maxPoolScatter(separatedValues),
  'pool_max_scatter with ties': maxPoolScatter(tiedValues),
  pool_sum: define((draft, random) => {
    const { attrs, x } = randomPool(random);
    return sumPool(draft.of('x', x, uniformValues(random, x)), attrs);
  }),
  pool_sum_grad: define((draft, random) => {
    const { attrs, x, y } = randomPool(random);
    return applyAs('pool_sum_grad', [draft.of('g', y, uniformValues(random, y))], attrs, x, 'f32');
  }),

  gather: define((draft, random, budget) => {
    const dtype = pick(random, ALL);
    const shape = randomShape(random, budget, 1);
    const where = randomShape(random, 12, 0, 2);
    const x = draft.of('x', shape, valuesOf(random, shape, dtype, true), dtype);
    return gather(x, draft.of('indices', where, tiedValues(random, where, 0, shape[0] - 1), 'i32'));
  }),
  scatter_add: define((draft, random, budget) => {
    const where = randomShape(random, 12, 0, 2);
    const shape = [...where, ...randomShape(random, budget / sizeOf(where), 0, 3)];
    const rows = whole(random, 1, 7);
    const indices = draft.of('indices', where, tiedValues(random, where, 0, rows - 1), 'i32');
    return scatterAdd(indices, draft.of('updates', shape, uniformValues(random, shape)), rows);
  }),
};
