/** `nn augment`: training samples before and after augmentation, as a picture or as a table. */
import { sizeOf } from '../../tensor/shape.js';
import type { AugmentPreview } from '../../train/index.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { formatFigure } from '../../runner/text.js';
import { addCommand, type CommonOptions, engineOf, experimentOptions, type Register } from '../command.js';
import { formatTable } from '../format.js';
import { UsageError } from '../usage-error.js';
import { print, printJson, say } from '../output.js';

interface AugmentOptions extends CommonOptions {
  readonly out?: string;
  readonly samples: string;
  readonly versions: string;
}

/** Limits both, so that the picture stays readable. */
const MOST = 100;
/** Values per sample shown in a table. */
const MOST_COLUMNS = 10;

export const registerAugment: Register = (program, finish) => {
  const description = 'training samples before and after augmentation';
  addCommand(program, 'augment <config> [overrides...]', description, ['seed', 'engine'])
    .option('--out <file>', 'of images: a PNG picture, one sample a row')
    .option('--samples <n>', 'how many samples', '8')
    .option('--versions <n>', 'how many augmented versions of each', '9')
    .action(async (config: string, overrides: string[], options: AugmentOptions) => {
      finish(await augment(config, overrides, options));
    });
};

async function augment(file: string, overrides: readonly string[], options: AugmentOptions): Promise<ExitCode> {
  const { loadExperiment, openEngine } = await import('../../runner/index.js');
  const { previewAugmentation } = await import('../../train/index.js');
  const [samples, versions] = [countOf('samples', options.samples), countOf('versions', options.versions)];
  const { config, data, name } = await loadExperiment(file, experimentOptions(overrides, options));
  if (config.data.augment.length === 0) {
    throw new UsageError(`${file}: there is no data.augment; \`nn list augmentations\` shows what it can hold`);
  }
  const isImage = data.train.fields.features.shape.length === 3;
  if (isImage && options.out === undefined) throw new UsageError('augment: give the picture a name with --out FILE.png'); // prettier-ignore
  if (!isImage && options.out !== undefined) throw new UsageError('augment: --out is for images; of other samples a table is printed'); // prettier-ignore
  const session = openEngine(engineOf(options));
  let preview: AugmentPreview;
  try {
    preview = await previewAugmentation(session, config, data, { samples, versions });
  } finally {
    session.close();
  }
  const list = config.data.augment.map(({ type }) => type);
  if (options.out === undefined) for (const line of tableOf(preview)) print(options, line);
  else {
    const { contactSheet } = await import('../contact-sheet.js');
    const { writeOutput } = await import('../output-file.js');
    writeOutput('--out', options.out, contactSheet(preview));
    say(options, `${name}: ${preview.samples} training samples (left) and ${versions} versions of each, by ${list.join(', ')}: ${options.out}`); // prettier-ignore
  }
  const { shape } = preview;
  printJson(options, { samples: preview.samples, versions, shape, augmentations: list, ...(options.out === undefined ? {} : { out: options.out }) }); // prettier-ignore
  return exitCode.done;
}

function countOf(option: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MOST) return count;
  throw new UsageError(`--${option}: expected a whole number from 1 to ${MOST}, got "${text}"`);
}

/** For each sample one row unaugmented, after preprocessing, and one per version; long samples are cut. */
function tableOf({ shape, samples, original, versions }: AugmentPreview): string[] {
  const width = sizeOf(shape);
  const shown = Math.min(width, MOST_COLUMNS);
  const columns = Array.from({ length: shown }, (_, i) => `value ${i + 1}`);
  const rows = Array.from({ length: samples }, (_, sample) =>
    [original, ...versions].map((values, version) => [
      version === 0 ? `${sample + 1}` : '',
      version === 0 ? 'as it is' : `version ${version}`,
      ...Array.from(values.subarray(sample * width, sample * width + shown), formatFigure),
    ]),
  ).flat();
  const lines = formatTable(['sample', '', ...columns], rows, columns);
  return width > shown ? [...lines, `the first ${shown} of ${width} values of a sample`] : lines;
}
