/** Samples from folders of images: one sub-folder per class, named after it. */
import * as z from 'zod';
import { positiveInt } from '../../config/atoms.js';
import { samplesOf } from '../arrays/samples.js';
import { counted, DataError, listed } from '../data-error.js';
import type { DataFiles, FolderEntry } from '../data-files.js';
import type { Image } from '../formats/bitmap.js';
import { colours, decodeImage, IMAGE_FILE, inColour, OTHER_IMAGE_FILE } from '../formats/image.js';
import { filters, resized } from '../formats/resize.js';
import type { Labels } from '../labels.js';
import { Records } from '../records.js';
import { checkRoleFiles, fileOf, moveFiles, ownFiles, roleFiles } from '../role-files.js';
import type { ArraysEncoding } from '../encoding.js';
import type { DataSource, OpenContext, SampleFile, SampleFiles } from '../source.js';

const schema = z
  .object({
    ...roleFiles('folder'),
    color: z
      .enum(colours)
      .default('rgb')
      .describe('1, 3 or 4 channels; without alpha, transparency is blended with black'),
    size: z
      .union([positiveInt, z.tuple([positiveInt, positiveInt])])
      .optional()
      .describe(
        'resize every image to [height, width], or to one number for both; otherwise all must have the same size',
      ),
    filter: z
      .enum(filters)
      .default('bilinear')
      .describe('interpolation; all of them use every pixel when an image shrinks'),
    bits: z
      .number()
      .int()
      .min(8)
      .max(16)
      .optional()
      .describe(
        'significant bits per channel of 16-bit images, such as 12; by default 16, with an error if the images suggest less',
      ),
  })
  .superRefine(checkRoleFiles);
type ImageParams = z.output<typeof schema>;

async function open(params: ImageParams, context: OpenContext): Promise<SampleFiles<ArraysEncoding>> {
  const opened: SampleFiles<ArraysEncoding> = {};
  try {
    for (const role of context.roles) {
      const folder = fileOf(params, role);
      if (folder !== undefined) opened[role] = await openFolder(folder, params, context, role === 'train');
    }
  } catch (error) {
    for (const { records } of Object.values(opened)) records?.close();
    throw error;
  }
  return opened;
}

export const imagesSource = {
  schema,
  description: 'folders of PNG and JPEG images, one sub-folder per class',
  encoding: 'arrays',
  onDisk: true,
  open,
  ownFiles,
  moveFiles,
} as const satisfies DataSource<ImageParams, ArraysEncoding> & { schema: typeof schema };

async function openFolder(
  folder: string,
  params: ImageParams,
  { files, target }: OpenContext,
  isTraining: boolean,
): Promise<SampleFile<ArraysEncoding>> {
  const root = files.resolve(folder);
  if (target !== 'classes' && target !== 'none') {
    throw new DataError(`folders of images have classes, and the task needs ${target}`, {
      file: root,
      hint: 'set task: classification (or reconstruction)',
    });
  }
  const { names, labels } = await namesByClass(files, folder);
  const fileOfImage = (i: number): string => files.resolve(`${folder}/${names[i]}`);
  let shape: readonly number[] | undefined;
  let values: Uint8Array | Records = new Uint8Array(0);
  let largest16 = 0;
  const take = async (bytes: Buffer, i: number): Promise<void> => {
    const file = fileOfImage(i);
    const image = prepared(await decodeImage(bytes, { file }, params.bits), params);
    largest16 = Math.max(largest16, image.largest16 ?? 0);
    if (shape === undefined) {
      shape = [image.height, image.width, image.channels];
      values =
        files.scratch === undefined
          ? allocate(names.length, image, root)
          : new Records(files.scratch.another(), { dtype: 'u8', width: image.values.length });
    }
    if (image.height !== shape[0] || image.width !== shape[1]) {
      throw new DataError(
        `${image.height} x ${image.width} pixels, but the images before it have ${shape[0]} x ${shape[1]}`,
        {
          file,
          hint: `resize all to one size: data.source.size: [${shape[0]}, ${shape[1]}]`,
        },
      );
    }
    if (values instanceof Records) values.write(i, image.values);
    else values.set(image.values, i * image.values.length);
  };
  try {
    await files.readFolder(folder, names, take);
    if (isTraining && params.bits === undefined) checkBits(largest16, root);
  } catch (error) {
    if (values instanceof Records) values.close();
    throw error;
  }
  return samplesOf(
    {
      type: 'u8',
      dims: [names.length, ...(shape ?? [])],
      values,
      file: root,
      placeOf: (i) => ({ file: fileOfImage(i) }),
    },
    target === 'none'
      ? undefined
      : {
          place: { file: root },
          width: 1,
          labels,
          numbersOf: () => {
            throw new Error('images have labels');
          },
        },
  );
}

