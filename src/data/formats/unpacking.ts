/** Limits on what compressed files may unpack to, checked before memory is allocated. */
import { DataError, type DataErrorPlace } from '../data-error.js';

/** DEFLATE's limit: one bit for a match of 258 bytes and one for its distance, 1032 to 1. */
const MOST_EXPANSION = 1032;
/** Real data rarely compresses by more than a factor of 100; larger claims are rejected beyond this size. */
const USUAL_EXPANSION = 100;
const MOST_BEYOND = 2 ** 30;

/** Whether `packed` bytes can hold `unpacked` ones at all. */
export const canHold = (packed: number, unpacked: number): boolean => unpacked <= packed * MOST_EXPANSION;

/** Throws DataError where a few bytes would fill the memory. `unpack` says how to avoid the compression. */
export function refuseBomb(packed: number, unpacked: number, place: DataErrorPlace, unpack: string): void {
  if (unpacked <= MOST_BEYOND || unpacked <= packed * USUAL_EXPANSION) return;
  const times = Math.round(unpacked / packed);
  throw new DataError(
    `${packed} bytes unpack to ${unpacked}, ${times} times as many; more than ${MOST_BEYOND} are taken up to ${USUAL_EXPANSION} times only`,
    { ...place, hint: `if that is right, ${unpack}` },
  );
}
