/**
 * npm run bench -- augment [--threads 1,2] [--seconds S] [--json]: what full augmentation adds to a training step of a small network
 * for photos of 32 x 32 pixels. Steps with and without it are timed in turn, so that a busy machine slows down both.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

const BATCH = 64;
const SAMPLES = 2048;

const { values: options } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: cpus().length > 1 ? '1,2' : '1' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});

/** Geometry, colour, noise and erasing at once. */
const everything = [
  'rotate', 'translate', 'scale', 'shear', 'perspective', 'flip_horizontal', 'elastic',
  'brightness', 'contrast', 'gamma', 'saturation', 'hue', 'noise', 'cutout',
]; // prettier-ignore

const { wasmBackend, hostRandom } = await import('../../dist/tensor/index.js');
const { experimentSchema } = await import('../../dist/train/index.js');
const { Stepper } = await import('../../dist/train/step/stepper.js');

const experiment = (augment) =>
  experimentSchema.parse({
    seed: 1,
    task: 'classification',
    data: { source: { csv: { path: 'unread.csv', target: 'class' } }, augment },
    model: {
      layers: [
        ...[32, 64, 128].flatMap((filters) => [
          { conv2d: { filters, kernel_size: 3, padding: 'same', use_bias: false } },
          'batch_norm',
          'relu',
          'max_pool2d',
        ]),
        'flatten',
        { dense: { units: 10 } },
      ],
    },
    train: { batch_size: BATCH },
  });

const random = hostRandom(1, 'photos');
const photos = {
  size: SAMPLES,
  fields: {
    features: { shape: [32, 32, 3], dtype: 'u8', values: Uint8Array.from({ length: SAMPLES * 3072 }, () => random.below(256)) }, // prettier-ignore
    targets: { shape: [], dtype: 'i32', values: Int32Array.from({ length: SAMPLES }, () => random.below(10)) },
  },
};
const affine = { scale: [1 / 64], shift: [-2] };

/** Milliseconds of a step without and with augmentation: median, fastest, and median of the processor's time. */
async function measure(threads) {
  const session = wasmBackend.open({ threads });
  const steppers = [[], everything].map((list) => new Stepper(session, experiment(list), photos, BATCH, { affine }));
  for (const stepper of steppers) await stepper.initialize();
  const indices = new Int32Array(BATCH);
  const times = [[], []];
  const processor = [[], []];
  const start = performance.now();
  for (let step = 0; step < 10 || performance.now() < start + 1000 * Number(options.seconds); step++) {
    for (let i = 0; i < BATCH; i++) indices[i] = (step * BATCH + i) % SAMPLES;
    steppers.forEach((stepper, i) => {
      const [before, used] = [performance.now(), process.cpuUsage()];
      stepper.run(indices, step, 0.001);
      times[i].push(performance.now() - before);
      processor[i].push(process.cpuUsage(used).user / 1000);
    });
  }
  session.close();
  // The first quarter warms up: V8 compiles hot functions again while they run.
  const sorted = (lists) => lists.map((list) => list.slice(list.length >> 2).sort((a, b) => a - b));
  const of = (lists, pick) => {
    const [plain, full] = sorted(lists).map(pick);
    return { plain, full, share: 1 - plain / full };
  };
  const median = (list) => list[list.length >> 1];
  return {
    threads,
    median: of(times, median),
    fastest: of(times, (list) => list[0]),
    // What else runs on the machine hardly counts here. Threads that wait for one another use the processor, too.
    ...(threads === 1 ? { processor: of(processor, median) } : {}),
  };
}

const rows = [];
for (const threads of options.threads.split(',')) rows.push(await measure(Number(threads)));
if (options.json) console.log(JSON.stringify({ node: process.version, batch: BATCH, augment: everything, rows }));
else {
  console.log(`Node ${process.version}, ${cpus()[0].model.trim()}, batch ${BATCH} of 32 x 32 x 3`);
  console.log(`augmented by ${everything.join(', ')}`);
  for (const { threads, ...measures } of rows)
    for (const [name, { plain, full, share }] of Object.entries(measures))
      console.log(
        `${threads} ${threads === 1 ? 'thread ' : 'threads'}  ${name.padEnd(9)}  a step ${plain.toFixed(3)} ms, augmented ${full.toFixed(3)} ms: ` +
          `augmentation takes ${(100 * share).toFixed(1)} % of the step`,
      );
}
