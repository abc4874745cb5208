/** Element-wise kernels: a loop nest whose innermost loop goes over vectors of four neighbouring elements. */
import { type Shape, sizeOf, stridesOf } from '../../shape.js';
import { type FunctionEmitter, i32, type I32Local, type Vector } from '../assembler.js';
import { Cursors, type StoreTarget } from './cursors.js';
import { ExpressionEmitter, operationsIn } from './expression.js';
import { defineKernel, type EmitContext, type EmittedKernel, KERNEL } from './kernel.js';
import { emitStore } from './lanes.js';
import { LoopPoint } from './loop-point.js';
import { type Access, accessesOf, collapse, type Expression, indexExpressions } from '../../compiler/expression.js';
import type { LoopKernel } from '../../compiler/kernel.js';

/** Elements of a flat loop that make up one unit. */
const BLOCK = 1024;
/** Units that the outer axes of a nest are cut into at least, where there are as many. */
const UNITS = 64;

export interface LoopBody {
  readonly shape: Shape;
  readonly expressions: readonly Expression[];
  /** Where each expression's value goes. */
  readonly targets: readonly StoreTarget[];
}

export function emitLoopKernel(context: EmitContext, kernel: LoopKernel): EmittedKernel {
  const strides = stridesOf(kernel.shape);
  return emitLoop(context, {
    shape: kernel.shape,
    expressions: kernel.expressions,
    targets: kernel.outputs.map((buffer) => ({ buffer, offset: 0, strides })),
  });
}

export function emitLoop(context: EmitContext, body: LoopBody): EmittedKernel {
  const accesses = accessesOf(body.expressions);
  const { shape: merged, groups } = collapse(body.shape, [
    ...accesses.map((a) => a.strides),
    ...body.targets.map((t) => t.strides),
    ...indexExpressions(body.expressions).map((i) => i.strides),
  ]);
  const dims = merged.length > 0 ? merged : [1];
  const plan = new InnermostPlan(context, body, groups);
  const { index, units, unitElements } = dims.length === 1 ? flatLoop(plan, dims[0]) : loopNest(plan, dims);
  return { function: index, units, unitCost: (unitElements / 4) * plan.cost, scratch: plan.scratchBytes };
}

interface Nest {
  readonly index: number;
  readonly units: number;
  readonly unitElements: number;
}

/** A unit is a block of elements. */
function flatLoop(plan: InnermostPlan, length: number): Nest {
  const units = Math.ceil(length / BLOCK);
  const index = plan.context.module.function(KERNEL, (f, begin, end, scratch) => {
    const loop = new InnermostLoop(f, plan, scratch);
    const first = f.let(begin.times(BLOCK));
    for (const c of loop.cursors.list) f.assign(c.level, i32(c.place.base).plus(first.times(c.step(0))));
    const stop = f.let(end.times(BLOCK));
    const vectors = f.let(stop.atMost(length).minus(first).shiftedRight(2));
    loop.enter();
    const passes = (unroll: number): void => {
      const enough = vectors.isNotLess(unroll);
      const pass = (): void => {
        loop.pass(4, unroll);
        f.assign(vectors, vectors.minus(unroll));
      };
      f.when(enough, () => f.doWhile(pass, enough));
    };
    passes(plan.unroll);
    if (plan.unroll > 1) passes(1);
    if (length % 4 !== 0) f.when(end.equals(units), () => loop.pass(length % 4, 1));
  });
  return { index, units, unitElements: Math.min(BLOCK, length) };
}

/** A unit is a place on the outer axes, as many of them as make work for all threads; the others are loops inside it. */
function loopNest(plan: InnermostPlan, dims: readonly number[]): Nest {
  const last = dims.length - 1;
  let cut = 0;
  for (let product = 1; cut < last && product < UNITS;) product *= dims[cut++];
  const outer = Array.from({ length: cut }, (_, axis) => axis);
  const index = defineKernel(plan.context.module, (f, unit, scratch) => {
    const loop = new InnermostLoop(f, plan, scratch);
    const nest = (axis: number): void => {
      if (axis < last) return loop.cursors.eachAlong(axis, dims[axis], () => nest(axis + 1));
      loop.enter();
      eachVector(f, dims[last], plan.unroll, (lanes, vectors) => loop.pass(lanes, vectors));
    };
    loop.cursors.decode(unit, dims.slice(0, cut), outer);
    nest(cut);
  });
  return { index, units: sizeOf(dims.slice(0, cut)), unitElements: sizeOf(dims.slice(cut)) };
}

/** Goes through `length` elements: full passes of `unroll` vectors, a pass of the vectors left, and one of the last lanes. */
export function eachVector(
  f: FunctionEmitter,
  length: number,
  unroll: number,
  pass: (lanes: number, vectors: number) => void,
): void {
  const vectors = length >> 2;
  const rounds = Math.floor(vectors / unroll);
  if (rounds > 0) f.repeat(rounds, () => pass(4, unroll));
  if (vectors % unroll > 0) pass(4, vectors % unroll);
  if (length % 4 !== 0) pass(length % 4, 1);
}

