/** CRC-32: the check value of its catalogue, and the same from zlib and from the table. */
import { describe, expect, it } from 'vitest';
import { byTable, crc32 } from '../../../src/data/formats/crc32.js';
import { hostRandom } from '../../../src/tensor/random.js';

describe('crc32', () => {
  it('is 0xcbf43926 for the digits 1 to 9', () => {
    for (const checksum of [crc32, byTable]) expect(checksum(Buffer.from('123456789'))).toBe(0xcbf43926);
  });

  it('is the same from zlib and from the table', () => {
    const random = hostRandom(1, 'crc32');
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, () => random.below(256));
      expect(crc32(bytes)).toBe(byTable(bytes));
    }
  });
});
