/** Where the module of a worker thread is. */

/** The folder of compiled modules: `dist`, also for sources that are run as they are (by vitest), or `dist/bin` inside the bundle. */
function compiledFolder(here: string): URL {
  if (here.endsWith('/src/tensor/worker-file.ts')) return new URL('../../dist/', here);
  return new URL(here.endsWith('/tensor/worker-file.js') ? '../' : './', here);
}

/**
 * The file that a Worker runs: `module` is its path in `src`, without the ending. Node 20 cannot run TypeScript, so that sources
 * too start the compiled one. Modules of threads are entries of the bundle (rolldown.config.js), as nothing imports them.
 */
export const workerFile = (module: string, here = import.meta.url): URL =>
  new URL(`${module}.js`, compiledFolder(here));
