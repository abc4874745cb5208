/**
 * node test/bench/tabular.mjs [--seeds N] [names]
 *
 * Cross-validates the configs of tables with several seeds, and scikit-learn's MLP at the same budget beside them: the same hidden
 * layer, activation, optimizer, learning rate, batch size and epochs, features standardized on each fold's training part, and as
 * many folds of the same kind. Needs /usr/bin/python3 (PYTHON names another) with scikit-learn. Prints a table in Markdown.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { readFileSync } from 'node:fs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '5' } },
});
const names = positionals.length > 0 ? positionals : ['wine', 'breast-cancer', 'digits', 'diabetes'];
const seeds = Array.from({ length: Number(values.seeds) }, (_, seed) => seed);
const root = new URL('../../', import.meta.url).pathname;

function lastJson(command, args) {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8', cwd: root });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** Mean over the folds, a number for each seed. */
function ours(name, figure) {
  const runs = mkdtempSync(join(tmpdir(), 'nn-tabular-'));
  const scores = seeds.map((seed) => {
    const args = ['dist/bin/nn.js', 'train', `configs/${name}.yaml`, '--seed', String(seed), '--runs-dir', runs, '--json', '--quiet']; // prettier-ignore
    return lastJson(process.execPath, args).test[figure];
  });
  rmSync(runs, { recursive: true });
  return scores;
}

/** What scikit-learn needs to know of a config; its hidden layers are the dense ones but the last. */
function budgetOf(config) {
  const dense = config.model.layers.flatMap((layer) => (layer.dense ? [layer.dense] : []));
  const { csv } = config.data.source;
  return {
    path: join('configs', csv.path),
    target: csv.target,
    task: config.task,
    folds: config.data.folds,
    hidden: dense.slice(0, -1).map(({ units }) => units),
    activation: dense[0].activation,
    lr: config.optimizer.adam.lr,
    batch_size: config.train.batch_size,
    epochs: config.train.max_epochs,
    seeds,
  };
}

const mean = (scores) => scores.reduce((a, b) => a + b, 0) / scores.length;
const spread = (scores) => Math.sqrt(scores.reduce((sum, x) => sum + (x - mean(scores)) ** 2, 0) / (scores.length - 1));
const show = (scores) => `${mean(scores).toFixed(4)} ± ${spread(scores).toFixed(4)}`;

console.log(`| config | figure | nn | scikit-learn | difference |\n| --- | --- | --- | --- | --- |`);
for (const name of names) {
  const config = parse(readFileSync(join(root, 'configs', `${name}.yaml`), 'utf8'));
  const figure = config.task === 'regression' ? 'r2' : 'accuracy';
  const own = ours(name, figure);
  const script = new URL('./sklearn-mlp.py', import.meta.url).pathname;
  const peer = lastJson(process.env.PYTHON ?? '/usr/bin/python3', [script, JSON.stringify(budgetOf(config))]);
  console.log(`| ${name} | ${figure} | ${show(own)} | ${show(peer)} | ${(mean(own) - mean(peer)).toFixed(4)} |`);
}
