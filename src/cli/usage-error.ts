/** An invalid command line, or one that names something that does not exist. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
