/**
 * Config machinery: YAML with located errors, overrides, environment interpolation and the `component` schema. It knows no layer:
 * the schema of each thing stands with the thing, and the whole experiment's schema in `src/train`.
 */
export * as atoms from './atoms.js';
export {
  component,
  type ComponentConfig,
  type ComponentEntry,
  type ComponentInput,
  type ComponentRegistry,
  isComponent,
} from './component.js';
export { ConfigError, formatProblem, inOrder, type Problem } from './config-error.js';
export { describeExpected, showValue } from './expected.js';
export { jsonSchema } from './json-schema.js';
export {
  loadConfig,
  located,
  locatedProblem,
  type LoadedConfig,
  type References,
  type LoadConfigOptions,
  type Location,
} from './load-config.js';
export { didYouMean, nearest } from './nearest.js';
export { toConfigValue, writtenDefault } from './schema-walk.js';
export { formatPath, type Path } from './tree.js';
export type { WrittenConfig } from './yaml-source.js';
