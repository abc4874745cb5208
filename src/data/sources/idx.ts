/** Samples from pairs of idx files: features and targets. */
import * as z from 'zod';
import { text } from '../../config/atoms.js';
import { counted, DataError } from '../data-error.js';
import { parseIdx, type IdxArray } from '../formats/idx.js';
import { encodeClasses, fitClasses, type Labels } from '../labels.js';
import type { ArraysEncoding, DataSource, EncodedSamples, OpenContext, SampleFile, SampleFiles } from '../source.js';
import { gatherRows, product, type Role, type Rows, type Table } from '../table.js';

const pair = z.strictObject({
  features: text.describe('idx file of the features, such as images, relative to the config'),
  targets: text.describe('idx file of the targets, such as labels, one for each sample'),
});
const schema = z.object({
  train: pair.describe('the training files; data.split carves from them'),
  val: pair.optional().describe('validation files of their own'),
  test: pair.optional().describe('test files of their own'),
});
type IdxParams = z.output<typeof schema>;
type Pair = z.output<typeof pair>;

/** Opens the pairs that `context.roles` ask for, all at once. */
async function open(params: IdxParams, context: OpenContext): Promise<SampleFiles<ArraysEncoding>> {
  const opened = context.roles.map(async (role): Promise<[Role, SampleFile<ArraysEncoding> | undefined]> => {
    const names = params[role];
    return [role, names === undefined ? undefined : await openPair(names, context)];
  });
  return Object.fromEntries(await Promise.all(opened));
}

export const idxSource = {
  schema,
  description: 'pairs of idx files (the format of MNIST), plain or gzip',
  encoding: 'arrays',
  open,
  ownFiles: (params) => (['train', 'val', 'test'] as const).filter((role) => params[role]),
  moveFiles(params, move) {
    const moved = ({ features, targets }: Pair): Pair => ({ features: move(features), targets: move(targets) });
    const { train, val, test } = params;
    return { ...params, train: moved(train), ...(val && { val: moved(val) }), ...(test && { test: moved(test) }) };
  },
} as const satisfies DataSource<IdxParams, ArraysEncoding> & { schema: typeof schema };

async function openPair(names: Pair, { files, task }: OpenContext): Promise<SampleFile<ArraysEncoding>> {
  const read = async (name: string): Promise<IdxArray> => parseIdx(await files.read(name), files.resolve(name));
  const [features, targets] = await Promise.all([read(names.features), read(names.targets)]);
  const [file, targetFile] = [files.resolve(names.features), files.resolve(names.targets)];
  const size = features.dims[0];
  if (targets.dims[0] !== size) {
    throw new DataError(`${counted(targets.dims[0], 'target')} for ${counted(size, 'sample')} in ${file}`, {
      file: targetFile,
      hint: 'features and targets must come from the same set: is one of them the test file?',
    });
  }
  const shape = sampleShape(features.dims);
  const labels = task === 'classification' ? labelsOf(targets, targetFile) : undefined;
  const placeOfTarget = (): { file: string } => ({ file: targetFile });
  const targetWidth = labels === undefined ? product(targets.dims.slice(1)) : 1;

  return {
    file,
    size,
    labels,
    fit: (rows: Rows): ArraysEncoding => ({
      kind: 'arrays',
      dtype: features.type === 'u8' ? 'u8' : 'f32',
      shape,
      target_width: targetWidth,
      ...(labels === undefined ? {} : { classes: fitClasses(labels, rows, placeOfTarget) }),
    }),
    encode: (rows: Rows, encoding: ArraysEncoding): EncodedSamples => {
      checkAgainst(encoding, features, shape, file);
      if (targetWidth !== encoding.target_width) {
        throw new DataError(`targets of ${targetWidth} values, where training had ${encoding.target_width}`, {
          file: targetFile,
        });
      }
      const values = gatherRows(features.values, product(shape), rows);
      const placeOf = (sample: number): { file: string; hint: string } => ({
        file,
        hint: `it is in sample ${rows === undefined ? sample : rows[sample]} (counted from 0)`,
      });
      const encodedTargets: Table =
        labels === undefined
          ? numbers(targets, targetWidth, rows, targetFile)
          : { shape: [], dtype: 'i32', values: encodeClasses(labels, rows, encoding.classes ?? [], placeOfTarget) };
      return { features: { shape, values }, targets: encodedTargets, placeOf };
    },
  };
}

/** [n, height, width] are images of one channel; [n] are samples of one value. */
function sampleShape(dims: readonly number[]): number[] {
  const shape = dims.slice(1);
  if (shape.length === 0) return [1];
  return shape.length === 2 ? [...shape, 1] : shape;
}

function checkAgainst(encoding: ArraysEncoding, features: IdxArray, shape: readonly number[], file: string): void {
  const dtype = features.type === 'u8' ? 'u8' : 'f32';
  if (shape.join() !== encoding.shape.join()) {
    throw new DataError(`samples of shape [${shape.join(', ')}], where training had [${encoding.shape.join(', ')}]`, {
      file,
    });
  }
  if (dtype !== encoding.dtype) {
    throw new DataError(`elements of type ${features.type}, where training had ${encoding.dtype}`, { file });
  }
}

/** Class labels must be whole numbers, one a sample. */
function labelsOf(targets: IdxArray, file: string): Labels {
  if (product(targets.dims) !== targets.dims[0]) {
    throw new DataError(`targets of shape [${targets.dims.slice(1).join(', ')}], but a class is one number`, {
      file,
      hint: 'are features and targets exchanged? For targets of several numbers set task: regression',
    });
  }
  const codeOf = new Map<number, number>();
  const codes = new Int32Array(targets.values.length);
  targets.values.forEach((value, i) => {
    let code = codeOf.get(value);
    if (code === undefined) {
      if (!Number.isInteger(value)) {
        throw new DataError(`label ${value} of sample ${i} (counted from 0) is not a whole number`, {
          file,
          hint: 'for targets that are measurements set task: regression',
        });
      }
      code = codeOf.size;
      codeOf.set(value, code);
    }
    codes[i] = code;
  });
  return { values: [...codeOf.keys()].map(String), codes };
}

function numbers(targets: IdxArray, width: number, rows: Rows, file: string): Table {
  const values = Float32Array.from(gatherRows(targets.values, width, rows));
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new DataError(`target ${values[bad]} of sample ${Math.floor(bad / width)} is not finite`, { file });
  return { shape: [width], dtype: 'f32', values };
}
