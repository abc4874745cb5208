#!/usr/bin/env node
/** The process around the command line: its arguments, its exit code, and output that is not read. */
import module from 'node:module';
import { complain, guardOutput, lostResult } from './output.js';

guardOutput();
// From Node 22.1 on: keeps compiled code between runs. What is imported after it comes from there.
const later: typeof module & { enableCompileCache?: () => unknown } = module;
later.enableCompileCache?.();
// Unless the command ends properly: a promise that never settles must not look like success.
process.exitCode = 13;
const args = process.argv.slice(2);
// Errors thrown by threads and timers.
process.once('uncaughtException', (error) => {
  const end = (code: number): void => process.exit(code);
  // If even that fails to load, Node's default remains: a stack and exit code 1.
  void import('./report.js').then(({ report }) => end(report(error, { debug: args.includes('--debug'), json: args.includes('--json') }))); // prettier-ignore
});
// Its thread starts while everything else is loaded.
if (args[0] === 'train' && !args.some((arg) => arg.startsWith('--resume')))
  void import('../data/unpack-ahead.js').then(({ startUnpacking }) => startUnpacking());
void import('./program.js').then(async ({ runCommandLine }) => {
  process.exitCode = await runCommandLine(args);
});
// By then all output has either arrived or failed.
process.on('beforeExit', () => {
  const lost = lostResult();
  if (lost === undefined || process.exitCode !== 0) return;
  process.exitCode = 1;
  complain(`error: the result could not be written to stdout: ${lost.message}`);
});
