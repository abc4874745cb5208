/** Kernels as lines of text, so that a test can say in one line what is computed in one pass over memory. */
import type { Node } from '../../../src/tensor/index.js';
import type { Expression } from '../../../src/tensor/compiler/expression.js';
import { expressionsOf, type Kernel, rootOf } from '../../../src/tensor/compiler/kernel.js';

/** What an operation is called: the kind of element-wise ones, else its own name. */
const nameOf = ({ op, attrs }: Node): string => ('kind' in attrs ? attrs.kind : op);

/** The operations of expressions, each behind its arguments; what is computed once and used twice is listed once. */
function operationsOf(expressions: readonly Expression[]): string[] {
  const seen = new Set<Expression>();
  const names: string[] = [];
  const visit = (e: Expression): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind !== 'apply') return;
    e.args.forEach(visit);
    names.push(nameOf(e.node));
  };
  expressions.forEach(visit);
  return names;
}

/**
 * A kernel as `reduce_sum [64] of mul + div`: its heavy operation (`loop` for none) with the shape of its value, for a reduction
 * what it reduces, and then the operations fused behind it. Several buffers filled by one kernel are counted: `-> 3`.
 */
export function showKernel(kernel: Kernel): string {
  const root = rootOf(kernel);
  const head = `${root?.op ?? 'loop'} [${(root ?? kernel).shape.join()}]`;
  const input = kernel.kind === 'reduce' ? operationsOf([kernel.input]) : [];
  const reduced = input.length > 0 ? ` of ${input.join(' ')}` : '';
  const fused = operationsOf(kernel.kind === 'reduce' ? kernel.expressions : expressionsOf(kernel));
  const behind = fused.length > 0 ? ` + ${fused.join(' ')}` : '';
  const outputs = kernel.outputs.length > 1 ? ` -> ${kernel.outputs.length}` : '';
  return `${head}${reduced}${behind}${outputs}`;
}

export const showKernels = (kernels: readonly Kernel[]): string[] => kernels.map(showKernel);
