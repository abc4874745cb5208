/** A file of version 1 with this header and content. */
export function npyBytes(header: string, content: Uint8Array): Buffer {
  const start = Buffer.alloc(10);
  start.write('\x93NUMPY\x01\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), content]);
}
