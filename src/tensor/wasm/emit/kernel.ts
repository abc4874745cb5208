/** The functions that kernels are: each takes a range of units of independent work. */
import type { Node } from '../../graph.js';
import type { FunctionEmitter, I32Local, ModuleEmitter } from '../assembler.js';
import type { Features } from '../features.js';
import type { MathLibrary } from './math.js';

/** What emitters need to know of the module they write into. */
export interface EmitContext {
  readonly module: ModuleEmitter;
  readonly math: MathLibrary;
  readonly features: Features;
  /** Absolute address of a node's buffer in bytes. */
  address(node: Node): number;
}

/** A function (begin, end, scratch) over units of independent work, and what one unit costs. */
export interface EmittedKernel {
  readonly function: number;
  readonly units: number;
  /** Rough cost of a unit in vector operations. */
  readonly unitCost: number;
  /** Bytes of scratch memory that each thread needs. */
  readonly scratch: number;
}

/** Parameters of a kernel's function. */
export const KERNEL = { parameters: ['i32', 'i32', 'i32'] } as const;

/** Defines a kernel's function: runs `body` for every unit from the first argument up to the second. */
export function defineKernel(
  module: ModuleEmitter,
  body: (f: FunctionEmitter, unit: I32Local, scratch: I32Local) => void,
): number {
  return module.function(KERNEL, (f, begin, end, scratch) => {
    const unit = f.let(begin);
    f.when(begin.isLess(end), () => f.upTo(end, unit, 1, () => body(f, unit, scratch)));
  });
}

/** One kernel of the units of several, in their order. */
export function emitOneAfterAnother({ module }: EmitContext, kernels: readonly EmittedKernel[]): EmittedKernel {
  if (kernels.length === 1) return kernels[0];
  const units = kernels.reduce((sum, k) => sum + k.units, 0);
  const index = module.function(KERNEL, (f, begin, end, scratch) => {
    const [first, last] = f.i32Locals(2);
    let start = 0;
    for (const kernel of kernels) {
      // The part of [begin, end) that falls to this kernel.
      f.assign(first, begin.minus(start)).assign(first, first.atLeast(0));
      f.assign(last, end.minus(start)).assign(last, last.atMost(kernel.units));
      f.when(first.isLess(last), () => f.call(kernel.function, first, last, scratch));
      start += kernel.units;
    }
  });
  return {
    function: index,
    units,
    unitCost: kernels.reduce((sum, k) => sum + k.units * k.unitCost, 0) / units,
    scratch: Math.max(...kernels.map((k) => k.scratch)),
  };
}

/** Functions made once for each key, such as the sizes of a tile. */
export class Memo<K extends string | number> {
  private readonly made = new Map<K, number>();

  get(key: K, define: () => number): number {
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const index = define();
    this.made.set(key, index);
    return index;
  }
}
