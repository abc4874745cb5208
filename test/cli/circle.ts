/** A small experiment that trains in a fraction of a second: on which side of a circle does a point lie? */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Summary } from '../../src/runs/index.js';
import { hostRandom } from '../../src/tensor/index.js';
import { nnHere } from './helpers.js';

/** Writes a table of two numbers x, y and the side of the circle x^2 + y^2 = 1 on which they lie. */
export function writeCircle(path: string, rows: number): void {
  const random = hostRandom(1, 'circle');
  const lines = Array.from({ length: rows }, () => {
    const [x, y] = [random.normal(), random.normal()];
    return `${x.toFixed(4)},${y.toFixed(4)},${x * x + y * y < 1 ? 'inner' : 'outer'}`;
  });
  writeFileSync(path, `x,y,side\n${lines.join('\n')}\n`);
}

const config = `name: circle
seed: 3
task: classification
data:
  source:
    csv: {path: circle.csv, target: side}
  split: {val: 0.2, test: 0.2, stratify: true}
model:
  layers:
    - dense: {units: 8, activation: relu}
    - dropout: {rate: 0.1}
    - dense: {units: 2}
optimizer: {adam: {lr: 0.01}}
train: {max_epochs: 3, batch_size: 16}
`;

/** Writes the experiment into `folder`, with 120 samples, and returns the path of its config. */
export function writeExperiment(folder: string): string {
  const path = join(folder, 'circle.yaml');
  writeCircle(join(folder, 'circle.csv'), 120);
  writeFileSync(path, config);
  return path;
}

/** Trains to the end and returns the summary. */
export async function trained(...args: readonly string[]): Promise<Summary> {
  const { code, out, err } = await nnHere('train', ...args, '--json');
  if (code !== 0) throw new Error(`exit code ${code}: ${err}`);
  return JSON.parse(out) as Summary;
}
