/**
 * The schema of a whole experiment: the single source of its types, validation, defaults, JSON Schema and docs. It takes the config
 * as written, fills in what follows from the task, and refuses parts that contradict each other.
 */
import type * as z from 'zod';
import { contradictions } from './contradictions.js';
import { type ExperimentConfig, writtenSchema } from './experiment-config.js';
import { withTaskDefaults } from './task-defaults.js';

export type { Contradiction } from './contradictions.js';
export type { ExperimentConfig } from './experiment-config.js';

/** The whole experiment. */
export const experimentSchema = writtenSchema.overwrite(withTaskDefaults).superRefine((config, context) => {
  for (const { path, message } of contradictions(withTaskDefaults(config))) {
    context.addIssue({ code: 'custom', path: [...path], message });
  }
}) as unknown as z.ZodType<ExperimentConfig, z.input<typeof writtenSchema>>; // The defaults have filled in what was optional.
