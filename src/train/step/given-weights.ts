/** Initial weights from a checkpoint: which tensors of it a network takes, and why they do not fit. */
import { input, sameShape, showShape } from '../../tensor/index.js';
import { checkpointOf, matchesPattern, RandomSource, traceModel, VariableStore } from '../../nn/index.js';
import type { Contradiction, ExperimentConfig } from '../schema.js';
import type { NamedTensor, Tensors } from '../loop/snapshot.js';
import { averageName } from './run-inputs.js';

export interface GivenWeights {
  /** By the names that the network knows them by. */
  readonly tensors: Tensors;
  readonly problems: readonly Contradiction[];
}

/** What a checkpoint holds beside weights and running statistics. */
const NO_WEIGHTS = /^(optimizer|metrics|average)\./;

const PATH = ['init', 'checkpoint'];

/**
 * The tensors that `init.checkpoint` takes from a checkpoint's, for a network on features of the shape `features`. Averaged weights
 * go before those that they are averages of, as they are what the checkpoint is judged by.
 */
export function givenWeights(config: ExperimentConfig, features: readonly number[], held: Tensors): GivenWeights {
  const { init } = config;
  const patterns = checkpointOf(init)?.parameters;
  const model = traceModel(config.model, input('given.features', [1, ...features]), new VariableStore(), {
    training: false,
    random: new RandomSource(),
    init,
  });
  const wanted = [...model.parameters, ...model.states];
  const isChosen = (name: string): boolean => patterns?.some((pattern) => matchesPattern(pattern, name)) ?? true;
  const problems: Contradiction[] = idlePatterns(patterns ?? [], wanted.map(({ name }) => name)); // prettier-ignore
  const tensors = new Map<string, NamedTensor>();
  const missing: string[] = [];
  for (const { name, node } of wanted.filter(({ name }) => isChosen(name))) {
    const tensor = held.get(averageName(name)) ?? held.get(name);
    if (tensor === undefined) missing.push(name);
    else if (sameShape(tensor.shape, node.shape)) tensors.set(name, tensor);
    else problems.push({ path: PATH, message: `${ownerOf(name, model.layers)} needs ${name} as ${showShape(node.shape)}, but the checkpoint's is ${showShape(tensor.shape)}${REMEDY}` }); // prettier-ignore
  }
  const known = new Set(wanted.map(({ name }) => name));
  const unused = patterns === undefined ? [...held.keys()].filter((name) => !NO_WEIGHTS.test(name) && !known.has(name)) : []; // prettier-ignore
  if (missing.length > 0)
    problems.push({ path: PATH, message: `the checkpoint has no ${missing.join(', ')}${REMEDY}` });
  if (unused.length > 0) problems.push({ path: PATH, message: `the network has no ${unused.join(', ')}, which the checkpoint holds${REMEDY}` }); // prettier-ignore
  return { tensors, problems };
}

const REMEDY = '; init.checkpoint.parameters says which weights are taken, the others then start as usual';

/** `layers.3 (dense)`, for the name of a tensor of it. */
function ownerOf(tensor: string, layers: readonly { readonly name: string; readonly type: string }[]): string {
  const owner = layers.find(
    ({ name }) => tensor.startsWith(`${name}.`) && !tensor.slice(name.length + 1).includes('.'),
  );
  return owner === undefined ? 'the network' : `${owner.name} (${owner.type})`;
}

/** Patterns that no tensor of the network fits. */
const idlePatterns = (patterns: readonly string[], names: readonly string[]): Contradiction[] =>
  patterns.flatMap((pattern, i) => {
    if (names.some((name) => matchesPattern(pattern, name))) return [];
    const message = `no weight is called "${pattern}": there are ${names.join(', ')}`;
    return [{ path: ['init', 'checkpoint', 'parameters', i], message }];
  });
