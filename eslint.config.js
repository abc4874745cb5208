import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** The way of a run, left to right: a folder imports only from folders to its left, and from src/tensor. */
const folders = ['config', 'data', 'nn', 'train', 'runs', 'runner', 'cli'];

const boundaries = [
  { folder: 'tensor', forbidden: folders },
  ...folders.map((folder, i) => ({ folder, forbidden: folders.slice(i + 1) })),
].map(({ folder, forbidden }) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: forbidden.map((name) => ({
          regex: `^(\\.\\./)+${name}/`,
          message: `src/${folder} must not import from src/${name}: see the order of folders in src/README.md.`,
        })),
      },
    ],
  },
}));

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
    files: ['**/*.js', '**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      parserOptions: { projectService: false },
      globals: { process: 'readonly', console: 'readonly', performance: 'readonly', URL: 'readonly' },
    },
  },
  ...boundaries,
);
