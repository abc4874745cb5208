/**
 * Schemas of the plain values that configs are made of. Error messages and docs derive their wording from the bounds ("a positive
 * integer", "a number from 0 to 1"), so an atom is only its bounds; add `.describe(...)` where it is used.
 */
import * as z from 'zod';

export const positiveInt = z.int().positive();
export const nonNegativeInt = z.int().nonnegative();
export const finite = z.number();
export const positive = z.number().positive();
export const nonNegative = z.number().nonnegative();
/** In [0, 1]. */
export const probability = z.number().min(0).max(1);
/** In [0, 1): a share that may not be everything, such as a dropout rate or a decay of moments. */
export const properFraction = z.number().min(0).lt(1);
/** What the random number generator takes. */
export const seed = z.int().min(0).max(0xffffffff);
export const text = z.string().min(1);
