/** What a decoding library says of a damaged file: its own words, but not those of the JavaScript that tripped over the content. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof TypeError || error instanceof RangeError
    ? 'its content contradicts itself'
    : error.message.replace('undefined', 'unknown');
}
