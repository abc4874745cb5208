import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    pool: 'forks',
    reporters: ['default', ['json', { outputFile: process.env.TEST_REPORT ?? '.vitest-report.json' }]],
  },
});
