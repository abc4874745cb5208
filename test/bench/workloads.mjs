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

const block = (filters, strides = 1) => {
  const conv3 = (strides) => ({ conv2d: { filters, kernel_size: 3, strides, padding: 'same', use_bias: false } });
  const shortcut = [{ conv2d: { filters, kernel_size: 1, strides, use_bias: false } }, 'batch_norm'];
  return {
    residual: {
      activation: relu,
      ...(strides > 1 && { shortcut }),
      layers: [conv3(strides), 'batch_norm', relu, conv3(1), 'batch_norm'],
    },
  };
};
/** The network of configs/mnist-resnet.yaml. */
workloads.resnet = {
  batch: 64,
  optimizer: { sgd: { lr: 0.05, momentum: 0.9, nesterov: true } },
  l2: 0.00005,
  layers: [
    { conv2d: { filters: 16, kernel_size: 3, padding: 'same', use_bias: false } },
    'batch_norm',
    relu,
    ...[block(16), block(16), block(32, 2), block(32), block(64, 2), block(64)],
    'global_avg_pool2d',
    dense(10),
  ],
};

/** Single layers, forward and backward: name -> the layer and the shape of its input; `below` for whole numbers. */
export const blocks = {
  'batch-norm': { layer: 'batch_norm', shape: [64, 28, 28, 32] },
  'batch-norm-deep': { layer: 'batch_norm', shape: [64, 7, 7, 256] },
  'layer-norm': { layer: 'layer_norm', shape: [64, 128, 256] },
  'depthwise-3x3': { layer: { depthwise_conv2d: { kernel_size: 3, padding: 'same' } }, shape: [64, 28, 28, 64] },
  'depthwise-5x5': { layer: { depthwise_conv2d: { kernel_size: 5, padding: 'same' } }, shape: [64, 14, 14, 128] },
  'depthwise-stride-2': {
    layer: { depthwise_conv2d: { kernel_size: 3, strides: 2, padding: 'same' } },
    shape: [64, 28, 28, 64],
  },
  'grouped-3x3': {
    layer: { conv2d: { filters: 64, kernel_size: 3, padding: 'same', groups: 4 } },
    shape: [64, 28, 28, 64],
  },
  'conv-transpose': {
    layer: { conv2d_transpose: { filters: 32, kernel_size: 3, strides: 2, padding: 'same' } },
    shape: [64, 14, 14, 64],
  },
  embedding: { layer: { embedding: { vocabulary: 10000, units: 128 } }, shape: [64, 128], below: 10000 },
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
  /** The limit of memory: more than any cache holds, read twice and written once. */
  'bandwidth-16M': {
    build: (t) => {
      const [a, b] = ['a', 'b'].map((name) => t.input(name, [16 * MILLION]));
      return { inputs: [a, b], outputs: [t.add(a, b)] };
    },
    bytes: 12 * 16 * MILLION,
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
