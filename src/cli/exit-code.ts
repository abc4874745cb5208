/** Exit codes of the process; scripts depend on them. */
export const exitCode = {
  done: 0,
  /** The run failed, or its checkpoint cannot be used. */
  failed: 1,
  /** The command, the config or the data is wrong. */
  usage: 2,
  /** overfit-batch, gradcheck or `check --strict` failed. */
  checkFailed: 3,
  /** Ctrl-C. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
