/**
 * node make-parquet.mjs FILE ROWS: writes a Parquet file like the table of make-csv.mjs, in row groups of 100,000 rows packed by
 * Snappy, and prints how many bytes it has.
 */
import { statSync } from 'node:fs';
import { fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';

const NUMBERS = Array.from({ length: 13 }, (_, i) => `x${i}`);
const CATEGORIES = { city: 40, colour: 8, plan: 5, weekday: 7 };
const GROUP = 100_000;

const [file, rows] = [process.argv[2], Number(process.argv[3])];
let state = 1;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const columnsOf = (length) => {
  const numbers = NUMBERS.map((_, k) => Array.from({ length }, () => (random() < 0.02 ? null : (random() - 0.5) * 10 ** (k % 4)))); // prettier-ignore
  return [
    ...numbers.map((data, k) => ({ name: NUMBERS[k], type: 'DOUBLE', nullable: true, data })),
    ...Object.entries(CATEGORIES).map(([name, count]) => ({ name, type: 'STRING', nullable: false, data: Array.from({ length }, () => `${name}_${Math.floor(random() * count)}`) })), // prettier-ignore
    { name: 'label', type: 'STRING', nullable: false, data: numbers[0].map((x, i) => (x + numbers[1][i] > 0 ? 'high' : random() < 0.5 ? 'low' : 'middle')) }, // prettier-ignore
  ];
};
const writer = new ParquetWriter({
  writer: fileWriter(file),
  schema: schemaFromColumnData({ columnData: columnsOf(1) }),
});
for (let done = 0; done < rows; done += GROUP) {
  await writer.write({ columnData: columnsOf(Math.min(GROUP, rows - done)), rowGroupSize: GROUP });
}
await writer.finish();
console.log(statSync(file).size);
