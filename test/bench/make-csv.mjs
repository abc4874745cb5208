/** node make-csv.mjs FILE BYTES: writes a table of numbers and categories, one value in fifty missing, and prints how many rows it has. */
import { closeSync, openSync, writeSync } from 'node:fs';

const NUMBERS = Array.from({ length: 13 }, (_, i) => `x${i}`);
const CATEGORIES = { city: 40, colour: 8, plan: 5, weekday: 7 };

const [file, bytes] = process.argv.slice(2);
let state = 1;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const out = openSync(file, 'w');
const names = Object.entries(CATEGORIES).map(([name, count]) => Array.from({ length: count }, (_, i) => `${name}_${i}`)); // prettier-ignore
let written = writeSync(out, `${[...NUMBERS, ...Object.keys(CATEGORIES), 'label'].join()}\n`);
let rows = 0;
while (written < bytes) {
  let block = '';
  for (let i = 0; i < 4096; i++, rows++) {
    const numbers = NUMBERS.map((_, k) => (random() < 0.02 ? '' : ((random() - 0.5) * 10 ** (k % 4)).toFixed(k % 6)));
    const categories = names.map((list) => list[Math.floor(random() * list.length)]);
    const label = Number(numbers[0]) + Number(numbers[1]) > 0 ? 'high' : random() < 0.5 ? 'low' : 'middle';
    block += `${numbers.join()},${categories.join()},${label}\n`;
  }
  written += writeSync(out, block);
}
closeSync(out);
console.log(rows);
