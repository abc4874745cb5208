/**
 * What the modules of `src` may import from each other; `npm run check` keeps it. Type imports count: a module that cannot be
 * understood without another depends on it.
 *
 * @type {import('dependency-cruiser').IConfiguration}
 */

/** The way of a run, left to right: a folder imports only from folders to its left, and from `tensor`, which imports none of them. */
const folders = ['config', 'data', 'nn', 'train', 'runs', 'runner', 'cli'];

const order = [
  { folder: 'tensor', forbidden: folders },
  ...folders.map((folder, i) => ({ folder, forbidden: folders.slice(i + 1) })),
]
  .filter(({ forbidden }) => forbidden.length > 0)
  .map(({ folder, forbidden }) => ({
    name: `order-of-${folder}`,
    comment: `src/${folder} stands before src/${forbidden.join(', src/')}: see src/README.md`,
    severity: 'error',
    from: { path: `^src/${folder}/` },
    to: { path: `^src/(${forbidden.join('|')})/` },
  }));

export default {
  forbidden: [
    {
      name: 'no-circular',
      comment:
        'Modules that import each other can only be read, tested and moved together: give what they share a module of its own.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...order,
    {
      name: 'formats-stand-alone',
      comment: 'A format reads and writes files; what their contents are to nn is decided by those that use it.',
      severity: 'error',
      from: { path: '^src/data/formats/' },
      to: { path: '^src/data/(arrays|sources|tables)/' },
    },
    {
      name: 'nn-by-its-index',
      comment: 'What other folders use of src/nn stands in its index.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/nn/' },
      to: { path: '^src/nn/', pathNot: '^src/nn/index\\.ts$' },
    },
    {
      name: 'not-from-tests',
      comment: 'src does not depend on what tests it.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
    {
      name: 'declared',
      comment: 'Every package that src imports stands in dependencies of package.json.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['unknown', 'npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere, or not to where TypeScript looks.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
