/** Text from files and arguments, made safe to show: terminal control and bidirectional characters are escaped. */

/** C0 and C1 controls, DEL, line and paragraph separators, and the controls of the bidirectional algorithm. */
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const STEERING = /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069\uFEFF]/g;

const spelled = (character: string): string => {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
};

/** One line: `\x1b[31m` for the escape character. Line ends are escaped too, a tab becomes a space. */
export const printableLine = (text: string): string => text.replaceAll('\t', ' ').replace(STEERING, spelled);

/** Like `printableLine`, but keeps line ends. */
export const printable = (text: string): string => text.split(/\r?\n/).map(printableLine).join('\n');

/** The text of JSON that means the same: within its strings, where alone they can stand, steering characters are escaped. */
export const printableJson = (json: string): string =>
  json.replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
