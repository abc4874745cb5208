/** A run directory that cannot be made, opened or read: where, what is wrong, and what to do about it. */
export class RunDirectoryError extends Error {
  constructor(
    readonly path: string,
    readonly problem: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(`${path}: ${problem}\n  ${hint}`, options);
    this.name = 'RunDirectoryError';
  }
}
