import { describe, expect, it } from 'vitest';
import { parseNpy } from '../../../src/data/formats/npy.js';
import { openNpz } from '../../../src/data/formats/npz.js';
import { golden } from '../../nn/helpers/golden.js';
import { dataErrorOf } from '../files.js';
import { npyBytes } from '../npy-bytes.js';

interface Golden {
  readonly npy: readonly { descr: string; layout: string; bytes: string; values: number[] }[];
  readonly halves: { bytes: string; values: string[] };
  readonly npz: Record<'plain' | 'compressed', string>;
}
const { npy, halves, npz } = golden<Golden>('arrays');
const place = { file: 'a.npy' };
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64');

describe('parseNpy', () => {
  it.each(npy.map((one) => [one.descr, one.layout, one] as const))(
    'reads %s in %s order as NumPy does',
    (_, __, one) => {
      const { dims, values } = parseNpy(bytesOf(one.bytes), place);
      expect(dims).toEqual([2, 3, 4]);
      expect([...values]).toEqual(one.values);
    },
  );

  it('reads half floats, subnormal and infinite ones too', () => {
    const values = [...parseNpy(bytesOf(halves.bytes), place).values];
    expect(values).toEqual(halves.values.map((text) => (text === 'inf' ? Infinity : Number(text))));
  });

  it('takes bytes without a copy', () => {
    const bytes = npyBytes("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", Uint8Array.of(7, 8));
    expect(parseNpy(bytes, place).values.buffer).toBe(bytes.buffer);
  });

  const header = (descr: string, shape: string): string =>
    `{'descr': ${descr}, 'fortran_order': False, 'shape': (${shape}), }\n`;
  it.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'not a NumPy file'],
    ['text', Buffer.from('a,b\n1,2\n3,4\n'), 'not a NumPy file'],
    [
      'text elements',
      npyBytes(header("'<U5'", '1,'), new Uint8Array(20)),
      'elements of type "<U5", which nn does not read',
    ],
    ['objects', npyBytes(header("'|O'", '1,'), new Uint8Array(20)), 'elements of type "|O"'],
    ['records', npyBytes(header("[('a', '<f4')]", '1,'), new Uint8Array(4)), 'records with named fields'],
    ['no byte order', npyBytes(header("'=f4'", '1,'), new Uint8Array(4)), 'the type "=f4" does not say its byte order'],
    ['too little', npyBytes(header("'<f4'", '2, 3'), new Uint8Array(20)), 'truncated: the header promises 2 x 3 values of type f32, 24 bytes, but there are 20'], // prettier-ignore
    ['too much', npyBytes(header("'<f4'", '2,'), new Uint8Array(9)), '1 bytes after the end of the 2 values'],
    ['one number', npyBytes(header("'<f4'", ''), new Uint8Array(4)), 'a single number, not an array'],
    [
      'no elements',
      npyBytes(header("'<f4'", '0, 3'), new Uint8Array(0)),
      'the array is empty: its dimensions are 0 x 3',
    ],
    ['more than any file', npyBytes(header("'<f4'", '99999999, 99999999'), new Uint8Array(4)), 'larger than any file'],
    ['a damaged header', npyBytes("{'descr': '<f4', 'shape': (1,)}", new Uint8Array(4)), 'damaged: the header is "{'],
    ['a long header', Buffer.concat([npyBytes(header("'<f4'", '1,'), new Uint8Array(4)).fill(255, 8, 10)]), 'truncated: a header of 65535 bytes'], // prettier-ignore
    ['a shape that never ends', npyBytes(header("'<f4'", `${'1'.repeat(60)}x`), new Uint8Array(4)), 'damaged: the header is'], // prettier-ignore
    ['a future version', npyBytes(header("'<f4'", '1,'), new Uint8Array(4)).fill(9, 6, 7), 'NPY version 9'],
    ['identifiers', npyBytes(header("'<i8'", '1,'), Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1)), 'too large to be exact'],
  ])('refuses a file with %s', async (_, bytes, message) => {
    const error = await dataErrorOf(Promise.resolve().then(() => parseNpy(bytes, place)));
    expect(error.message).toMatch(/^a\.npy: /);
    expect(error.message).toContain(message);
  });
});

describe('openNpz', () => {
  it.each(['plain', 'compressed'] as const)('reads the arrays of a %s archive', async (kind) => {
    const array = openNpz(bytesOf(npz[kind]), 'a.npz');
    expect(await array('x')).toMatchObject({ type: 'u8', dims: [6, 2, 2], values: Uint8Array.from({ length: 24 }, (_, i) => i) }); // prettier-ignore
    expect([...(await array('y')).values]).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('names the arrays that there are', async () => {
    const error = await dataErrorOf(openNpz(bytesOf(npz.plain), 'a.npz')('z'));
    expect(error.message).toBe('a.npz: no array "z"; the arrays are x, y');
  });

  it('says what is damaged', async () => {
    const whole = bytesOf(npz.compressed);
    const open = (bytes: Buffer): Promise<unknown> => Promise.resolve().then(() => openNpz(bytes, 'a.npz')('x'));
    expect((await dataErrorOf(open(whole.subarray(0, -30)))).message).toContain(
      'not a ZIP archive, or a truncated one',
    );
    const flipped = Buffer.from(whole);
    flipped[60] ^= 1;
    expect((await dataErrorOf(open(flipped))).message).toMatch(/^a\.npz: member "x\.npy": damaged: /);
  });
});
