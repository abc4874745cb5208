import js from '@eslint/js';
import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

/** Longer than one can keep in mind at once. Comments and blank lines count: they are read too. What imports what: .dependency-cruiser.js. */
const size = {
  'max-lines': ['error', { max: 400 }],
  'max-lines-per-function': ['error', { max: 100 }],
};

/** They wait for a FIFO and never end with a device. */
const unguarded = (name) => ({
  name,
  importNames: ['readFile', 'readFileSync', 'createReadStream'],
  message: 'Files that a user, a config or a checkpoint can name are opened by config/regular-file.ts.',
});

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'runs'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': 'off',
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  {
    // Patterns meet foreign files and configs, and one that backtracks lets a few bytes hang the program.
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      parserOptions: { projectService: false },
      globals: { process: 'readonly', console: 'readonly', performance: 'readonly', URL: 'readonly' },
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      ...size,
      'no-restricted-imports': ['error', { paths: [unguarded('node:fs'), unguarded('node:fs/promises')] }],
      // Quadratic where a search begins anew at every character, such as for spaces at the end of a line.
      'regexp/no-super-linear-move': ['error', { report: 'potential', ignorePartial: false }],
    },
  },
  // What these read is the system's or our own.
  {
    files: ['src/data/formats/jpeg.ts', 'src/runs/run-lock.ts', 'src/runs/version.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
);