/** How many vectors a pass of the innermost loop computes: at least a pair where there are pairs, unless that is very much code. */
function unrolled(size: number, wide: boolean, hasDraws: boolean): number {
  if (size <= 12 || (wide && hasDraws && size <= 50)) return 4;
  return size <= (wide ? 200 : 30) ? 2 : 1;
}

/** What is known of an innermost loop before its function. */
class InnermostPlan {
  /** The axis that it goes along. */
  readonly axis: number;
  /** Operations, loads and stores of an element. */
  readonly cost: number;
  /** Vectors of a pass. */
  readonly unroll: number;
  readonly scratchBytes: number;

  constructor(
    readonly context: EmitContext,
    readonly body: LoopBody,
    readonly groups: readonly (readonly number[])[],
  ) {
    const { expressions, targets } = body;
    const { wide } = context.features;
    const innermost = groups.at(-1)?.at(-1);
    const isContiguous = targets.every((t) => innermost !== undefined && t.strides[innermost] === 1);
    const operations = operationsIn(expressions);
    const size = operations.length + targets.length;
    const hasDraws = operations.some(({ op }) => op === 'random_bits');
    this.axis = Math.max(0, groups.length - 1);
    this.cost = size + accessesOf(expressions).length;
    this.unroll = unrolled(size, wide, hasDraws);
    this.scratchBytes = wide && !isContiguous ? 32 * targets.length : 0;
  }
}

class InnermostLoop {
  readonly cursors: Cursors;
  private readonly emitter: ExpressionEmitter;
  private readonly point: LoopPoint;
  private readonly accesses: readonly Access[];

  constructor(
    private readonly f: FunctionEmitter,
    private readonly plan: InnermostPlan,
    private readonly scratch: I32Local,
  ) {
    const { context, body, groups, axis } = plan;
    this.accesses = accessesOf(body.expressions);
    this.cursors = new Cursors(f, context, body.expressions, groups, body.targets);
    this.emitter = new ExpressionEmitter(f, context.math, body.expressions, context.features.wide);
    this.point = new LoopPoint(f, this.cursors, axis);
  }

  /** What is done once, before the loop begins. */
  enter(): void {
    this.cursors.enter(this.plan.axis);
    this.point.hoist(this.accesses);
    this.emitter.computeFixed(this.point);
  }

  /** Computes the next `vectors` vectors, two at a time, whose stores come last and in pairs: so V8's revectorizer makes 256-bit operations of them. */
  pass(lanes: number, vectors: number): void {
    const { cursors, emitter, point, plan } = this;
    point.lanes = lanes;
    point.loadAhead([], []);
    emitter.drawAhead(point, vectors, (vector) => (point.vector = vector));
    for (let first = 0; first < vectors; first += 2) this.pair(first + 1 < vectors ? [first, first + 1] : [first]);
    cursors.advance(plan.axis, vectors * 4);
  }

  private pair(vectors: readonly number[]): void {
    const { f, point, emitter, cursors } = this;
    const { body, context, axis, scratchBytes } = this.plan;
    if (context.features.wide) point.loadAhead(directly(this.accesses), vectors);
    const values = vectors.map((vector) => {
      emitter.begin(vector);
      point.vector = vector;
      return body.expressions.map((e, i) => {
        emitter.emit(e, point, body.targets[i].buffer.dtype);
        const value = f.local('v128');
        f.set(value);
        return value;
      });
    });
    // All loads come before the first store: a state updated in place is read before it is written.
    if (scratchBytes > 0 && vectors.length === 2) throughScratch(f, this.scratch, values);
    body.targets.forEach((target, i) => {
      const c = cursors.of(target);
      const stride = c.strides[axis];
      vectors.forEach((vector, k) =>
        emitStore(f, c.place.dtype, c.inner, values[k][i], {
          lanes: point.lanes,
          stride,
          offset: vector * 4 * c.step(axis),
        }),
      );
    });
  }
}

/** The accesses except those of row numbers, which are read one by one. */
export const directly = (accesses: readonly Access[]): Access[] =>
  accesses.filter((a) => !accesses.some((b) => b.indirect?.index === a));

/**
 * Takes vectors (a list for each of a pair) through the scratch memory: the revectorizer looks for pairs where vectors are
 * stored, and finds none where single lanes are.
 */
function throughScratch(f: FunctionEmitter, scratch: I32Local, [first, second]: readonly (readonly Vector[])[]): void {
  const slots = first.flatMap((vector, i) => [
    { vector, offset: 32 * i },
    { vector: second[i], offset: 32 * i + 16 },
  ]);
  for (const { vector, offset } of slots) f.store('v128.store', scratch, vector, offset);
  for (const { vector, offset } of slots) f.load('v128.load', scratch, offset).set(vector);
}
