/**
 * Kernels of one phase that read the same large tensors take turns, a part of their work at a time: what one has fetched from
 * memory is still in the cache for the others. They do not depend on one another, so any order gives the same bits.
 */
import { sizeOf } from '../shape.js';
import type { Node } from '../graph.js';
import type { ModuleEmitter } from './assembler.js';
import { defineKernel, type EmittedKernel } from './emit/kernel.js';
import { bytesOf } from './emit/lanes.js';
import { largeReads } from '../compiler/join-readers.js';
import type { Kernel } from '../compiler/kernel.js';

/** Bytes of the common tensors in a turn: a part of a second-level cache. */
const TURN = 2 ** 17;
/** The most turns, so that their numbers times those of units fit a word. */
const MOST_TURNS = 1024;

const bytes = (node: Node): number => sizeOf(node.shape) * bytesOf(node.dtype);

/** The phase with kernels that take turns as one kernel each. */
export function interleave(
  module: ModuleEmitter,
  phase: readonly EmittedKernel[],
  kernelOf: (emitted: EmittedKernel) => Kernel | undefined,
): EmittedKernel[] {
  const groups: { kernels: EmittedKernel[]; reads: readonly Node[] }[] = [];
  for (const emitted of phase) {
    const reads = largeReads(kernelOf(emitted), bytes);
    const group = reads.length > 0 ? groups.find((g) => g.reads.some((node) => reads.includes(node))) : undefined;
    if (group === undefined) groups.push({ kernels: [emitted], reads });
    else group.kernels.push(emitted);
  }
  return groups.map(({ kernels, reads }) => (kernels.length === 1 ? kernels[0] : takeTurns(module, kernels, reads)));
}

function takeTurns(module: ModuleEmitter, group: readonly EmittedKernel[], reads: readonly Node[]): EmittedKernel {
  const total = reads.reduce((sum, node) => sum + bytes(node), 0);
  const most = Math.max(...group.map((k) => k.units));
  const turns = Math.min(MOST_TURNS, most, Math.ceil(total / TURN), Math.floor(2 ** 32 / (most + 1)));
  const index = defineKernel(module, (f, turn, scratch) => {
    for (const { function: part, units } of group) {
      const first = turn.times(units).over(turns);
      const end = turn.plus(1).times(units).over(turns);
      f.call(part, first, end, scratch);
    }
  });
  return {
    function: index,
    units: turns,
    unitCost: group.reduce((sum, k) => sum + k.units * k.unitCost, 0) / turns,
    scratch: Math.max(...group.map((k) => k.scratch)),
  };
}
