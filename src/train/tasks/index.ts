/** The tasks by the name that a config uses. */
import * as z from 'zod';
import { component, type ComponentConfig } from '../../config/index.js';
import { classification } from './classification.js';
import { multilabel } from './multilabel.js';
import { reconstruction } from './reconstruction.js';
import { regression } from './regression.js';
import type { Task } from './task.js';

export type { Objective, ObjectiveContext, ObjectiveResult } from './objective.js';
export type { BatchFit, FitCriterion, Task, TaskUpdate } from './task.js';

export const tasks = { classification, multilabel, regression, reconstruction } as const satisfies Record<string, Task>;

export type TaskName = keyof typeof tasks;
export type TaskConfig = ComponentConfig<typeof tasks>;
export const taskSchema = component(tasks);
export const taskNameSchema = z.enum(Object.keys(tasks) as [TaskName, ...TaskName[]]);

/** The task of an experiment, its options' types forgotten: they are those of the config, which the task's schema parsed. */
export const taskOf = ({ task }: { readonly task: TaskConfig }): Task => tasks[task.type];
