/** The share of weights that are exactly 0, where a regularizer or constraint makes them so. */
import type { Session } from '../../tensor/index.js';
import type { Parameter } from '../../nn/variables.js';
import { makesZeros } from '../../nn/regularizers.js';
import type { Figures, Variable } from '../loop/snapshot.js';

function zerosIn(values: ArrayLike<number>): number {
  let zeros = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === 0) zeros++;
  return zeros;
}

/** By name of the tensor, and over all of them as `total`; undefined where nothing makes zeros. Of averages, where `averages` (in the same order) has some. */
export async function sparsityOf(
  session: Session,
  parameters: readonly Parameter[],
  averages: readonly Variable[] = [],
): Promise<Figures | undefined> {
  const judged = parameters.map((parameter, i) => ({ ...parameter, node: (averages.at(i) ?? parameter).node }));
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
