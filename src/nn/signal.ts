/** What flows between layers: a tensor and, where it has one, the structure of its samples. */
import { type Node, ShapeError } from '../tensor/index.js';

/** Sequences of different lengths, padded to one: of sample i the first lengths[i] positions count. i32 [batch]. */
export interface SequenceStructure {
  readonly kind: 'sequence';
  readonly lengths: Node;
}

/** More kinds, such as the edges of a graph, come with the layers that use them. */
export type Structure = SequenceStructure;

export interface Signal {
  /** [batch, ...]; of sequences [batch, length, ...]. */
  readonly tensor: Node;
  readonly structure?: Structure;
}

/** Inputs or outputs of a network, by name. */
export type Signals = Readonly<Record<string, Signal>>;

/** The kinds of structure in the words of a message. */
export const structureNames: Readonly<Record<Structure['kind'], string>> = {
  sequence: 'sequences of different lengths',
};

/** A tensor with this structure, if there is one. */
export const signalOf = (tensor: Node, structure: Structure | undefined): Signal =>
  structure === undefined ? { tensor } : { tensor, structure };

/** The structure that all signals with one have in common. Throws ShapeError where they differ. */
export function commonStructure(signals: readonly Signal[]): Structure | undefined {
  const structures = signals.flatMap(({ structure }) => structure ?? []);
  const differing = structures.find(({ lengths }) => lengths !== structures[0].lengths);
  if (differing === undefined) return structures.at(0);
  throw new ShapeError(`can merge ${structureNames[differing.kind]} only where these lengths are the same`);
}
