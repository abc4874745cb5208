/**
 * Kernels of one phase that read the same large tensors take turns, a part of their work at a time: what one has fetched from
 * memory is still in the cache for the others. They do not depend on one another, so any order gives the same bits.
 */
import { sizeOf } from '../shape.js';
import type { Node } from '../graph.js';
import type { ModuleEmitter } from './assembler.js';
import { bytesOf } from './emit/expression.js';
import { eachUnit, type EmittedKernel } from './emit/loop.js';
import type { Kernel } from '../compiler/kernel.js';

/** Tensors of fewer bytes stay in the cache anyway. */
const LARGE = 2 ** 20;
/** Bytes of the common tensors in a turn: a part of a second-level cache. */
const TURN = 2 ** 17;
/** The most turns, so that their numbers times those of units fit a word. */
const MOST_TURNS = 1024;

const bytes = (node: Node): number => sizeOf(node.shape) * bytesOf(node.dtype);

/** A kernel, or one step of it, on the level (phase) where it runs. */
interface Placed {
  readonly kernel: Kernel;
  level: number;
}

/**
 * Moves kernels that may run later to a phase in which another one reads the same large tensors. `after` says what has to come
 * behind each kernel. No tensor is needed for longer than before.
 */
export function joinReaders(stages: readonly Placed[], after: ReadonlyMap<Kernel, ReadonlySet<Kernel>>): void {
  const last = Math.max(-1, ...stages.map((s) => s.level));
  const readers = stages.map((stage) => ({ stage, reads: largeReads(stage.kernel) })).filter((r) => r.reads.length > 0);
  for (const { stage, reads } of readers) {
    const company = readers.filter((r) => r.stage !== stage && reads.every((node) => r.reads.includes(node)));
    const hasCompany = (level: number): boolean => company.some((r) => r.stage.level === level);
    const behind = stages.filter((s) => after.get(stage.kernel)?.has(s.kernel)).map((s) => s.level - 1);
    const latest = Math.min(last, ...behind);
    for (let level = stage.level; level <= latest; level++) {
      if (!hasCompany(level)) continue;
      stage.level = level;
      break;
    }
  }
}

/** The phase with kernels that take turns as one kernel each. */
export function interleave(
  module: ModuleEmitter,
  phase: readonly EmittedKernel[],
  kernelOf: (emitted: EmittedKernel) => Kernel | undefined,
): EmittedKernel[] {
  const result: EmittedKernel[] = [];
  const left = [...phase];
  for (let first = left.shift(); first !== undefined; first = left.shift()) {
    const group = [first];
    const reads = largeReads(kernelOf(first));
    for (const other of [...left]) {
      const common = largeReads(kernelOf(other)).filter((node) => reads.includes(node));
      if (common.length === 0) continue;
      group.push(other);
      left.splice(left.indexOf(other), 1);
    }
    result.push(group.length === 1 ? first : takeTurns(module, group, reads));
  }
  return result;
}

/** Of kernels that go through memory in its order. */
function largeReads(kernel: Kernel | undefined): Node[] {
  if (kernel?.kind !== 'loop' && kernel?.kind !== 'reduce') return [];
  return [...kernel.reads].filter((node) => bytes(node) >= LARGE);
}

function takeTurns(module: ModuleEmitter, group: readonly EmittedKernel[], reads: readonly Node[]): EmittedKernel {
  const total = reads.reduce((sum, node) => sum + bytes(node), 0);
  const most = Math.max(...group.map((k) => k.units));
  const turns = Math.min(MOST_TURNS, most, Math.ceil(total / TURN), Math.floor(2 ** 32 / (most + 1)));
  const index = module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    eachUnit(f, (turn) => {
      for (const { function: part, units } of group) {
        const at = (offset: number): void =>
          void f.get(turn).i32(offset).op('i32.add').i32(units).op('i32.mul').i32(turns).op('i32.div_u');
        at(0);
        at(1);
        f.get(2).call(part);
      }
    });
  });
  return {
    function: index,
    units: turns,
    unitCost: group.reduce((sum, k) => sum + k.units * k.unitCost, 0) / turns,
    scratch: Math.max(...group.map((k) => k.scratch)),
  };
}
