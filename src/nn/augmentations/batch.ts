/**
 * Applies the augmentations of an experiment to a batch. The stages run in a fixed order, whatever the order in the config: all
 * geometric augmentations are one map and with the displacements one resampling, taken from the samples where they are held, as
 * they are gathered; then values of pixels, preprocessing, features, mixing. Targets are changed before they are mixed.
 */
import type { Affine, FeatureColumn } from '../../data/index.js';
import {
  add,
  cast,
  concat,
  constant,
  gather,
  ge,
  lt,
  mul,
  type Node,
  reshape,
  select,
  sub,
} from '../../tensor/index.js';
import { SampleRandom } from '../random-source.js';
import { AugmentContext, type Augmentation, perSample } from './augmentation.js';
import { type AugmentationConfig, augmentationOf } from './index.js';
import { identity, product } from './matrix.js';
import { type Fill, interpolate, pick, planesOf, sourcesOf } from './resample.js';

/** Where the samples of a batch are. */
export interface BatchSamples {
  /** [samples, ...]: bytes, or numbers. */
  readonly features: Node;
  /** i32 [batch]: their indices. */
  readonly at: Node;
  /** Of the rows of a table: what each feature is. */
  readonly columns?: readonly FeatureColumn[];
  /** For bytes: how they are preprocessed. */
  readonly affine?: Affine;
}

/** The samples of a batch in their order, and the samples that they are mixed with. */
export interface Mixture {
  /** i32 [batch]: the place in the batch of the other sample. */
  readonly partner: Node;
  /** [batch]: the share of the sample itself. */
  readonly share: Node;
}

/** An augmentation with the parameters that its schema parsed, and what it draws from. */
interface Active<A extends Augmentation> {
  readonly entry: A;
  readonly params: AugmentationConfig;
  readonly context: AugmentContext;
}

/** White as a byte. */
const WHITE_BYTE = 255;

/** The augmentations of an experiment at work on one batch. */
export class BatchAugmentation {
  private readonly active: readonly Active<Augmentation>[];

  /**
   * `key` is that of the step's random numbers and `seedKey` one that does not change, for noise that is the same in every step;
   * `samples` (i32 [batch]) says which samples they are.
   */
  constructor(
    configs: readonly AugmentationConfig[],
    key: Node,
    seedKey: readonly [number, number],
    private readonly samples: Node,
  ) {
    const [batch] = samples.shape;
    const changing = new SampleRandom(key, samples);
    const fixed = new SampleRandom(constant(seedKey, [2], 'u32'), samples);
    const seen = new Map<string, number>();
    this.active = configs.map((params) => {
      const entry = augmentationOf(params);
      const before = seen.get(params.type) ?? 0;
      seen.set(params.type, before + 1);
      // Named by type, not by place, so that adding to the list does not change the others.
      const name = before === 0 ? params.type : `${params.type}.${before}`;
      const random = entry.stage === 'targets' && entry.fixed(params) ? fixed : changing;
      return { entry, params, context: new AugmentContext(name, random, batch) };
    });
  }

  private stage<T extends Augmentation['stage']>(stage: T): Active<Extract<Augmentation, { stage: T }>>[] {
    const has = (active: Active<Augmentation>): active is Active<Extract<Augmentation, { stage: T }>> =>
      active.entry.stage === stage;
    return this.active.filter(has);
  }

  /** The preprocessed features of the batch, f32 [batch, ...], augmented and mixed. */
  features(batch: BatchSamples, plain: () => Node): { readonly x: Node; readonly mixture?: Mixture } {
    const onImages = ['geometry', 'displacement', 'pixels'] as const;
    const asImages = onImages.some((stage) => this.stage(stage).length > 0);
    const start = asImages ? this.images(batch) : plain();
    const x = this.stage('features').reduce(
      (all, { entry, params, context }) => entry.apply(context, params, all, batch.columns),
      start,
    );
    return this.mix(x);
  }

  private images({ features, at: places, affine }: BatchSamples): Node {
    const [, height, width] = features.shape;
    const [batch] = this.samples.shape;
    const white = features.dtype === 'u8' ? WHITE_BYTE : 1;
    const pixelwise = this.stage('pixels');
    const moved = this.resampled(features, places, white);
    const bright = pixelwise.length > 0 && white !== 1 ? moved.map((plane) => mul(plane, 1 / white)) : moved;
    const changed = pixelwise.reduce<readonly Node[]>(
      (planes, { entry, params, context }) => entry.apply(context, params, planes),
      bright,
    );
    const unit = pixelwise.length > 0 ? white : 1;
    const at = (values: readonly number[], c: number): number => values[values.length === 1 ? 0 : c];
    const planes = changed.map((plane, c) =>
      affine === undefined ? mul(plane, unit) : add(mul(plane, unit * at(affine.scale, c)), at(affine.shift, c)),
    );
    return concat(planes.map((plane) => reshape(plane, [batch, height, width, 1])), 3); // prettier-ignore
  }

