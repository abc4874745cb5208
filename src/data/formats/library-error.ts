/** A decoding library's message about a damaged file, but not the JavaScript error of a crash on its content. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof TypeError || error instanceof RangeError
    ? 'its content is inconsistent'
    : error.message.replace('undefined', 'unknown');
}
