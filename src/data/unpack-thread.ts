/** The thread of `UnpackedFiles`: unpacks gzip files to where it is told, and says of each its hash. */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { createGunzip } from 'node:zlib';
import { readRegularSync } from '../config/regular-file.js';

/** A file, and the shared memory that takes its content. */
export interface UnpackRequest {
  readonly file: string;
  readonly content: Uint8Array;
}

export interface UnpackResult {
  readonly file: string;
  /** Of its bytes on disk; absent where something is wrong. */
  readonly sha256: string | undefined;
}

/** Bytes that are unpacked at once. */
const CHUNK = 2 ** 20;

async function unpack({ file, content }: UnpackRequest): Promise<string | undefined> {
  const bytes = readRegularSync(file);
  const unpacked = createGunzip({ chunkSize: CHUNK });
  unpacked.end(bytes);
  // While the first piece is being unpacked.
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  let at = 0;
  for await (const piece of unpacked as AsyncIterable<Buffer>) {
    content.set(piece, at); // Throws where there is more than fits.
    at += piece.length;
  }
  return at === content.length ? sha256 : undefined;
}

async function unpackAll(requests: readonly UnpackRequest[]): Promise<void> {
  // Side by side: zlib has threads of its own.
  await Promise.all(
    requests.map(async (request) => {
      const sha256 = await unpack(request).catch(() => undefined);
      const result: UnpackResult = { file: request.file, sha256 };
      parentPort?.postMessage(result);
    }),
  );
}

parentPort?.once('message', (requests: readonly UnpackRequest[]) => void unpackAll(requests));
