/** The share of weights that are exactly 0, where a regularizer or constraint makes them so. */
import type { Session } from '../../tensor/index.js';
import { makesZeros, type Parameter } from '../../nn/index.js';
import type { Figures, Variable } from '../loop/snapshot.js';
import { averageName } from '../step/run-inputs.js';

function zerosIn(values: ArrayLike<number>): number {
  let zeros = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === 0) zeros++;
  return zeros;
}

/** By name of the tensor, and over all of them as `total`; undefined where nothing makes zeros. Of the `averages` of parameters that have one. */
export async function sparsityOf(
  session: Session,
  parameters: readonly Parameter[],
  averages: readonly Variable[] = [],
): Promise<Figures | undefined> {
  const averageOf = new Map(averages.map(({ name, node }) => [name, node]));
  const judged = parameters.map((parameter) => ({
    ...parameter,
    node: averageOf.get(averageName(parameter.name)) ?? parameter.node,
  }));
  const sparse = judged.filter(
    ({ regularizers, constraint }) => regularizers.some(makesZeros) || constraint?.type === 'non_negative',
  );
  if (sparse.length === 0) return undefined;
  const counts = await Promise.all(
    sparse.map(async ({ name, node }) => {
      const values = await session.read(node);
      return { name, size: values.length, zeros: zerosIn(values) };
    }),
  );
  const sum = (pick: 'size' | 'zeros'): number => counts.reduce((total, count) => total + count[pick], 0);
  return {
    total: sum('zeros') / sum('size'),
    ...Object.fromEntries(counts.map(({ name, size, zeros }) => [name, zeros / size])),
  };
}
