/** How things are meant that other tools mean otherwise: what one has to know to compare figures. Shown by `nn list conventions`. */

export interface Convention {
  readonly name: string;
  readonly rule: string;
}

export const conventions: readonly Convention[] = [
  {
    name: 'weight_decay',
    rule:
      'Of an optimizer, it is for every parameter: weights, biases and scales of normalizations, as in PyTorch. To spare biases: ' +
      'train.parameter_groups: [{parameters: "*.bias", weight_decay: 0}]. In sgd, adam, rmsprop and their like it is added to the gradient ' +
      '(coupled); in adamw, lion and muon it shrinks the weights by rate times decay (decoupled), in lamb it joins the direction that is normalized.',
  },
  {
    name: 'regularization',
    rule:
      'l1 and l2 are for weights only, never for scales, and for biases only where regularization.bias says so. l2 is strength times ' +
      'the sum of squares, as in Keras; PyTorch and papers often halve it. Penalties are part of the loss that is minimized, and not of the ' +
      'loss that is shown.',
  },
  {
    name: 'class_weights',
    rule:
      'The loss of each sample times the weight of its class, then the plain mean over the batch. PyTorch divides by the sum of the ' +
      'weights instead. balanced is samples / (classes * samples of the class) in the training split, as in scikit-learn.',
  },
  {
    name: 'weight_average',
    rule:
      'ema: average = d * average + (1 - d) * weights after each update, with d = min(decay, (n - 1) / (n + 9)) at update n, from 1 on: ' +
      'the first average is the weights themselves, and the decay grows to its value. swa: a plain mean, by default from three quarters of ' +
      'the epochs on.',
  },
  {
    name: 'order',
    rule:
      'Of an update: the gradients of the batch, penalties included, are accumulated, clipped, and disturbed by noise; then the optimizer ' +
      'adds or applies its weight decay, which is therefore not clipped; then come proximal steps, constraints, and averaging.',
  },
  {
    name: 'schedule',
    rule:
      'The rate is set at every step. Epochs in a schedule (step_size, milestones) count from the start of the run, warm-up included, and ' +
      'may be fractions; cosine and the like span the steps after the warm-up. Step t of a warm-up of w steps, from 0, has the factor ' +
      '(t + 1) / (w + 1).',
  },
  {
    name: 'fans',
    rule:
      'fan_in is how many inputs an output sees, fan_out how many outputs an input reaches. Of a transposed convolution an output sees ' +
      'kernel_size / strides (at least 1) positions along each axis, times channels / groups; an input reaches kernel_size positions, times ' +
      'filters / groups. PyTorch takes both from the shape of the weight, and the other way round.',
  },
  {
    name: 'batch_norm',
    rule:
      'momentum is the share of the old running statistics that a step keeps (0.9 here is 0.1 in PyTorch). The batch is normalized by its ' +
      'biased variance; the running variance is the unbiased one.',
  },
  {
    name: 'shear',
    rule: 'A positive horizontal angle leans upright lines to the right, as italics do. A positive vertical angle lets level lines rise to the right.',
  },
  {
    name: 'best',
    rule:
      'The best epoch is that of the smallest val/loss, or the best by what train.early_stopping.monitor names; without a validation split and ' +
      'early stopping it is the last. Its weights are tested, unless restore_best is false. With swa only epochs with an average count.',
  },
  {
    name: 'names',
    rule:
      'Parameters are called by layer and kind: layers.0.weight, layers.0.bias; batch_norm and other normalizations have weight (scale) and bias (shift), ' +
      'and batch_norm the states running_mean and running_var. Layers in blocks have the path: layers.stage1.0.2.weight. nn check lists the ' +
      'layers, and any safetensors reader the tensors of a checkpoint.',
  },
];
