/**
 * Data: files become tables of numbers. `loadData` reads the files of a config, splits the samples, fits encoding and
 * preprocessing from the training split (or takes those of a checkpoint) and applies them to every part. The training loop and the
 * evaluation use nothing else of this folder.
 */
export { DataError } from './data-error.js';
export type { HashedFile } from './data-files.js';
export { type DataReport, type FileReport, inspectData } from './inspect.js';
export { type FittedPreprocessing, fittedPreprocessingSchema } from './fitted-preprocessing.js';
export { foldTrainingSizes } from './folds.js';
export { isCarved, loadData, type LoadedData, type LoadedSplit, type LoadOptions, loadSplit, moveFiles, namedFiles, wholeFile } from './load.js'; // prettier-ignore
export { type Affine, preprocessors } from './preprocess.js';
export { closeSplits } from './cache/record-splits.js';
export type { Records } from './records.js';
export { dataSchema, hasPart, type DataConfig } from './schema.js';
export type { ColumnReport } from './source.js';
export { dataSources, sourceOf } from './sources/index.js';
export { type FeatureColumn, type Fields, forEachSample, sampleOf, type Table, type TargetKind } from './fields.js';
export type { Split } from './split.js';
export { type SplitName, splitNames } from './split-names.js';
