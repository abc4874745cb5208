// Damages configs and data files: npm run fuzz [-- COUNT [SEED]]. 10,000 of each kind, and a seed that is printed, by default.
import { spawnSync } from 'node:child_process';

const [count = '10000', seed = String(Date.now() % 2 ** 32)] = process.argv.slice(2);
console.log(`${count} mutations of each kind, seed ${seed} (again: npm run fuzz -- ${count} ${seed})`);
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', '/mutations.test.ts', '--reporter=dot', '--testTimeout=3600000'],
  {
    stdio: 'inherit',
    env: { ...process.env, NN_FUZZ: count, NN_FUZZ_SEED: seed },
  },
);
process.exitCode = status ?? 1;
