/**
 * Times a workload in jax-js (WebAssembly): node jax-js.mjs NAME SECONDS FOLDER, where FOLDER/node_modules has @jax-js/jax. The whole
 * training step (loss, gradients, optimizer) is one `jit`, as its authors advise. Prints one JSON line.
 */
import { load, measure, peerWorkloads } from './common.mjs';

const [name, seconds, folder] = process.argv.slice(2);
const {
  init,
  defaultDevice,
  numpy: np,
  nn,
  lax,
  jit,
  valueAndGrad,
  blockUntilReady,
  tree,
} = await load(folder, '@jax-js/jax');
await init('wasm');
defaultDevice('wasm');
const random = (shape, scale) =>
  np
    .array(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (Math.random() - 0.5) * scale))
    .reshape(shape);

/** Layers as [kind, ...]: parameters first, then the forward pass, channels first as its convolutions want them. */
function parametersOf(layers) {
  return layers.flatMap(([kind, inputs, outputs, size]) => {
    if (kind === 'dense') return [[random([inputs, outputs], 2 / Math.sqrt(inputs)), np.zeros([outputs])]];
    if (kind === 'conv')
      return [[random([outputs, inputs, size, size], 2 / Math.sqrt(inputs * size * size)), np.zeros([outputs, 1, 1])]];
    return [];
  });
}

function forward(layers, parameters, x) {
  let next = 0;
  for (const [kind, , , , activation] of layers) {
    if (kind === 'flatten') x = x.reshape([x.shape[0], -1]);
    else if (kind === 'pool') {
      const [n, c, h, w] = x.shape;
      x = np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
    } else {
      const [weight, bias] = parameters[next++];
      x = (kind === 'dense' ? np.matmul(x, weight) : lax.conv(x, weight, [1, 1], 'VALID')).add(bias);
      if (activation) x = nn.relu(x);
    }
  }
  return x;
}

function trainingStep({ layers, batch, input, adam }) {
  const loss = (parameters, x, y) =>
    nn
      .logSoftmax(forward(layers, parameters, x), -1)
      .mul(y)
      .sum()
      .mul(-1 / batch);
  const b1 = 0.9, b2 = 0.999; // prettier-ignore
  const step = jit((parameters, m, v, t, x, y) => {
    const [value, gradients] = valueAndGrad(loss)(tree.ref(parameters), x, y);
    if (!adam) {
      const moved = tree.map((p, g) => p.sub(g.mul(0.1)), parameters, gradients);
      return [value, moved, m, v];
    }
    const m2 = tree.map((a, g) => a.mul(b1).add(g.mul(1 - b1)), m, tree.ref(gradients));
    const v2 = tree.map((a, g) => a.mul(b2).add(np.square(g).mul(1 - b2)), v, gradients);
    const fix1 = np.power(b1, t.ref).mul(-1).add(1);
    const fix2 = np.power(b2, t).mul(-1).add(1);
    const moved = tree.map(
      (p, a, c) => p.sub(a.div(fix1.ref).mul(0.001).div(np.sqrt(c.div(fix2.ref)).add(1e-8))),
      parameters, tree.ref(m2), tree.ref(v2),
    ); // prettier-ignore
    fix1.dispose();
    fix2.dispose();
    return [value, moved, m2, v2];
  });
  let parameters = parametersOf(layers);
  let m = tree.map((p) => np.zerosLike(p), tree.ref(parameters));
  let v = tree.map((p) => np.zerosLike(p), tree.ref(parameters));
  const x = random([batch, ...input], 1);
  const y = np.eye(10).slice
    ? nn.oneHot(np.array(Int32Array.from({ length: batch }, (_, i) => i % 10)), 10)
    : undefined;
  let t = 0;
  return async () => {
    let value;
    [value, parameters, m, v] = step(parameters, m, v, np.array(++t), x.ref, y.ref);
    await blockUntilReady(parameters);
    return (await value.data())[0];
  };
}

function matmul(n) {
  const a = random([n, n], 1);
  const b = random([n, n], 1);
  const run = jit((a, b) => np.matmul(a, b));
  return async () => {
    const c = run(a.ref, b.ref);
    await blockUntilReady(c);
    c.dispose();
  };
}

const work = peerWorkloads(name, 'channels first');
await measure(work.matmul ? matmul(work.matmul) : trainingStep(work), Number(seconds));
