/** Which samples an epoch sees, in which order: a function of the seed and the epoch's number. */
import { hostRandom, type HostRandom } from '../../tensor/index.js';
import { sampleOf, type Split } from '../../data/index.js';
import type { ExperimentConfig } from '../schema.js';
import { referenceOf } from '../step/dataset.js';

/** As many samples as the training split has, for the epoch number `epoch` (from 1). */
export function epochOrder({ seed, train }: ExperimentConfig, split: Split, epoch: number): Int32Array {
  if (!train.shuffle) return Int32Array.from({ length: split.size }, (_, i) => i);
  const random = hostRandom(seed, `shuffle.${epoch}`);
  return train.sampling === 'balanced' ? balancedOrder(split, random) : random.permutation(split.size);
}

/**
 * Every class equally often; the remainder goes to random classes, one sample each. Samples of a class are drawn without replacement
 * until all have been used, so an epoch sees a part of a frequent class, and all of a rare one several times.
 */
function balancedOrder(split: Split, random: HostRandom): Int32Array {
  const { size } = split;
  const labels = referenceOf(split);
  const members = new Map<number, number[]>();
  for (let i = 0; i < size; i++) {
    const [label] = sampleOf(labels, i);
    const known = members.get(label);
    if (known === undefined) members.set(label, [i]);
    else known.push(i);
  }
  const classes = [...members.keys()].sort((a, b) => a - b);
  const share = Math.floor(size / classes.length);
  const withOneMore = new Set(random.permutation(classes.length).subarray(0, size % classes.length));
  const drawn = new Int32Array(size);
  let end = 0;
  classes.forEach((label, c) => {
    const own = members.get(label) ?? [];
    for (let left = share + Number(withOneMore.has(c)); left > 0; left -= own.length) {
      for (const at of random.permutation(own.length).subarray(0, left)) drawn[end++] = own[at];
    }
  });
  return random.permutation(size).map((at) => drawn[at]);
}
