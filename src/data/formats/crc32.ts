/** CRC-32 as in ZIP and PNG (ISO 3309, polynomial 0xEDB88320), by zlib, or a byte at a time where Node 20 has no `zlib.crc32` yet. */
import * as zlib from 'node:zlib';

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder;
});

const { crc32: native }: { readonly crc32?: (bytes: Uint8Array) => number } = zlib;

export const crc32: (bytes: Uint8Array) => number = native ?? byTable;

/** As where zlib has none. */
export function byTable(bytes: Uint8Array): number {
  let remainder = -1;
  for (let i = 0; i < bytes.length; i++) remainder = TABLE[(remainder ^ bytes[i]) & 255] ^ (remainder >>> 8);
  return ~remainder >>> 0;
}
