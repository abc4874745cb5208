/** NumPy's .npz: a ZIP archive with one .npy file per array. */
import { nearest } from '../../config/nearest.js';
import { DataError, listed } from '../data-error.js';
import type { PlacedArray } from './numeric-array.js';
import { parseNpy } from './npy.js';
import { openZip } from './zip.js';

/** Reads the archive's arrays by name. Throws DataError if it is missing or damaged. */
export function openNpz(bytes: Buffer, file: string): (name: string) => Promise<PlacedArray> {
  const members = new Map(openZip(bytes, file).map((member) => [member.name.replace(/\.npy$/, ''), member]));
  return (name) => {
    const member = members.get(name);
    if (member === undefined) {
      const similar = nearest(name, [...members.keys()]);
      const hint = similar === undefined ? undefined : `did you mean "${similar}"?`;
      const problem = `no array "${name}"; the arrays are ${listed([...members.keys()], 20)}`;
      return Promise.reject(new DataError(problem, { file, hint }));
    }
    const place = { file, part: `array "${name}"` };
    // Inside a promise, so that errors surface however many arrays are read concurrently.
    return Promise.resolve().then(() => ({ ...parseNpy(member.read(), place), place }));
  };
}
