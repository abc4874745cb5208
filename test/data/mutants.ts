/** Damaged files of every format that nn reads: each is a sound file with a few random edits, as a function of a seed. */
import { withOrientation } from './exif-bytes.js';
import { gzipSync } from 'node:zlib';
import jpeg from 'jpeg-js';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { HostRandom } from '../../src/tensor/random.js';
import { type DataInput, idxBytes } from './files.js';
import { golden } from '../nn/helpers/golden.js';
import { greyPng, pngBytes } from './png-bytes.js';

export interface Format {
  readonly name: string;
  /** What the file is called in the folder of the test. */
  readonly file: string;
  readonly source: DataInput['source'];
  readonly samples: readonly Buffer[];
  readonly isText: boolean;
}

const { npy, npz } = golden<{ npy: { bytes: string }[]; npz: Record<'plain' | 'compressed', string> }>('arrays');

const rows = Array.from({ length: 12 }, (_, i) => ({
  a: i / 4,
  b: i % 3 === 0 ? null : i * 1000,
  c: ['red', 'blue'][i % 2],
  k: 'xy'[i % 2],
}));
const csv = `a,b,c,k\n${rows.map(({ a, b, c, k }) => `${a},${b ?? ''},"${c}",${k}`).join('\n')}\n`;
const parquet = (codec: 'SNAPPY' | 'GZIP' | 'UNCOMPRESSED'): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'a', data: rows.map(({ a }) => a), type: 'DOUBLE' },
        { name: 'b', data: rows.map(({ b }) => b), type: 'INT32', nullable: true },
        { name: 'c', data: rows.map(({ c }) => c), type: 'STRING' },
        { name: 'k', data: rows.map(({ k }) => k), type: 'STRING' },
      ],
      rowGroupSize: [5],
      compressors: { GZIP: (bytes) => gzipSync(bytes) },
      codec,
    }),
  );
const pixels = Buffer.from(Array.from({ length: 4 * 64 }, (_, i) => (i * 37) % 256));
const table = { target: 'k', missing: 'median' } as const;
const idx = idxBytes([4, 2, 2], [...Array(16).keys()]);

/** `x.*` is the file that is damaged; `y.*` and the folder of another class stand beside it, sound. */
export const formats: readonly Format[] = [
  {
    name: 'csv',
    file: 'x.csv',
    source: { csv: { path: 'x.csv', ...table } },
    samples: [Buffer.from(csv)],
    isText: true,
  },
  { name: 'jsonl', file: 'x.jsonl', source: { jsonl: { path: 'x.jsonl', ...table } }, samples: [Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))], isText: true }, // prettier-ignore
  { name: 'parquet', file: 'x.parquet', source: { parquet: { path: 'x.parquet', ...table } }, samples: [parquet('SNAPPY'), parquet('GZIP'), parquet('UNCOMPRESSED')], isText: false }, // prettier-ignore
  { name: 'idx', file: 'x.idx', source: { idx: { train: { features: 'x.idx', targets: 'y.idx' } } }, samples: [idx, gzipSync(idx)], isText: false }, // prettier-ignore
  { name: 'npy', file: 'x.npy', source: { npy: { train: { features: 'x.npy', targets: 'y.npy' } } }, samples: npy.map(({ bytes }) => Buffer.from(bytes, 'base64')), isText: false }, // prettier-ignore
  { name: 'npz', file: 'x.npz', source: { npz: { path: 'x.npz', train: { features: 'x', targets: 'y' } } }, samples: [Buffer.from(npz.plain, 'base64'), Buffer.from(npz.compressed, 'base64')], isText: false }, // prettier-ignore
  { name: 'png', file: 'images/a/x.png', source: { images: { path: 'images', size: 4 } }, samples: [greyPng(4, 4, Array(16).fill(9)), pngBytes({ width: 3, height: 1, depth: 4, colourType: 0, interlace: 1, lines: Uint8Array.of(0, 16, 0, 48, 0, 32) }), pngBytes({ width: 2, height: 1, depth: 8, colourType: 3, lines: Uint8Array.of(0, 0, 1), palette: [1, 2, 3, 4, 5, 6], transparency: [3] })], isText: false }, // prettier-ignore
  { name: 'jpeg', file: 'images/a/x.png', source: { images: { path: 'images', size: 4 } }, samples: [30, 90].map((quality) => withOrientation(jpeg.encode({ width: 8, height: 8, data: pixels }, quality).data, quality % 8, quality === 30 ? 'II' : 'MM')), isText: false }, // prettier-ignore
];

const PIECES = [',', '"', '""', '\n', '\r', '\n\n', 'NA', '?', '-', 'e9', '1e999', '\0', '\uFEFF', 'ä', ';', '{', '}', '[', ']', ':', 'null', '1e400', '\\u0000', '__proto__']; // prettier-ignore
/** Values that headers believe. */
const BYTES = [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff];

/** A sound file of `format` with one to four edits. */
export function mutant({ samples, isText }: Format, random: HostRandom): Buffer {
  let bytes = Buffer.from(samples[random.below(samples.length)]);
  for (let edits = random.below(4) + 1; edits > 0; edits--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(isText ? 5 : 6)) {
      case 0:
        bytes = bytes.subarray(0, at);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + random.below(20)))]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - random.below(40)))]);
        break;
      case 3: {
        const piece = isText ? PIECES[random.below(PIECES.length)] : Buffer.from([BYTES[random.below(8)]]);
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(piece), bytes.subarray(at)]);
        break;
      }
      default:
        if (at < bytes.length) {
          bytes = Buffer.from(bytes);
          // Lengths stand in a few bytes in a row.
          const run = isText ? 1 : 1 + random.below(4);
          const value = random.below(2) === 0 ? BYTES[random.below(8)] : random.below(256);
          bytes.fill(value, at, Math.min(bytes.length, at + run));
        }
    }
    if (bytes.length === 0) break;
  }
  return bytes;
}
