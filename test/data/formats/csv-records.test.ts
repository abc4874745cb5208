import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/data/index.js';
import { type CsvRecord, CsvRecords } from '../../../src/data/formats/csv-records.js';
import { LineIndex } from '../../../src/data/formats/line-index.js';
import { hostRandom, type HostRandom } from '../../../src/tensor/random.js';

const FILE = 'a.csv';
const textsOf = ({ bytes, starts, ends, count }: CsvRecord): string[] =>
  Array.from({ length: count }, (_, i) => bytes.toString('utf8', starts[i], ends[i]));

/** The records of `text` with their lines, cut between characters where `cuts` says. */
function recordsOf(text: string, dialect = { delimiter: ',', quote: '"' }, cuts: readonly number[] = []) {
  const found: { line: number; fields: string[] }[] = [];
  const records = new CsvRecords(FILE, dialect);
  const take = (record: CsvRecord): void => void found.push({ line: record.line, fields: textsOf(record) });
  const ends = [...cuts, text.length];
  ends.forEach((end, i) => records.push(Buffer.from(text.slice(ends[i - 1] ?? 0, end)), false, take));
  records.push(Buffer.alloc(0), true, take);
  return found;
}

/** What csv-parse makes of it; undefined where it refuses. */
function byTheLibrary(
  text: string,
  { delimiter, quote }: { delimiter: string; quote: string },
): string[][] | undefined {
  try {
    return parse(text, {
      bom: true,
      delimiter,
      quote: quote === '' ? null : quote,
      escape: quote === '' ? null : quote,
      record_delimiter: ['\r\n', '\n', '\r'],
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
    });
  } catch {
    return undefined;
  }
}

const PIECES = ['a', '1', '2.5', '', ' ', '\t', 'ä', '€', '\u00a0', '\u2003', '""', '"', ',', ',', ';', '\n', '\n', '\r\n', '\r', '"x"', '"a,b"', '"1\n2"', '"q""q"', "'", '§']; // prettier-ignore
const pick = <T>(random: HostRandom, list: readonly T[]): T => list[random.below(list.length)];

describe('the records of a CSV file', () => {
  it.each([
    { delimiter: ',', quote: '"' },
    { delimiter: ';', quote: "'" },
    { delimiter: '\t', quote: '"' },
    { delimiter: ',', quote: '' },
    { delimiter: '§', quote: '€' },
  ])('are those that csv-parse finds in any text, wherever it is cut: %j', (dialect) => {
    const random = hostRandom(1, `csv ${dialect.delimiter}${dialect.quote}`);
    let [accepted, refused] = [0, 0];
    for (let i = 0; i < 3000; i++) {
      const pieces = Array.from({ length: 1 + random.below(14) }, () => pick(random, PIECES));
      const text = pieces.join(random.below(3) === 0 ? dialect.delimiter : '');
      // csv-parse lets a second quoted field follow an empty one in the same place, and after a quote it takes no wide blanks.
      const { quote } = dialect;
      if (quote !== '' && new RegExp(`${quote}[^\\S\\r\\n]*[\u00a0\u2003]|${quote}{2}[^\\S\\r\\n]+${quote}`).test(text)) continue; // prettier-ignore
      const cuts = Array.from({ length: random.below(4) }, () => random.below(text.length + 1)).sort((a, b) => a - b);
      const expected = byTheLibrary(text, dialect);
      if (expected === undefined) {
        expect(() => recordsOf(text, dialect, cuts), JSON.stringify(text)).toThrow(DataError);
        refused++;
      } else {
        const found = recordsOf(text, dialect, cuts).map(({ fields }) => fields);
        expect(found, JSON.stringify(text)).toEqual(expected);
        accepted++;
      }
    }
    expect(accepted).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(dialect.quote === '' ? -1 : 100);
  });

  it('know the lines on which they begin: after empty ones, line ends in quotes, and across cuts', () => {
    const text = '\n\na,b\r\n"1\n\n2",x\n\r\n3,"y"\r4,z';
    const expected = [
      { line: 3, fields: ['a', 'b'] },
      { line: 4, fields: ['1\n\n2', 'x'] },
      { line: 8, fields: ['3', 'y'] },
      { line: 9, fields: ['4', 'z'] },
    ];
    for (let cut = 0; cut <= text.length; cut++) expect(recordsOf(text, undefined, [cut])).toEqual(expected);
  });

  it.each([
    ['a quote that is never closed', 'a,b\n\n1,"x\n2,y\n', 'a.csv:3: a quote is opened and never closed'],
    ['a quote inside of a field', 'a,b\n1,5" pipe\n', 'a.csv:2:2: a quote stands inside of a field that is not quoted'],
    ['text after a quote', 'a,b\n"1"x,2\n', 'a.csv:2:1: there is text between the closing quote and the delimiter'],
    ['text after a quote and a space', 'a,b\n1,"2" x\n', 'a.csv:2:2: there is text between the closing quote and the delimiter'], // prettier-ignore
  ])('refuse %s', (_, text, message) => {
    expect(() => recordsOf(text)).toThrow(message);
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