function prepared(image: Image, { color, size, filter }: ImageParams): Image {
  const coloured = inColour(image, color);
  if (size === undefined) return coloured;
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  return resized(coloured, height, width, filter);
}

/** Cameras and scanners have 10 to 14 bits. The upper 8 of 16 bits keep hardly any of them. */
const FEWEST_BITS = 15;

/** `largest` is the maximum over all 16-bit channels; 0 if there are none. */
function checkBits(largest: number, file: string): void {
  const used = Math.max(8, 32 - Math.clz32(largest));
  if (largest === 0 || used >= FEWEST_BITS) return;
  throw new DataError(
    `the images have 16 bits per channel, but no value is above ${largest}: they would be nearly black`,
    {
      file,
      hint: `set data.source.images.bits: ${used} (the camera's bit depth, usually 10, 12 or 14), or 16 to keep them this dark`,
    },
  );
}

/** Typed array limit on every version of Node that nn supports. */
const MOST_BYTES = 2 ** 32;

function allocate(count: number, { height, width, channels }: Image, file: string): Uint8Array<ArrayBuffer> {
  const bytes = count * height * width * channels;
  if (bytes <= MOST_BYTES) return new Uint8Array(bytes);
  throw new DataError(
    `${counted(count, 'image')} of ${height} x ${width} x ${channels} are ${bytes} bytes, more than fit in memory`,
    {
      file,
      hint: 'resize them: data.source.size',
    },
  );
}

/** The images of all classes, relative to the folder, and their labels. */
async function namesByClass(files: DataFiles, folder: string): Promise<{ names: string[]; labels: Labels }> {
  const file = files.resolve(folder);
  const entries = await files.listFolder(folder);
  const classes = entries.filter(({ isFolder }) => isFolder).map(({ name }) => name);
  if (classes.length === 0) {
    const hint = imagesIn(entries).length > 0 ? BY_CLASS : undefined;
    throw new DataError('the folder has no sub-folders; each class needs one', { file, hint });
  }
  refuseLoose(imagesIn(entries), file);
  const names: string[] = [];
  const codes: number[] = [];
  for (const [code, name] of classes.entries()) {
    const inside = await files.listFolder(`${folder}/${name}`);
    const images = imagesIn(inside);
    refuseOthers(inside, files.resolve(`${folder}/${name}`));
    for (const { name: deeper } of inside.filter(({ isFolder }) => isFolder)) {
      const deepest = `${folder}/${name}/${deeper}`;
      refuseLoose(imagesIn(await files.listFolder(deepest)), files.resolve(deepest));
    }
    if (images.length === 0) {
      throw new DataError('the sub-folder of a class has no PNG or JPEG image', {
        file: files.resolve(`${folder}/${name}`),
      });
    }
    for (const image of images) {
      names.push(`${name}/${image.name}`);
      codes.push(code);
    }
  }
  return { names, labels: { values: classes, codes: Int32Array.from(codes) } };
}

const BY_CLASS = 'put the images of each class into a sub-folder named after it';

const imagesIn = (entries: readonly FolderEntry[]): FolderEntry[] =>
  entries.filter(({ isFolder, name }) => !isFolder && IMAGE_FILE.test(name));

/** Images beside the class folders, or nested inside them, are not silently skipped either. */
function refuseLoose(images: readonly FolderEntry[], file: string): void {
  if (images.length === 0) return;
  const names = listed(images.map(({ name }) => name), 3); // prettier-ignore
  throw new DataError(`${counted(images.length, 'image')} without a class: ${names}`, { file, hint: BY_CLASS });
}

/** Images that nn does not read are not silently skipped. */
function refuseOthers(inside: readonly FolderEntry[], file: string): void {
  const others = inside.filter((entry) => !entry.isFolder && OTHER_IMAGE_FILE.test(entry.name));
  if (others.length === 0) return;
  const names = listed(others.map(({ name }) => name), 3); // prettier-ignore
  throw new DataError(`${counted(others.length, 'image')} that nn does not read: ${names}`, {
    file,
    hint: 'convert them to PNG or JPEG, or remove them',
  });
}
