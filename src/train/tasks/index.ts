/** The tasks by the name that a config uses. */
import * as z from 'zod';
import { classification } from './classification.js';
import { multilabel } from './multilabel.js';
import { reconstruction } from './reconstruction.js';
import { regression } from './regression.js';
import type { Task } from './task.js';

export type { Objective, ObjectiveContext, ObjectiveResult } from './objective.js';
export type { BatchFit, FitCriterion, Task, TaskUpdate } from './task.js';

export const tasks = { classification, multilabel, regression, reconstruction } as const satisfies Record<string, Task>;

export type TaskName = keyof typeof tasks;
export const taskSchema = z.enum(Object.keys(tasks) as [TaskName, ...TaskName[]]);

/** The task of an experiment. */
export const taskOf = ({ task }: { readonly task: TaskName }): Task => tasks[task];
