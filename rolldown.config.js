import { defineConfig } from 'rolldown';

/**
 * What `nn` runs: few files instead of some four hundred, which halves the time to its first step, and CommonJS, which takes Node 20
 * another tenth off it.
 */
export default defineConfig({
  input: { nn: 'dist/cli/main.js' },
  platform: 'node',
  plugins: [
    {
      name: 'commonjs-folder',
      generateBundle() {
        this.emitFile({ type: 'asset', fileName: 'package.json', source: '{ "type": "commonjs" }\n' });
      },
    },
  ],
  output: {
    dir: 'dist/bin',
    format: 'cjs',
    cleanDir: true,
    codeSplitting: { groups: [{ name: 'zod', test: /node_modules[\\/]zod/ }] },
  },
});
