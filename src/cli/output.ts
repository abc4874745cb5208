/**
 * All output of the command line. Results go to stdout, everything else (progress, warnings, errors) to stderr; with --json stdout
 * has one JSON object in its last line, and the results for people go to stderr too. Nothing here ever stops a command: a reader that
 * has gone away, a terminal that was closed, or a full disk cost the output and no more.
 */
import { closeSync, fstatSync } from 'node:fs';
import { styleText } from 'node:util';
import { printable, printableJson } from '../config/printable.js';

/** The options that control output. */
export interface OutputOptions {
  readonly quiet?: boolean;
  readonly json?: boolean;
}

type Channel = 'stdout' | 'stderr';

/** Why the result could not be written. A closed pipe, as in `nn list | head -1`, is not an error. */
let lost: Error | undefined;
let hasJson = false;

/** Listens for the errors of both streams, which would otherwise end the process. */
export function guardOutput(): void {
  for (const channel of ['stdout', 'stderr'] as const) {
    process[channel].on('error', (error) => noteLoss(channel, error));
  }
  if ([0, 1, 2].some(isDevice)) void import('node:tty').then(({ isatty }) => guardTerminals(isatty));
}

function isDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch {
    return false;
  }
}

/** Node restores the terminal's settings last of all, and aborts where it has gone, unless it has been closed. */
function guardTerminals(isatty: (descriptor: number) => boolean): void {
  const terminals = [0, 1, 2].filter(isatty);
  process.on('exit', () => {
    for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor);
  });
}

function noteLoss(channel: Channel, error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (channel === 'stdout' && code !== 'EPIPE' && error instanceof Error) lost ??= error;
}

/** Why something that was written to stdout has not arrived; undefined if everything has, or the reader has gone. */
export const lostResult = (): Error | undefined => lost;

function write(channel: Channel, text: string): void {
  try {
    process[channel].write(text);
  } catch (error) {
    // A file is written to at once, and reports its error so.
    noteLoss(channel, error);
  }
}

const isColoured = (channel: Channel): boolean =>
  process[channel].isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb';

/** The words that lines begin with, or have after their place, and stand out by. */
const marks = [
  [/^(internal )?error:|^FAILED\b/, 'red'],
  [/(?<=^|: )warning:/, 'yellow'],
  [/^ok\b/, 'green'],
] as const;

function coloured(line: string): string {
  for (const [mark, colour] of marks) {
    if (mark.test(line)) return line.replace(mark, (word) => styleText(colour, word, { validateStream: false }));
  }
  return line;
}

function writeLines(channel: Channel, text: string): void {
  const lines = printable(text);
  write(channel, `${isColoured(channel) ? lines.split('\n').map(coloured).join('\n') : lines}\n`);
}

/** A status line: progress, warnings, locations. */
export const say = (options: OutputOptions, line: string): void => {
  if (!options.quiet) writeLines('stderr', line);
};

/** A line of the result. */
export const print = (options: OutputOptions, line: string): void => {
  if (!options.quiet) writeLines(options.json ? 'stderr' : 'stdout', line);
};

/** Lines about an error, which --quiet does not silence. */
export const complain = (text: string): void => writeLines('stderr', text);

/** The result for programs, with --json. */
export function printJson(options: OutputOptions, value: unknown): void {
  if (!options.json) return;
  hasJson = true;
  write('stdout', `${printableJson(JSON.stringify(value))}\n`);
}

/** An error for programs, unless the result object has already been printed: the summary of a failed run. */
export function printJsonError(message: string, exitCode: number): void {
  if (!hasJson) printJson({ json: true }, { error: { message, exit_code: exitCode } });
}

/** Resets the state for the next command in the same process. */
export function resetOutput(): void {
  lost = undefined;
  hasJson = false;
}
