import { defineConfig } from 'rolldown';

/** What `nn` runs: few files instead of some four hundred, which halves the time to its first step. */
export default defineConfig({
  input: { nn: 'dist/cli/main.js' },
  platform: 'node',
  output: {
    dir: 'dist/bin',
    cleanDir: true,
    codeSplitting: { groups: [{ name: 'zod', test: /node_modules[\\/]zod/ }] },
  },
});
