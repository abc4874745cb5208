/** Compiles a graph of LENGTH operations one behind another, and prints how long that takes as JSON: chain.mjs KIND LENGTH. */
const { grad, input, matmul, maximum, mul, portableBackend, reduceSum, sub, tanh } =
  await import('../../dist/tensor/index.js');

const x = input('x', [8]);
const weight = input('weight', [8, 8]);
const row = input('row', [1, 8]);

/** What each operation makes of the one before, and which outputs the program has. */
const kinds = {
  'element-wise': { first: x, next: (y) => maximum(sub(y, 0.5), -4) },
  reductions: { first: x, next: (y) => sub(y, reduceSum(mul(y, 0.125))) },
  'products with gradient': {
    first: row,
    next: (y) => tanh(matmul(y, weight)),
    outputs: (y) => grad(reduceSum(y), [weight]),
  },
};

const [kind, length] = process.argv.slice(2);
const { first, next, outputs = (y) => [y] } = kinds[kind];
const start = performance.now();
let y = first;
for (let i = 0; i < Number(length); i++) y = next(y);
const program = { name: kind, outputs: outputs(y), updates: [] };
const session = portableBackend.open({ threads: 2 });
session.compile(program);
const compileMs = performance.now() - start;
session.close();
console.log(JSON.stringify({ kind, length: Number(length), compile_ms: compileMs }));
