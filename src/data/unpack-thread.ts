/** The thread of `UnpackedFiles`: unpacks gzip files into shared memory and hashes them. */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { createGunzip } from 'node:zlib';
import { readRegularSync } from '../config/regular-file.js';

/** A file, and the shared memory for its content. */
export interface UnpackRequest {
  readonly file: string;
  readonly content: Uint8Array;
}

export interface UnpackResult {
  readonly file: string;
  /** Hash of its bytes on disk; absent on failure. */
  readonly sha256: string | undefined;
}

/** Bytes per chunk. */
const CHUNK = 2 ** 20;

async function unpack({ file, content }: UnpackRequest): Promise<string | undefined> {
  const bytes = readRegularSync(file);
  const unpacked = createGunzip({ chunkSize: CHUNK });
  unpacked.end(bytes);
  // Overlaps with unpacking the first piece.
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  let at = 0;
  for await (const piece of unpacked as AsyncIterable<Buffer>) {
    content.set(piece, at); // Throws if there is more than fits.
    at += piece.length;
  }
  return at === content.length ? sha256 : undefined;
}

async function unpackAll(requests: readonly UnpackRequest[]): Promise<void> {
  // In parallel: zlib uses a thread pool.
  await Promise.all(
    requests.map(async (request) => {
      const sha256 = await unpack(request).catch(() => undefined);
      const result: UnpackResult = { file: request.file, sha256 };
      parentPort?.postMessage(result);
    }),
  );
}

parentPort?.once('message', (requests: readonly UnpackRequest[]) => void unpackAll(requests));
