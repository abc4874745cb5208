#!/usr/bin/env node
/** The process around the command line: its arguments, its exit code, and a reader of stdout that goes away. */
import { runCommandLine } from './program.js';

// `nn schema | head -1`: nobody reads any more, which is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}
process.exitCode = await runCommandLine(process.argv.slice(2));
