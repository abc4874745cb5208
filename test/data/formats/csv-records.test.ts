import { describe, expect, it } from 'vitest';
import { readRecords } from '../../../src/data/formats/csv-records.js';
import { LineIndex } from '../../../src/data/formats/line-index.js';

/** The records of `text` with their lines, handed over in two blocks, cut at `cut`. */
async function recordsOf(text: string, cut = 0) {
  const found: { line: number; fields: string[] }[] = [];
  const bytes = Buffer.from(text);
  const block = Buffer.alloc(bytes.length);
  async function* blocks(): AsyncGenerator<Buffer> {
    // Each in the memory of the one before.
    for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      block.set(part);
      yield await Promise.resolve(block.subarray(0, part.length));
    }
  }
  await readRecords(blocks(), 'a.csv', { delimiter: ',', quote: '"' }, (fields, line) => {
    found.push({ line, fields: [...fields] });
  });
  return found;
}

describe('the records of a CSV file', () => {
  it('know the lines on which they begin: after empty ones, line ends in quotes, and across cuts', async () => {
    const text = '\n\na,b\r\n"1\n\n2",x\n\r\n3,"y"\r4,z';
    const expected = [
      { line: 3, fields: ['a', 'b'] },
      { line: 4, fields: ['1\n\n2', 'x'] },
      { line: 8, fields: ['3', 'y'] },
      { line: 9, fields: ['4', 'z'] },
    ];
    for (let cut = 0; cut <= text.length; cut++) expect(await recordsOf(text, cut)).toEqual(expected);
  });

  it.each([
    ['a quote that is never closed', 'a,b\n\n1,"x\n2,y\n', 'a.csv:3: a quote is never closed'],
    ['a quote inside of a field', 'a,b\n1,5" pipe\n', 'a.csv:2:2: a quote inside an unquoted field'],
    ['text after a quote', 'a,b\n"1"x,2\n', 'a.csv:2:1: text between the closing quote and the delimiter'],
    ['text after a quote and a space', 'a,b\n1,"2" x\n', 'a.csv:2:2: text between the closing quote and the delimiter'], // prettier-ignore
  ])('refuse %s', async (_, text, message) => {
    await expect(recordsOf(text)).rejects.toThrow(message);
  });
});

describe('an index of lines', () => {
  it('gives each row its line again', () => {
    const index = new LineIndex();
    const lines = [2, 3, 4, 7, 8, 12, 13, 14, 20];
    for (const line of lines) index.push(line);
    expect(lines.map((_, row) => index.lineOf(row))).toEqual(lines);
  });
});
