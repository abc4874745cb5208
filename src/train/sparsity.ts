/** The share of weights that are exactly 0, where a regularizer makes them so. */
import type { Session } from '../tensor/index.js';
import type { Parameter } from '../nn/layer.js';
import { makesZeros } from '../nn/regularizers.js';
import type { Figures } from './snapshot.js';

function zerosIn(values: ArrayLike<number>): number {
  let zeros = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === 0) zeros++;
  return zeros;
}

/** By name of the tensor, and over all of them as `total`; undefined where no regularizer makes zeros. */
export function sparsityOf(session: Session, parameters: readonly Parameter[]): Figures | undefined {
  const sparse = parameters.filter(({ regularizers }) => regularizers.some(makesZeros));
  if (sparse.length === 0) return undefined;
  const counts = sparse.map(({ name, node }) => {
    const values = session.read(node);
    return { name, size: values.length, zeros: zerosIn(values) };
  });
  const sum = (pick: 'size' | 'zeros'): number => counts.reduce((total, count) => total + count[pick], 0);
  return {
    total: sum('zeros') / sum('size'),
    ...Object.fromEntries(counts.map(({ name, size, zeros }) => [name, zeros / size])),
  };
}
