/**
 * Times a workload in TensorFlow.js with its wasm backend (SIMD; it has no threads under Node): node tfjs.mjs NAME SECONDS FOLDER, where
 * FOLDER/node_modules has @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm. Prints one JSON line.
 */
import { load, measure, peerWorkloads } from './common.mjs';

const [name, seconds, folder] = process.argv.slice(2);
const tf = await load(folder, '@tensorflow/tfjs');
await load(folder, '@tensorflow/tfjs-backend-wasm');
await tf.setBackend('wasm');
await tf.ready();

const random = (shape) => tf.tidy(() => tf.randomUniform(shape, -0.5, 0.5));

/** The functional API with variables: `minimize` is one training step, the optimizer included. */
function trainingStep({ layers, batch, input, adam }) {
  const variables = layers.map(([kind, inputs, outputs, size]) => {
    if (kind === 'dense')
      return [tf.variable(random([inputs, outputs]).mul(2 / Math.sqrt(inputs))), tf.variable(tf.zeros([outputs]))];
    if (kind !== 'conv') return [];
    return [
      tf.variable(random([size, size, inputs, outputs]).mul(2 / Math.sqrt(inputs * size * size))),
      tf.variable(tf.zeros([outputs])),
    ];
  });
  const optimizer = adam ? tf.train.adam(0.001) : tf.train.sgd(0.1);
  const forward = (x) =>
    layers.reduce((value, [kind, , , , activation], i) => {
      if (kind === 'flatten') return value.reshape([value.shape[0], -1]);
      if (kind === 'pool') return value.maxPool(2, 2, 'valid');
      const [weight, bias] = variables[i];
      const out = kind === 'dense' ? value.matMul(weight).add(bias) : value.conv2d(weight, 1, 'valid').add(bias);
      return activation ? out.relu() : out;
    }, x);
  const x = random([batch, ...input]);
  const y = tf.oneHot(tf.tensor1d(Array.from({ length: batch }, (_, i) => i % 10), 'int32'), 10).toFloat(); // prettier-ignore
  return async () => {
    const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, forward(x)), true);
    const [value] = await loss.data();
    loss.dispose();
    return value;
  };
}

function matmul(n) {
  const [a, b] = [random([n, n]), random([n, n])];
  return async () => {
    const c = tf.matMul(a, b);
    await c.data();
    c.dispose();
  };
}

const work = peerWorkloads(name, 'channels last');
await measure(work.matmul ? matmul(work.matmul) : trainingStep(work), Number(seconds));
