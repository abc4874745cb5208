/** Gradient clipping. */
import { add, div, maximum, minimum, mul, type Node } from '../tensor/index.js';
import { globalNorm } from './norms.js';

/** PyTorch's clip_grad_norm_ adds this to the norm. */
const NORM_EPSILON = 1e-6;

/** All gradients times min(1, maxNorm / (norm + 1e-6)), as PyTorch's clip_grad_norm_ (Pascanu et al. 2013). */
export function clipByGlobalNorm(gradients: readonly Node[], maxNorm: number): Node[] {
  if (gradients.length === 0) return [];
  const factor = minimum(div(maxNorm, add(globalNorm(gradients), NORM_EPSILON)), 1);
  return gradients.map((g) => mul(g, factor));
}

/** Every element brought into [-limit, limit]. */
export const clipByValue = (gradients: readonly Node[], limit: number): Node[] =>
  gradients.map((g) => maximum(minimum(g, limit), -limit));

/** What a config asks for: by value first, then by norm, so the norm holds in the end. */
export function clipGradients(
  gradients: readonly Node[],
  limits: { readonly norm?: number; readonly value?: number },
): readonly Node[] {
  const bounded = limits.value === undefined ? gradients : clipByValue(gradients, limits.value);
  return limits.norm === undefined ? bounded : clipByGlobalNorm(bounded, limits.norm);
}
