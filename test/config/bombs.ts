/** Configs that are small to write and large to read: deep, long, or many times the same. */
import type { HostRandom } from '../../src/tensor/random.js';

const layersOf = (text: string): string => `model: {layers: [${text}]}\n`;

const bombs: readonly ((size: number, random: HostRandom) => string)[] = [
  (size, random) => `a: ${'[{('[random.below(2)].repeat(size)}`,
  (size) => '? '.repeat(size),
  (size) => `a:\n${'- '.repeat(size)}x`,
  (size) => Array.from({ length: size }, (_, i) => `k${i}: &a${i} 1`).join('\n'),
  (size) => `a: &a [1, 2]\nb: [${Array.from({ length: size }, () => '*a').join(', ')}]`,
  (size) => Array.from({ length: Math.min(size, 64) }, (_, i) => `k${i + 1}: &k${i + 1} [*k${i}, *k${i}]`).join('\n').replace('*k0, *k0', '1'), // prettier-ignore
  (size) => `name: "${'${env:A'.repeat(size)}"`,
  (size) => `name: "${'${'.repeat(size)}"`,
  (size) => `name: ${'x'.repeat(size)}`,
  (size) => `${'x'.repeat(size)}: 1`,
  (size) => layersOf(`{sequential: {repeat: ${size * 1000}, layers: [flatten]}}`),
  (size) => layersOf('{sequential: {layers: ['.repeat(Math.min(size, 5000)) + 'flatten' + ']}}'.repeat(Math.min(size, 5000))), // prettier-ignore
  (size) => layersOf(Array.from({ length: size }, () => 'flatten').join(', ')),
  (size) => `#${' '.repeat(size)}\n`.repeat(3),
  (size) => `a: |\n${'  x\n'.repeat(size)}`,
];

/** A bomb of one of the kinds, `size` about the number of its parts. */
export const bomb = (random: HostRandom): string => {
  const size = 2 ** random.below(18) + random.below(1000);
  return bombs[random.below(bombs.length)](size, random);
};
