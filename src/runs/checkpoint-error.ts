/** A checkpoint that cannot be used: which file, what is wrong with it, and what to do about it. */
export class CheckpointError extends Error {
  constructor(
    readonly file: string,
    readonly problem: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(`${file}: ${problem}\n  ${hint}`, options);
    this.name = 'CheckpointError';
  }
}
