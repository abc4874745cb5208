/**
 * LSUV, layer-sequential unit-variance initialization (Mishkin and Matas 2016, "All you need is a good init"): from orthonormal
 * weights, each layer in turn is divided by the standard deviation of its output for a batch, until the variance is near 1.
 */
import { hostRandom, type Node, type Session, topologicalOrder } from '../../tensor/index.js';
import { varianceOf } from '../../nn/index.js';
import { type Dataset, selectBatch } from './dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { forward } from './network.js';
import type { RunInputs } from './run-inputs.js';

/**
 * Scales the weights whose initializer is lsuv, in the order in which the network uses them, on `batchSize` random training samples;
 * those named in `fixed` stay. The session holds the data and all initial weights.
 */
export async function scaleToUnitVariance(
  session: Session,
  config: ExperimentConfig,
  dataset: Dataset,
  batchSize: number,
  inputs: RunInputs,
  fixed: ReadonlySet<string> = new Set(),
): Promise<void> {
  const mode = { training: true, stochastic: false, augmented: false };
  const { model, indices } = forward(config, dataset, batchSize, mode, inputs);
  // Parameters are collected as layers are built, so in the order of the forward pass.
  const adapted = model.parameters.flatMap(({ node, name, init, layer }) => {
    if (init.type !== 'lsuv' || fixed.has(name)) return [];
    const owner = model.layers.find((traced) => traced.name === layer);
    const product = owner && linearOutput(node, owner.output);
    return product === undefined ? [] : [{ node, init, product }];
  });
  if (adapted.length === 0) return;
  const variances = adapted.map(({ product }) => varianceOf(product));
  const executable = session.compile({ name: `lsuv.${batchSize}`, outputs: variances, updates: [] });
  const batch = hostRandom(config.seed, 'init.lsuv').permutation(dataset.size).subarray(0, batchSize);
  selectBatch(session, dataset, indices, batch);
  for (const [i, { node, init }] of adapted.entries()) {
    for (let iteration = 0; iteration < init.max_iterations; iteration++) {
      executable.run();
      const variance = (await executable.read())[i][0];
      // What is the same for all samples cannot be scaled.
      if (!(variance > 0) || !Number.isFinite(variance) || Math.abs(variance - 1) < init.tolerance) break;
      const factor = 1 / Math.sqrt(variance);
      const values = await session.read(node);
      session.write(
        node,
        Float64Array.from(values, (value) => value * factor),
      );
    }
  }
}

/**
 * What a layer with the output `output` makes of its input by the weight, before a bias is added: the last node that is
 * proportional to the weight, such as its product with the input, or the sum of convolutions that one of volumes consists of.
 */
function linearOutput(weight: Node, output: Node): Node | undefined {
  const forms = new Set<Node>([weight]);
  const products = new Set<Node>();
  let last: Node | undefined;
  for (const node of topologicalOrder([output])) {
    const [first, second] = node.inputs;
    if (MOVES.has(node.op) && forms.has(first)) forms.add(node);
    else if (isProduct(node, forms) || (MOVES.has(node.op) && products.has(first))) products.add((last = node));
    else if (isSum(node) && products.has(first) && products.has(second)) products.add((last = node));
  }
  return last;
}

/** Operations that only put values elsewhere. */
const MOVES = new Set<Node['op']>(['reshape', 'transpose', 'slice', 'pad', 'reverse']);

const isSum = (node: Node): boolean => node.op === 'binary' && node.attrs.kind === 'add';

/** Whether the node multiplies its first input by a form of the weight, or looks rows up in it. */
const isProduct = ({ op, inputs }: Node, forms: ReadonlySet<Node>): boolean =>
  op === 'gather' ? forms.has(inputs[0]) : PRODUCTS.has(op) && forms.has(inputs[1]) && !forms.has(inputs[0]);
const PRODUCTS = new Set<Node['op']>(['matmul', 'conv', 'conv_input']);
