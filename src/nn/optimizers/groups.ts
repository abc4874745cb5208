/** Parameter groups: weights chosen by name, with their own learning rate or weight decay. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';

export const parameterGroupSchema = z.strictObject({
  parameters: atoms.text.describe('names of weights, * for any characters: layers.0.*, *.bias; the first matching group applies'), // prettier-ignore
  lr: atoms.nonNegative.optional().describe("learning rate instead of the optimizer's; 0 freezes these weights"),
  weight_decay: atoms.nonNegative.optional().describe("weight decay instead of the optimizer's"),
});
export type ParameterGroup = z.output<typeof parameterGroupSchema>;

/** Whether `name` matches `pattern`. */
export function matchesPattern(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.\\+?^${}()|[\]]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}

/** The first group that the parameter belongs to. */
export const groupOf = (groups: readonly ParameterGroup[], parameter: string): ParameterGroup | undefined =>
  groups.find(({ parameters }) => matchesPattern(parameters, parameter));
