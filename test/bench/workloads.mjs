/** The workloads of the speed table, as experiment configs. Features are MNIST pixels, as in PyTorch's peer script. */

const adam = { adam: { lr: 0.001 } };
const sgd = (lr, momentum = 0) => ({ sgd: { lr, momentum } });
const relu = 'relu';
const dense = (units, activation) => ({ dense: activation ? { units, activation } : { units } });
const conv = (filters, kernel_size, options = {}) => ({
  conv2d: { filters, kernel_size, activation: relu, ...options },
});
const pool = { max_pool2d: { pool_size: 2 } };

/** name -> batch size, optimizer and layers; `features` is the shape of a sample. */
export const workloads = {
  tiny: { batch: 150, optimizer: sgd(0.1), layers: [dense(16, 'tanh'), dense(3)], features: [4], classes: 3 },
  'mlp-small': { batch: 32, optimizer: sgd(0.1), layers: ['flatten', dense(128, relu), dense(10)] },
  'mlp-large': { batch: 128, optimizer: adam, layers: ['flatten', dense(1024, relu), dense(1024, relu), dense(10)] },
  lenet: {
    batch: 64,
    optimizer: sgd(0.01, 0.9),
    layers: [
      conv(6, 5, { padding: 'same' }),
      pool,
      conv(16, 5),
      pool,
      'flatten',
      dense(120, relu),
      dense(84, relu),
      dense(10),
    ],
  },
  cnn: { batch: 64, optimizer: adam, layers: [conv(32, 3), conv(64, 3), pool, 'flatten', dense(128, relu), dense(10)] },
  'cnn-bn': {
    batch: 64,
    optimizer: adam,
    layers: [
      ...[32, 64].flatMap((filters) => [
        { conv2d: { filters, kernel_size: 3, padding: 'same' } },
        'batch_norm',
        relu,
        pool,
      ]),
      'flatten',
      { dropout: { rate: 0.5 } },
      dense(10),
    ],
  },
};

const matmul = (n) => ({
  build: (t) => {
    const [a, b] = ['a', 'b'].map((name) => t.input(name, [n, n]));
    return { inputs: [a, b], outputs: [t.matmul(a, b)] };
  },
  flops: 2 * n ** 3,
});

const window = { strides: [1, 1], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 }; // prettier-ignore
/** 3x3 convolutions with `same` padding: forward, input gradient and weight gradient. */
const convolution = (kind, batch, size, channels, filters) => ({
  build: (t) => {
    const x = t.input('x', [batch, size, size, channels]);
    const w = t.input('w', [3, 3, channels, filters]);
    const g = t.input('g', [batch, size, size, filters]);
    if (kind === 'forward') return { inputs: [x, w], outputs: [t.conv(x, w, window)] };
    if (kind === 'input') return { inputs: [g, w], outputs: [t.convInput(g, w, x.shape, window)] };
    return { inputs: [x, g], outputs: [t.convWeight(x, g, w.shape, window)] };
  },
  flops: 2 * 9 * batch * size ** 2 * channels * filters,
});

const MILLION = 2 ** 20;

/** Single operations: name -> graph and what one run computes or moves. */
export const kernels = {
  'matmul-64': matmul(64),
  'matmul-256': matmul(256),
  'matmul-1024': matmul(1024),
  ...Object.fromEntries(
    [
      [64, 24, 32, 64],
      [32, 32, 64, 64],
      [32, 16, 128, 128],
      [32, 8, 256, 256],
    ].flatMap(([batch, size, channels, filters]) =>
      ['forward', 'input', 'weight'].map((kind) => [
        `conv-${kind}-${size}x${size}x${channels}-${filters}`,
        convolution(kind, batch, size, channels, filters),
      ]),
    ),
  ),
  'elementwise-4M': {
    build: (t) => {
      const [a, b] = ['a', 'b'].map((name) => t.input(name, [4 * MILLION]));
      return { inputs: [a, b], outputs: [t.add(t.mul(a, b), a)] };
    },
    bytes: 12 * 4 * MILLION,
  },
  'sum-4M': {
    build: (t) => {
      const a = t.input('a', [4 * MILLION]);
      return { inputs: [a], outputs: [t.reduceSum(a)] };
    },
    bytes: 4 * 4 * MILLION,
  },
  'adam-10M': {
    build: (t) => {
      const [p, g, m, v] = ['p', 'g', 'm', 'v'].map((name) => t.input(name, [10 * MILLION]));
      const m2 = t.add(t.mul(m, 0.9), t.mul(g, 0.1));
      const v2 = t.add(t.mul(v, 0.999), t.mul(t.mul(g, g), 0.001));
      const p2 = t.sub(p, t.div(t.mul(m2, 0.001), t.add(t.sqrt(t.maximum(0, v2)), 1e-8)));
      return { inputs: [p, g, m, v], outputs: [], updates: [[p, p2], [m, m2], [v, v2]] }; // prettier-ignore
    },
    bytes: 28 * 10 * MILLION,
  },
};
