/** Output files requested by an option, such as a picture or a page. */
import { statSync, writeFileSync } from 'node:fs';
import { explainSystemError } from '../config/system-error.js';
import { FileWriteError, writeFileAtomic } from '../runs/index.js';
import { UsageError } from './usage-error.js';

/** Writes a file atomically; devices and pipes are written to directly. Throws UsageError. */
export function writeOutput(option: string, file: string, content: string | Buffer): void {
  try {
    if (statSync(file, { throwIfNoEntry: false })?.isFile() ?? true) writeFileAtomic(file, content);
    else writeFileSync(file, content);
  } catch (error) {
    const { problem } = explainSystemError(error instanceof FileWriteError ? error.cause : error);
    throw new UsageError(`${option}: cannot write ${file}: ${problem}`);
  }
}
