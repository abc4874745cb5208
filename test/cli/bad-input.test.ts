/** Whatever a user gives, the answer is one message that names the file and the place, and an exit code; never a stack trace. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { nnHere, type Outcome, tempFolder } from './helpers.js';
import type { Summary } from '../../src/runs/index.js';

const folder = tempFolder();
const inFolder = (name: string): string => join(folder, name);
const write = (name: string, content: string | Uint8Array): void => writeFileSync(inFolder(name), content);

const config = `task: classification
data:
  source:
    csv: { path: good.csv, target: label }
  split: { val: 0.25, test: 0.25 }
model:
  layers:
    - dense: { units: 4, activation: relu }
    - dense: { units: 2 }
train: { max_epochs: 1, batch_size: 4 }
`;
const rows = Array.from({ length: 16 }, (_, i) => `${i / 10},${(i * 7) % 5},${i % 2 === 0 ? 'even' : 'odd'}`);
const csv = `a,b,label\n${rows.join('\n')}\n`;
const idx = (dims: readonly number[], values: readonly number[]): Buffer => {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header[2] = 8;
  header[3] = dims.length;
  dims.forEach((dim, i) => header.writeUInt32BE(dim, 4 + 4 * i));
  return Buffer.concat([header, Buffer.from(values)]);
};
const images = idx([4, 2, 2], [...Array(16).keys()]);
const labels = idx([4], [0, 1, 0, 1]);

function expectRefusal({ code, out, err }: Outcome, expected: number, ...texts: string[]): void {
  for (const text of texts) expect(err).toContain(text);
  expect(code, err).toBe(expected);
  expect(out).toBe('');
  expect(err).not.toMatch(/\n\s+at |internal error|node_modules/);
}

beforeAll(() => {
  write('good.csv', csv);
  write('good.yaml', config);
});

describe('a bad config', () => {
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]', ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`)].join('\n'); // prettier-ignore

  it.each<[string, string | Uint8Array, ...string[]]>([
    ['empty', '', 'the file is empty'],
    ['of comments only', '# nothing\n', 'the file is empty'],
    ['binary', Uint8Array.from({ length: 64 }, (_, i) => i * 37), 'bad.yaml'],
    ['a list', '- a\n- b\n', 'bad.yaml:1:1'],
    ['indented with a tab', config.replace('  source:', '\tsource:'), 'bad.yaml:3:', 'tab'],
    ['with a duplicate key', `${config}task: regression\n`, 'bad.yaml:11:1', 'task'],
    ['with an open bracket', config.replace('{ units: 2 }', '{ units: 2'), 'bad.yaml:'],
    ['with the key __proto__', `${config}__proto__: { a: 1 }\n`, 'bad.yaml:11:1', '__proto__'],
    ['with an alias bomb', `${config}${bomb}\n`, 'bad.yaml', 'alias'],
    ['with an unknown alias', config.replace('units: 4', 'units: *width'), 'bad.yaml:8:', 'width'],
    ['with NaN for a number', `${config}optimizer: { adam: { lr: .nan } }\n`, 'bad.yaml:11:26', 'optimizer.lr'],
    ['with text for a number', config.replace('units: 4', 'units: four'), 'bad.yaml:8:23: model.layers[0].units', '"four"'], // prettier-ignore
    ['with a fraction for a count', config.replace('batch_size: 4', 'batch_size: 1.5'), 'bad.yaml:10:', 'train.batch_size', '1.5'], // prettier-ignore
    ['with a negative count', config.replace('units: 4', 'units: -4'), 'model.layers[0].units', '-4'],
    ['with a misspelt section', config.replace('model:', 'modle:'), 'bad.yaml:6:1', 'did you mean "model"?'],
    ['with a misspelt parameter', config.replace('units: 4', 'unit: 4'), 'did you mean "units"?'],
    ['with a misspelt layer', config.replace('- dense: { units: 4', '- dens: { units: 4'), 'bad.yaml:8:', 'did you mean "dense"?'], // prettier-ignore
    ['with an unknown key of model', config.replace('model:', 'model:\n  layer: 3'), 'bad.yaml:7:3: model: unknown key "layer"; did you mean "layers"?'], // prettier-ignore
    ['with an unknown key of init', `${config}init: { weight: zeros }\n`, 'did you mean "weights"?'],
    ['with an unknown key of a layer\'s init', config.replace('units: 4', 'units: 4, init: { weight: zeros }'), 'bad.yaml:8:', 'did you mean "weights"?'], // prettier-ignore
    ['without layers', config.replace(/layers:\n.*\n.*\n/, 'layers: []\n'), 'model.layers'],
    ['without data', config.replace(/data:[^]*model/, 'model'), 'data'],
    [
      'with a loss of another task',
      `${config}loss: mean_squared_error\n`,
      'mean_squared_error does not fit classification; use one of softmax_cross_entropy',
    ],
    ['with too few outputs', config.replace('units: 2', 'units: 3'), 'bad.yaml:9:', '2'],
    ['with a layer for images on a table', config.replace('- dense: { units: 4, activation: relu }', '- max_pool2d: { pool_size: 2 }'), 'bad.yaml:8:7: model.layers[0]: needs [height, width, channels]'], // prettier-ignore
    ['with the monitored figure misspelt', config.replace('batch_size: 4', 'early_stopping: { monitor: val/acuracy }'), 'did you mean "val/accuracy"?'], // prettier-ignore
    ['with an environment variable that is not set', config.replace('units: 4', "units: '${env:NN_NOT_SET}'"), 'bad.yaml:8:', 'NN_NOT_SET'], // prettier-ignore
    ['with several faults, all named', config.replace('units: 4', 'unit: 4').replace('max_epochs: 1', 'max_epochs: 0'), 'did you mean "units"?', 'train.max_epochs'], // prettier-ignore
  ])('%s', async (_, content, ...texts) => {
    write('bad.yaml', content);
    expectRefusal(await nnHere('check', inFolder('bad.yaml')), 2, ...texts);
  });

  it('that does not exist', async () => {
    expectRefusal(await nnHere('train', inFolder('none.yaml')), 2, inFolder('none.yaml'));
  });

  it('that is a directory', async () => {
    expectRefusal(await nnHere('train', folder), 2, folder);
  });
});

describe('a bad command line', () => {
  it.each<[string[], ...string[]]>([
    [['check', 'GOOD', 'optimizer.lr=abc'], 'override "optimizer.lr=abc"', 'optimizer.lr'],
    [['check', 'GOOD', 'optimizer.lrate=1'], 'override "optimizer.lrate=1"', 'lr'],
    [['check', 'GOOD', 'model.layers.7.units=1'], 'override "model.layers.7.units=1"'],
    [['train', 'GOOD', 'optimizer'], 'optimizer'],
    [['check', 'GOOD', 'a=[1'], 'a=[1'],
    [['check', 'GOOD', '__proto__.x=1'], '__proto__'],
    [['check', 'GOOD', '--seed', '-1'], 'seed'],
    [['train', 'GOOD', '--threads', 'two'], '--threads: expected a whole number from 1 to 256, got "two"'],
    [['train', 'GOOD', '--threads', '1000000'], 'from 1 to 256'],
    [['train', 'GOOD', '--max-time', '10 minutes'], '--max-time: expected a time such as 90s, 10m or 2h'],
    [['train', 'GOOD', '--name', '../elsewhere'], 'cannot be the name of a run'],
    [['train', 'GOOD', '--backend', 'cuda'], 'cuda', 'wasm'],
    [['train', 'GOOD', '--runs-dir', 'FOLDER/good.csv'], 'good.csv'],
    [['train', 'GOOD', '--resume', 'FOLDER'], '--resume takes no config'],
    [['train', '--resume', 'FOLDER/none'], 'none: is not a folder', 'give a run directory'],
    [['train', '--resume', 'FOLDER'], 'has no config.yaml', 'give a run directory'],
    [['train', '--resume', 'FOLDER', '--seed', '2'], '--resume takes no --seed'],
    [['train'], 'train needs a config file, or --resume RUN_DIR'],
    [['trian', 'GOOD'], "unknown command 'trian'", 'train'],
    [['train', 'GOOD', '--epochs', '3'], "unknown option '--epochs'", 'train.max_epochs='],
    [['check', 'GOOD', 'lr=0.1'], 'did you mean "optimizer.lr"?'],
    [['check', 'GOOD', 'epochs=3'], 'did you mean "train.max_epochs"?'],
    [['eval'], 'checkpoint'],
    [[], 'Usage: nn'],
  ])('%j', async (args, ...texts) => {
    const given = args.map((arg) => arg.replace('GOOD', inFolder('good.yaml')).replace('FOLDER', folder));
    const runsDir = given[0] === 'train' && !given.includes('--runs-dir') ? ['--runs-dir', inFolder('runs')] : [];
    expectRefusal(await nnHere(...given, ...runsDir), 2, ...texts);
  });
});

describe('targets that are finite, with a loss whose sum is not', () => {
  it('are no matter of a penalty where there is none', async () => {
    write('large.csv', 'a,t\n1,1.6e19\n2,-1.6e19\n');
    write('large.yaml', 'task: regression\ndata: {source: {csv: {path: large.csv, target: t}}}\nmodel: {layers: [{dense: {units: 1}}]}\ntrain: {max_epochs: 1}\n'); // prettier-ignore
    const { code, err } = await nnHere('train', inFolder('large.yaml'), '--runs-dir', inFolder('runs'));
    expect(code).toBe(1);
    expect(err).toContain('step 1 (epoch 1): the loss of the batch is too large to be summed up');
  });
});

describe('a last batch of one sample, from which batch norm cannot learn', () => {
  const table = (rows: number): string => `a,k\n${Array.from({ length: rows }, (_, i) => `${i},${'xy'[i % 2]}`).join('\n')}\n`;
  const withNorm = (data: string, batch: number): string =>
    `task: classification\ndata: {${data}source: {csv: {path: ones.csv, target: k}}}\nmodel: {layers: [{dense: {units: 4}}, batch_norm, {dense: {units: 2}}]}\ntrain: {max_epochs: 1, batch_size: ${batch}}\n`; // prettier-ignore

  it.each([
    ['of the training split', 21, '', 20, 'the last batch has one sample (21 samples = 1 x 20 + 1)'],
    ['of the last folds only', 33, 'folds: 5, ', 13, 'the last batch of fold 4 has one sample (27 samples = 2 x 13 + 1)'],
    ['as every batch is', 20, '', 1, 'the last batch has one sample'],
  ])('%s is refused before the first step', async (_, rows, data, batch, text) => {
    write('ones.csv', table(rows));
    write('ones.yaml', withNorm(data, batch));
    const outcome = await nnHere('train', inFolder('ones.yaml'), '--runs-dir', inFolder('none'));
    expectRefusal(outcome, 2, text, 'train.batch_size', 'set train.drop_last: true');
    expect(existsSync(inFolder('none'))).toBe(false);
  });

  it('is dropped, or is no matter where no layer looks at the batch', async () => {
    write('ones.csv', table(21));
    write('ones.yaml', withNorm('', 20));
    const runs = ['--runs-dir', inFolder('dropped')];
    expect((await nnHere('train', inFolder('ones.yaml'), 'train.drop_last=true', ...runs)).code).toBe(0);
    expect((await nnHere('train', inFolder('ones.yaml'), 'model.layers=[{dense: {units: 2}}]', ...runs)).code).toBe(0);
  });
}); // prettier-ignore

describe('a bad data file', () => {
  const replaceRow = (row: string): string => csv.replace(rows[2], row);

  it.each<[string, string | Uint8Array, ...string[]]>([
    ['with a field too few', replaceRow('1,even'), 'bad.csv:4'],
    ['with a field too many', replaceRow('1,2,even,3'), 'bad.csv:4'],
    ['with text in a numeric column', replaceRow('0.2,x,even'), 'bad.csv', '"x"'],
    ['with a missing value', replaceRow('0.2,,even'), 'bad.csv:4:2'],
    ['without the target column', csv.replace('label', 'class'), 'bad.csv', 'label'],
    ['with a column twice', csv.replace('a,b', 'a,a'), 'bad.csv', '"a"'],
    ['with an open quote', replaceRow('"0.2,1,even'), 'bad.csv'],
    ['with a header alone', 'a,b,label\n', 'bad.csv'],
    ['empty', '', 'bad.csv', 'empty'],
    ['binary', Uint8Array.from({ length: 600 }, (_, i) => (i * 91) % 256), 'bad.csv'],
    ['of one class', csv.replaceAll('odd', 'even'), 'class'],
  ])('csv %s', async (_, content, ...texts) => {
    write('bad.csv', content);
    const result = await nnHere(
      'check',
      inFolder('good.yaml'),
      'data.source.path=bad.csv',
      'data.source.categorical=[]',
    );
    expectRefusal(result, 2, ...texts);
  });

  it.each<[string, Buffer, Buffer, ...string[]]>([
    ['gzip, cut', gzipSync(images).subarray(0, 20), labels, 'images.idx', 'truncated'],
    ['with values missing', images.subarray(0, 24), labels, 'images.idx', 'truncated'],
    ['with a length past the end', idx([2 ** 31, 28, 28], []), labels, 'images.idx', 'truncated'],
    ['of text', Buffer.from('<html>not found</html>'), labels, 'images.idx', 'not an idx file'],
    ['of other length than its labels', images, idx([3], [0, 1, 0]), 'labels.idx', '3 targets for 4 samples'],
    ['with images for labels', images, images, 'labels.idx'],
  ])('idx %s', async (_, features, targets, ...texts) => {
    write('images.idx', features);
    write('labels.idx', targets);
    const source = '{idx: {train: {features: images.idx, targets: labels.idx}}}';
    expectRefusal(await nnHere('check', inFolder('good.yaml'), `data.source=${source}`), 2, ...texts);
  });

  it.each([
    ['that does not exist', 'none.csv'],
    ['that is a directory', '.'],
  ])('%s', async (_, path) => {
    expectRefusal(await nnHere('check', inFolder('good.yaml'), `data.source.path=${path}`), 2, join(folder, path));
  });

  it('with fewer samples than its splits take', async () => {
    expectRefusal(await nnHere('check', inFolder('good.yaml'), 'data.split.val=500'), 2, '500');
  });
});

describe('a bad checkpoint', () => {
  let runDir: string;
  let good: Buffer;
  beforeAll(async () => {
    const { out, err, code } = await nnHere('train', inFolder('good.yaml'), '--json', '--runs-dir', inFolder('runs'));
    if (code !== 0) throw new Error(err);
    runDir = (JSON.parse(out) as Summary).run_dir;
    good = readFileSync(join(runDir, 'checkpoints', 'last.safetensors'));
  });

  const headerLength = (): number => Number(good.readBigUInt64LE(0));
  const flipped = (at: number): Buffer => {
    const copy = Buffer.from(good);
    copy[at] ^= 1;
    return copy;
  };
  const withLength = (length: bigint): Buffer => {
    const copy = Buffer.from(good);
    copy.writeBigUInt64LE(length, 0);
    return copy;
  };

  it.each<[string, () => Uint8Array, ...string[]]>([
    ['empty', () => Buffer.alloc(0), 'bad.safetensors'],
    ['of text', () => Buffer.from('a checkpoint, really'), 'bad.safetensors'],
    ['cut in its header', () => good.subarray(0, 100), 'bad.safetensors'],
    ['cut in its tensors', () => good.subarray(0, good.length - 1), 'bad.safetensors'],
    ['with bytes at the end', () => Buffer.concat([good, Buffer.alloc(8)]), 'bad.safetensors'],
    ['with a header length past the end', () => withLength(2n ** 62n), 'bad.safetensors'],
    ['with a header length of zero', () => withLength(0n), 'bad.safetensors'],
    ['with a bit flipped in its header', () => flipped(60), 'bad.safetensors'],
    [
      'with a bit flipped in a weight',
      () => flipped(8 + headerLength() + 3),
      'the sha256 of its tensors is not the one in its header',
    ],
    ['of another program', () => foreign(), 'is not a checkpoint of nn'],
  ])('%s', async (_, content, ...texts) => {
    write('bad.safetensors', content());
    expectRefusal(await nnHere('eval', inFolder('bad.safetensors')), 1, ...texts);
  });

  const foreign = (): Buffer => {
    const header = Buffer.from('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, header, Buffer.alloc(4)]);
  };

  it('that does not exist', async () => {
    expectRefusal(await nnHere('eval', inFolder('none.safetensors')), 1, 'none.safetensors');
  });

  it('that is a directory', async () => {
    expectRefusal(await nnHere('eval', folder), 1, folder);
  });

  it('asked for a split that there is not', async () => {
    const path = join(runDir, 'checkpoints', 'last.safetensors');
    expectRefusal(await nnHere('eval', path, '--split', 'dev'), 2, '--split: expected train, val or test, got "dev"');
  });

  it('whose data have gone', async () => {
    const path = join(runDir, 'checkpoints', 'last.safetensors');
    write('good.csv', 'a,b,label\n');
    expectRefusal(await nnHere('eval', path), 2, 'good.csv');
    write('good.csv', csv);
  });

  it('of another network, to resume from', async () => {
    const { out } = await nnHere('train', inFolder('good.yaml'), 'model.layers.0.units=5', '--json', '--runs-dir', inFolder('runs')); // prettier-ignore
    const other = (JSON.parse(out) as Summary).run_dir;
    for (const name of ['last', 'best'])
      copyFileSync(join(runDir, 'checkpoints', `${name}.safetensors`), join(other, 'checkpoints', `${name}.safetensors`)); // prettier-ignore
    const result = await nnHere('train', '--resume', other);
    expectRefusal(result, 2, 'config.yaml', 'model.layers.0.dense.units was changed since the run began, from 4 to 5');
  });

  it('missing from the run to resume', async () => {
    mkdirSync(inFolder('fresh'));
    copyFileSync(join(runDir, 'config.yaml'), inFolder('fresh/config.yaml'));
    expectRefusal(await nnHere('train', '--resume', inFolder('fresh')), 2, 'ended before its first checkpoint');
  });
});

describe.runIf(process.platform === 'linux')('a limit on the addresses of the process', () => {
  it('is named where it is too low for the engine', () => {
    const train = `"${process.execPath}" dist/bin/nn.js train "${inFolder('good.yaml')}" --threads 1 --runs-dir "${inFolder('limited')}"`;
    const { status, stderr } = spawnSync('sh', ['-c', `ulimit -v 4000000; ${train}`], { encoding: 'utf8' });
    // A V8 that reserves less runs within the limit.
    expect(status === 0 || /^error: the system refuses the address space .*ulimit -v/m.test(stderr), stderr).toBe(true);
    expect([0, 1]).toContain(status);
    expect(stderr).not.toContain('internal error');
  });
});

describe.skipIf(process.platform === 'win32')('a path that the system refuses', () => {
  it('is explained by every command, whatever is wrong with it', async () => {
    symlinkSync(inFolder('loop-b'), inFolder('loop-a'));
    symlinkSync(inFolder('loop-a'), inFolder('loop-b'));
    const paths = [
      [inFolder('loop-a'), 'its links lead in a circle (ELOOP)'],
      [inFolder('x'.repeat(300)), 'the name is too long (ENAMETOOLONG)'],
    ] as const;
    for (const [path, problem] of paths) {
      for (const args of [
        ['check', path],
        ['train', path],
        ['eval', path],
        ['data', path],
        ['train', '--resume', path],
      ]) {
        const { code, err } = await nnHere(...args);
        expect([1, 2], args.join(' ')).toContain(code);
        expect(err, args.join(' ')).toContain(problem);
        expect(err).not.toContain('internal error');
      }
    }
  });
});
