/** Which emitter makes which kernel, and in how many stages. */
import { stridesOf } from '../shape.js';
import type { Node } from '../graph.js';
import { hasEqualParts, type Kernel, type RegionsKernel, type RepeatKernel } from '../compiler/kernel.js';
import { emitConv, packsWeights } from './emit/conv.js';
import { emitArgmax, emitScatterAdd } from './emit/index.js';
import type { EmitContext, EmittedKernel } from './emit/kernel.js';
import { emitLoop, emitLoopKernel } from './emit/loop.js';
import { emitMatmul } from './emit/matmul.js';
import { emitPool } from './emit/pool.js';
import { emitReduce } from './emit/reduce.js';

/** The buffers that a first stage of a kernel reads; undefined where there is none. */
export function preparationOf(kernel: Kernel): readonly Node[] | undefined {
  switch (kernel.kind) {
    case 'conv':
      return packsWeights(kernel) ? [kernel.operands[1].buffer] : undefined;
    case 'regions':
      return kernel.root.op === 'pad' ? [] : undefined;
    case 'repeat':
      // Its initial values are copied.
      return kernel.outputs.map((_, i) => kernel.operands[i + 1].buffer);
    case 'loop':
    case 'reduce':
    case 'matmul':
    case 'pool':
    case 'argmax':
    case 'scatter':
      return undefined;
  }
}

/** The stages of a kernel: groups of functions that may run side by side. */
export function emitKernel(
  context: EmitContext,
  kernel: Exclude<Kernel, RepeatKernel>,
  workspace: number,
): EmittedKernel[][] {
  switch (kernel.kind) {
    case 'loop':
      return [[emitLoopKernel(context, kernel)]];
    case 'reduce':
      return [[emitReduce(context, kernel)]];
    case 'matmul':
      return [[emitMatmul(context, kernel)]];
    case 'conv':
      return emitConv(context, kernel, workspace).map((k) => [k]);
    case 'pool':
      return [[emitPool(context, kernel)]];
    case 'argmax':
      return [[emitArgmax(context, kernel)]];
    case 'scatter':
      return [[emitScatterAdd(context, kernel)]];
    case 'regions':
      return emitRegions(context, kernel);
  }
}

function emitRegions(context: EmitContext, { root, shape, outputs, regions }: RegionsKernel): EmittedKernel[][] {
  const [buffer] = outputs;
  if (hasEqualParts(root)) {
    const targets = regions.map(({ offset, strides }) => ({ buffer, offset, strides }));
    return [[emitLoop(context, { shape: regions[0].shape, expressions: regions.map((r) => r.expression), targets })]];
  }
  const filled = regions.map((r) =>
    emitLoop(context, {
      shape: r.shape,
      expressions: [r.expression],
      targets: [{ buffer, offset: r.offset, strides: r.strides }],
    }),
  );
  if (root.op !== 'pad') return [filled];
  const fill = emitLoop(context, {
    shape,
    expressions: [{ kind: 'constant', value: root.attrs.value }],
    targets: [{ buffer, offset: 0, strides: stridesOf(shape) }],
  });
  return [[fill], filled];
}
