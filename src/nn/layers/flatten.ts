import * as z from 'zod';
import { reshape } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';

export const flatten = defineLayer({
  description: 'All values of a sample in one vector, row-major.',
  traits: ['moves_values'],
  schema: z.object({}),
  build: (_context, _config, x) => reshape(x, [x.shape[0], -1]),
});
