/** The names of the lints, in the order in which their findings are printed. The config's schema needs them without the rules. */
export const lintIds = [
  'bounded-output-in-regression',
  'softmax-before-logits-loss',
  'relu-on-output',
  'loss-target-mismatch',
  'linear-stack',
  'batch-norm-small-batch',
  'dropout-before-batch-norm',
  'dropout-on-output',
  'constant-initialization',
  'identical-units',
  'unbalanced-gradients',
  'glorot-with-relu',
  'he-with-tanh',
  'vanishing-sigmoids',
  'unscaled-inputs',
  'index-column',
  'class-imbalance',
  'no-held-out-data',
  'test-used-for-tuning',
  'label-changing-augmentation',
  'unusual-learning-rate',
  'more-parameters-than-samples',
  'early-stopping-on-training',
  'idle-early-stopping',
] as const;

export type LintId = (typeof lintIds)[number];
