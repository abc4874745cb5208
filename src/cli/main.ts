#!/usr/bin/env node
/** The process around the command line: its arguments, its exit code, and a reader of stdout that goes away. */
import module from 'node:module';

// `nn schema | head -1`: nobody reads any more, which is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}
// From Node 22.1 on: keeps compiled code between runs. What is imported after it comes from there.
const later: typeof module & { enableCompileCache?: () => unknown } = module;
later.enableCompileCache?.();
// Unless the command comes to its end: a promise that nobody keeps must not look like success.
process.exitCode = 13;
void import('./program.js').then(async ({ runCommandLine }) => {
  process.exitCode = await runCommandLine(process.argv.slice(2));
});
