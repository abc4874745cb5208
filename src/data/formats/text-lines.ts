/** UTF-8 text files, streamed in blocks of whole lines or line by line. */
import { isUtf8 } from 'node:buffer';
import { DataError } from '../data-error.js';
import { isGzip } from './idx.js';

/** A longer line or record means another file type, or a quote that is never closed. */
export const LONGEST_LINE = 1 << 22;

/**
 * Yields the bytes in blocks cut at line ends, and rejects what is not UTF-8 text, naming the line. A block is valid
 * until the next one is requested.
 */
export async function* textBlocks(chunks: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer> {
  let bytes = Buffer.alloc(0);
  /** Bytes left over from the previous block, at the start of `bytes`. */
  let rest = 0;
  let line = 1;
  const check = (block: Buffer): Buffer => {
    if (!isUtf8(block) || block.includes(0)) throw notText(block, file, line);
    for (let at = block.indexOf(10); at >= 0; at = block.indexOf(10, at + 1)) line++;
    return block;
  };
  let first = true;
  for await (const chunk of chunks) {
    if (first && isGzip(chunk)) throw new DataError('the file is compressed', { file, hint: 'unpack it: gunzip' });
    first = false;
    const length = rest + chunk.length;
    if (length > bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * length);
      bytes.copy(larger, 0, 0, rest);
      bytes = larger;
    }
    chunk.copy(bytes, rest);
    // In UTF-8 only ASCII characters contain bytes below 128, so a line end never splits a character.
    const whole = bytes.subarray(0, length);
    const end = Math.max(whole.lastIndexOf(10), whole.lastIndexOf(13)) + 1;
    if (length - end > LONGEST_LINE) {
      throw new DataError(`a line of more than ${LONGEST_LINE} bytes`, { file, line, hint: 'is this a text file?' });
    }
    if (end > 0) yield check(whole.subarray(0, end));
    bytes.copyWithin(0, end, length);
    rest = length - end;
  }
  if (rest > 0) yield check(bytes.subarray(0, rest));
}

/** The lines of a file, without their ends, and their 1-based numbers. Throws DataError if it is not UTF-8 text. */
export async function* textLines(
  chunks: AsyncIterable<Buffer>,
  file: string,
): AsyncGenerator<{ readonly text: string; readonly line: number }> {
  let line = 1;
  for await (const block of textBlocks(chunks, file)) {
    const lines = block.toString('utf8').split(/\r\n|\n|\r/);
    // Every block but the last ends with a line end.
    if (lines.at(-1) === '') lines.pop();
    for (const text of lines) yield { text: line === 1 ? text.replace(/^\uFEFF/, '') : text, line: line++ };
  }
}

function notText(block: Buffer, file: string, firstLine: number): DataError {
  const isUtf16 = firstLine === 1 && block.length > 1 && [0xfeff, 0xfffe].includes(block.readUInt16BE(0));
  if (isUtf16) return new DataError('the file is UTF-16', { file, hint: 'save it as UTF-8' });
  let line = firstLine;
  for (let start = 0; start < block.length; line++) {
    const end = block.indexOf(10, start);
    const text = block.subarray(start, end < 0 ? block.length : end);
    if (text.includes(0)) return new DataError('a zero byte: this is not a text file', { file, line });
    if (!isUtf8(text)) break;
    start += text.length + 1;
  }
  return new DataError('not valid UTF-8', { file, line, hint: 'save the file as UTF-8 (it may be in Latin-1)' });
}