  /** The planes of the images after geometry and displacement, in the unit of the resident values. */
  private resampled(features: Node, at: Node, white: number): Node[] {
    const [samples, height, width, channels] = features.shape;
    const [batch] = this.samples.shape;
    const size = { height, width };
    const geometric = this.stage('geometry');
    const displacing = this.stage('displacement');
    const [filling] = this.stage('fill');
    const rows = reshape(features, [samples * height * width, channels]);
    const pixels = { rows, first: mul(at, height * width) };
    const { mode, value } = (filling?.params as Fill | undefined) ?? { mode: 'constant', value: 0 };
    const fill: Fill = { mode, value: value * white };
    if (geometric.length + displacing.length === 0) return planesOf(cast(gather(features, at), 'f32'));
    const matrix = geometric
      .map(({ entry, params, context }) => entry.matrix(context, params, size))
      .reduce(product, identity);
    const fields = displacing.map(({ entry, params, context }) => entry.field(context, params, size));
    const displacement =
      fields.length === 0 ? undefined : fields.reduce((a, b) => ({ x: add(a.x, b.x), y: add(a.y, b.y) }));
    const sources = sourcesOf(matrix, batch, size, displacement);
    const exact = displacement === undefined && geometric.every(({ entry }) => entry.exact);
    return (exact ? pick : interpolate)(pixels, sources, size, fill);
  }

  /** Mixes every sample with the one before it in the batch. Of several ways to mix, each sample takes one at random. */
  private mix(x: Node): { readonly x: Node; readonly mixture?: Mixture } {
    const mixing = this.stage('mixing');
    const [batch] = this.samples.shape;
    if (mixing.length === 0 || batch === 1) return { x };
    const partner = constant(Array.from({ length: batch }, (_, i) => (i + batch - 1) % batch), [batch], 'i32'); // prettier-ignore
    const other = gather(x, partner);
    const [{ context }] = mixing;
    const choice = context.random.below(context.stream('choice'), [batch], mixing.length);
    const { x: mixed, share } = mixing
      .map(({ entry, params, context }) => entry.apply(context, params, x, other))
      .reduce((before, next, i) => {
        const isEarlier = lt(choice, i);
        return {
          x: select(perSample(isEarlier, x.shape.length), before.x, next.x),
          share: select(isEarlier, before.share, next.share),
        };
      });
    return { x: mixed, mixture: { partner, share } };
  }

  /** The targets of the batch with noise on them; `classes` is the number of classes where they are class labels. */
  targets(target: Node, classes: number): Node {
    return this.stage('targets').reduce(
      (all, { entry, params, context }) => entry.apply(context, params, all, classes),
      target,
    );
  }
}

/** The reference of losses and metrics: the targets, and the ones mixed into them. */
export interface Targets {
  readonly target: Node;
  readonly other?: { readonly target: Node; readonly share: Node };
}

/** Numbers (f32) are mixed; of class labels both stay, each with its share. */
export function mixTargets(target: Node, mixture: Mixture | undefined): Targets {
  if (mixture === undefined) return { target };
  const { partner, share } = mixture;
  const other = gather(target, partner);
  if (target.dtype !== 'f32') return { target, other: { target: other, share } };
  const factor = perSample(share, target.shape.length);
  return { target: add(mul(target, factor), mul(other, sub(1, factor))) };
}

/** The loss of each sample under mixed labels: that of both in their shares, which for cross-entropy is that of the mixed label. */
export function mixedLosses({ target, other }: Targets, lossOf: (target: Node) => Node): Node {
  if (other === undefined) return lossOf(target);
  return add(mul(lossOf(target), other.share), mul(lossOf(other.target), sub(1, other.share)));
}

/** The reference of metrics while labels are mixed: the label with the larger share. */
export function mainTarget({ target, other }: Targets): Node {
  if (other === undefined) return target;
  return select(perSample(ge(other.share, 0.5), target.shape.length), target, other.target);
}
