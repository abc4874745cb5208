/** Damages a config: pieces of YAML put in, characters taken out. */
import type { HostRandom } from '../../src/tensor/random.js';

const PIECES = [
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '&a ',
  '*a',
  '*m',
  '<<: *m',
  '"',
  "'",
  '\n',
  '  ',
  '\t',
  '0',
  '-1',
  '.nan',
  'null',
].concat([
  '!!str ',
  '${env:',
  '|',
  '>',
  '#',
  '?',
  '__proto__: ',
  '1e400',
  ',',
  '\u2028',
  '\uFEFF',
  '%',
  '---\n',
  '\0',
  '\ud800',
]);

/** `text` with one to three edits. */
export function mutated(text: string, random: HostRandom): string {
  for (let edits = random.below(3) + 1; edits > 0; edits--) {
    const at = random.below(text.length);
    const removed = random.below(3) === 0 ? random.below(20) : 0;
    text =
      text.slice(0, at) + (random.below(4) > 0 ? PIECES[random.below(PIECES.length)] : '') + text.slice(at + removed);
  }
  return text;
}
