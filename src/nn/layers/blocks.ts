/**
 * Layers made of layers, so that a ResNet or an Inception network is plain YAML. They get the schema of a layer from the registry,
 * which they are in themselves.
 */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, concat, type Node, sameShape, ShapeError, showShape } from '../../tensor/index.js';
import { activationSchema } from '../activations.js';
import { defineLayer, type Layer, type LayerConfig, sampleShape } from '../layer.js';

const name = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_-]*$/, 'expected a letter, then letters, digits, "-" and "_" only')
  .optional()
  .describe('stands in the names of the weights instead of the number of the block');

/** The branches must agree in `sizes`, the shape of a sample without the axes where they may differ. */
function requireAlike(outputs: readonly Node[], merge: string, sizes: (x: Node) => readonly number[]): void {
  const differing = outputs.find((output) => !sameShape(sizes(output), sizes(outputs[0])));
  if (differing === undefined) return;
  const shapes = outputs.map((output) => showShape(sampleShape(output))).join(', ');
  throw new ShapeError(
    merge === 'add'
      ? `can add branches of one shape only, got ${shapes}`
      : `can concatenate branches that differ in the last axis only, got ${shapes}`,
  );
}

/** Ten times the deepest networks that have been of use; a typing error would otherwise fill the memory. */
const MOST_COPIES = 1000;

export function blocks(layer: z.ZodType<LayerConfig>) {
  const row = z.array(layer).min(1);

  const sequential = defineLayer({
    description: 'Layers in a row, as often as wanted, each copy with weights of its own.',
    schema: z.object({
      layers: row.describe('from the input to the output'),
      repeat: z.int().min(1).max(MOST_COPIES).optional().describe('how many copies follow each other'),
      name,
    }),
    build(context, { layers, repeat }, x) {
      if (repeat === undefined) return context.layers(layers, x, [], ['layers']);
      return Array.from({ length: repeat }).reduce<Node>(
        (output, _, copy) => context.layers(layers, output, [copy], ['layers']),
        x,
      );
    },
  });

  /** He et al. 2016: y = activation(layers(x) + shortcut(x)). */
  const residual = defineLayer({
    description: 'Adds its input, or what a shortcut makes of it, to the output of its layers.',
    schema: z.object({
      layers: row.describe('what is learned on top of the input'),
      shortcut: row
        .optional()
        .describe('what the input goes through before it is added; needed where the layers change the shape'),
      activation: activationSchema.optional().describe('applied to the sum'),
      name,
    }),
    build(context, { layers, shortcut, activation }, x) {
      const output = context.layers(layers, x, [], ['layers']);
      const passed = shortcut === undefined ? x : context.layers(shortcut, x, ['shortcut'], ['shortcut']);
      if (!sameShape(output.shape, passed.shape)) {
        const [made, kept] = [output, passed].map((node) => showShape(sampleShape(node)));
        throw new ShapeError(
          `the layers give ${made}, the ${shortcut === undefined ? 'input' : 'shortcut'} is ${kept}: both must have one shape` +
            (shortcut === undefined ? '; bring it there with a shortcut, such as [{conv2d: {filters, kernel_size: 1, strides}}]' : ''), // prettier-ignore
        );
      }
      return context.activate(activation, add(output, passed));
    },
  });

  /** Szegedy et al. 2015 ("Inception"). */
  const parallel = defineLayer({
    description: 'Several rows of layers on the same input, their outputs put side by side or added.',
    schema: z.object({
      branches: z.array(z.array(layer)).min(2).describe('rows of layers; an empty one passes the input on'),
      merge: z
        .enum(['concat', 'add'])
        .default('concat')
        .describe('concat: channel after channel along the last axis; add: element by element'),
      activation: activationSchema.optional().describe('applied to what was merged'),
      name,
    }),
    build(context, { branches, merge, activation }, x) {
      const outputs = branches.map((branch, i) => context.layers(branch, x, [i], ['branches', i]));
      requireAlike(outputs, merge, ({ shape }) => (merge === 'add' ? shape : shape.slice(0, -1)));
      const [first] = outputs;
      if (merge === 'concat' && first.shape.length < 2) throw new ShapeError('needs at least one axis per sample to concatenate'); // prettier-ignore
      const merged = merge === 'add' ? outputs.reduce((a, b) => add(a, b)) : concat(outputs, first.shape.length - 1);
      return context.activate(activation, merged);
    },
  });

  return { sequential, residual, parallel } as const satisfies Record<string, Layer>;
}
