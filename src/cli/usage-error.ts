/** A command line that cannot be understood, or asks for what there is not. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
