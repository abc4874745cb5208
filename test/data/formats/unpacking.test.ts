import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseIdx } from '../../../src/data/formats/idx.js';
import { canHold, refuseBomb } from '../../../src/data/formats/unpacking.js';
import { openZip } from '../../../src/data/formats/zip.js';
import { hostRandom } from '../../../src/tensor/random.js';
import { dataErrorOf, idxHeader } from '../files.js';

/** Two million bytes that do not pack. */
const random = hostRandom(1, 'noise');
const noise = Buffer.from(Uint8Array.from({ length: 2_000_000 }, () => random.below(256)));
const PROMISED = 1_600_000_000;

/** An archive with one deflated member, which its directory says to be `size` bytes. */
function zipOf(packed: Buffer, size: number): Buffer {
  const name = Buffer.from('x.npy');
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50);
  local.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50);
  entry.writeUInt16LE(8, 10);
  entry.writeUInt32LE(packed.length, 20);
  entry.writeUInt32LE(size, 24);
  entry.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(30 + name.length + packed.length, 16);
  return Buffer.concat([local, name, packed, entry, name, end]);
}

describe('what packed bytes unpack to', () => {
  it('is at most what DEFLATE can pack', () => {
    expect([canHold(10, 10_320), canHold(10, 10_321)]).toEqual([true, false]);
  });

  it.each([
    [1, 2 ** 30],
    [2 ** 24, 100 * 2 ** 24],
  ])('may be what data are: %i to %i', (packed, unpacked) => {
    expect(() => refuseBomb(packed, unpacked, { file: 'a' }, 'unpack it')).not.toThrow();
    expect(() => refuseBomb(packed, unpacked + 1, { file: 'a' }, 'unpack it')).toThrow('times as many');
  });

  it('is refused before memory is taken where it is a bomb in an idx file', async () => {
    const bytes = gzipSync(Buffer.concat([idxHeader(8, [PROMISED]), noise]));
    const reserve = (): never => expect.unreachable();
    const error = await dataErrorOf(parseIdx(bytes, 'a.idx', reserve));
    expect(error.message).toContain(`a.idx: ${bytes.length} bytes unpack to ${PROMISED + 8}, 800 times as many`);
    expect(error.hint).toContain('gunzip');
  });

  it('and in an archive', async () => {
    const [member] = openZip(zipOf(noise, PROMISED), 'a.npz');
    const error = await dataErrorOf(Promise.resolve().then(() => member.read()));
    expect(error.message).toContain(`a.npz: member "x.npy": 2000000 bytes unpack to ${PROMISED}, 800 times as many`);
  });
});
