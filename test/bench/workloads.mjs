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
