/** All data sources by name. */
import type { ComponentConfig } from '../../config/component.js';
import type { DataSource } from '../source.js';
import { csvSource } from './csv.js';
import { idxSource } from './idx.js';
import { imagesSource } from './images.js';
import { jsonlSource } from './jsonl.js';
import { npySource } from './npy.js';
import { npzSource } from './npz.js';
import { parquetSource } from './parquet.js';
import { syntheticSources } from './synthetic.js';

export const dataSources = {
  idx: idxSource,
  npy: npySource,
  npz: npzSource,
  images: imagesSource,
  csv: csvSource,
  jsonl: jsonlSource,
  parquet: parquetSource,
  ...syntheticSources,
} as const;

export type SourceConfig = ComponentConfig<typeof dataSources>;

/** The registry's entry without its parameter types: they match `config`, which that entry's schema parsed. */
export const sourceOf = (config: SourceConfig): DataSource => dataSources[config.type];
