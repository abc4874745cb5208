/**
 * The thread of `UnpackedFiles`: unpacks one gzip file after the other to where it is told; says of each when it has begun, and at the
 * end its hash, or that something is wrong.
 */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { createGunzip } from 'node:zlib';
import { readRegularSync } from '../config/regular-file.js';

/** A file, and the shared memory that takes its content. */
export interface UnpackRequest {
  readonly file: string;
  readonly content: Uint8Array;
}

export interface UnpackProgress {
  readonly file: string;
  /** Absent where it has begun. Without a hash, something is wrong. */
  readonly end?: { readonly sha256?: string };
}

/** Bytes that are unpacked at once. */
const CHUNK = 2 ** 20;

const report = (progress: UnpackProgress): void => parentPort?.postMessage(progress);

async function unpack({ file, content }: UnpackRequest): Promise<string | undefined> {
  const bytes = readRegularSync(file);
  const unpacked = createGunzip({ chunkSize: CHUNK });
  unpacked.end(bytes);
  // While the first piece is being unpacked.
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  let at = 0;
  for await (const piece of unpacked as AsyncIterable<Buffer>) {
    content.set(piece, at); // Throws where there is more than fits.
    if (at === 0) report({ file });
    at += piece.length;
  }
  return at === content.length ? sha256 : undefined;
}

async function unpackAll(requests: readonly UnpackRequest[]): Promise<void> {
  for (const request of requests) {
    const sha256 = await unpack(request).catch(() => undefined);
    report({ file: request.file, end: { sha256 } });
  }
}

parentPort?.once('message', (requests: readonly UnpackRequest[]) => void unpackAll(requests));
