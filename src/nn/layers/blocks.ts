/**
 * Layers made of layers, so that a ResNet or an Inception network is plain YAML. They get the schema of a layer from the registry,
 * which they are in themselves.
 */
import * as z from 'zod';
import { add, sameShape, ShapeError, showShape } from '../../tensor/index.js';
import { activationSchema } from '../activations.js';
import { defineSignalLayer, type Layer, type LayerConfig, onlyInput, sampleShape } from '../layer.js';
import { commonStructure, signalOf } from '../signal.js';
import { addAll, concatAll } from './merge.js';

/** Ten times the deepest networks that have been of use; a typing error would otherwise fill the memory. */
const MOST_COPIES = 1000;

export function blocks(layer: z.ZodType<LayerConfig>) {
  const row = z.array(layer).min(1);

  const sequential = defineSignalLayer({
    description: 'Layers in a row, repeated if asked for, each copy with its own weights.',
    schema: z.object({
      layers: row.describe('from the input to the output'),
      repeat: z.int().min(1).max(MOST_COPIES).optional().describe('how many copies follow each other'),
    }),
    connect(context, { layers, repeat }, inputs) {
      if (repeat === undefined) return onlyInput(context.layers(layers, inputs, [], ['layers']));
      let output = inputs;
      for (let copy = 0; copy < repeat; copy++) output = context.layers(layers, output, [copy], ['layers']);
      return onlyInput(output);
    },
  });

  /** He et al. 2016: y = activation(layers(x) + shortcut(x)). */
  const residual = defineSignalLayer({
    description: 'Adds its input, or the output of a shortcut, to the output of its layers.',
    schema: z.object({
      layers: row.describe('what is learned on top of the input'),
      shortcut: row
        .optional()
        .describe('what the input goes through before it is added; needed where the layers change the shape'),
      activation: activationSchema.optional().describe('applied to the sum'),
    }),
    connect(context, { layers, shortcut, activation }, inputs) {
      const output = onlyInput(context.layers(layers, inputs, [], ['layers']));
      const passed = onlyInput(shortcut === undefined ? inputs : context.layers(shortcut, inputs, ['shortcut'], ['shortcut'])); // prettier-ignore
      if (!sameShape(output.tensor.shape, passed.tensor.shape)) {
        const [made, kept] = [output, passed].map(({ tensor }) => showShape(sampleShape(tensor)));
        throw new ShapeError(
          `the layers give ${made}, the ${shortcut === undefined ? 'input' : 'shortcut'} is ${kept}: both must have one shape` +
            (shortcut === undefined ? '; bring it there with a shortcut, such as [{conv2d: {filters, kernel_size: 1, strides}}]' : ''), // prettier-ignore
        );
      }
      const sum = add(output.tensor, passed.tensor);
      return signalOf(context.activate(activation, sum), commonStructure([output, passed]));
    },
  });

  /** Szegedy et al. 2015 ("Inception"). */
  const parallel = defineSignalLayer({
    description: 'Several rows of layers on the same input, their outputs put side by side or added.',
    schema: z.object({
      branches: z.array(z.array(layer)).min(2).describe('rows of layers; an empty one passes the input on'),
      merge: z
        .enum(['concat', 'add'])
        .default('concat')
        .describe('concat: channel after channel along the last axis; add: element by element'),
      activation: activationSchema.optional().describe('applied to what was merged'),
    }),
    connect(context, { branches, merge, activation }, inputs) {
      const outputs = branches.map((branch, i) => onlyInput(context.layers(branch, inputs, [i], ['branches', i])));
      const tensors = outputs.map(({ tensor }) => tensor);
      const merged = merge === 'add' ? addAll(tensors, 'branches') : concatAll(tensors, 'branches');
      return signalOf(context.activate(activation, merged), commonStructure(outputs));
    },
  });

  return { sequential, residual, parallel } as const satisfies Record<string, Layer>;
}
