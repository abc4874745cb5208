/**
 * node make-images.mjs FOLDER COUNT SIZE: writes COUNT PNG images of SIZE x SIZE pixels in ten classes: coloured waves with some noise,
 * their lines filtered in all five ways, as writers of PNG do. Prints how many bytes they take.
 */
import { Buffer } from 'node:buffer';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

const CLASSES = 10;
const [folder, count, size] = process.argv.slice(2).map((value, i) => (i === 0 ? value : Number(value)));
let state = 1;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;

function pixelsOf(label) {
  const pixels = Buffer.alloc(size * size * 3);
  const [u, v, phase] = [0.05 * (label + 1), 0.3 / (label + 1), 6 * random()];
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < 3; c++, at++) pixels[at] = 128 + 90 * Math.sin(u * x + v * y + phase + c) + 20 * random();
    }
  }
  return pixels;
}

/** PNG, section 9. */
function filtered(pixels) {
  const wide = 3 * size;
  const lines = Buffer.alloc(size * (wide + 1));
  for (let y = 0; y < size; y++) {
    const filter = y % 5;
    lines[y * (wide + 1)] = filter;
    for (let i = 0; i < wide; i++) {
      const at = y * wide + i;
      const left = i < 3 ? 0 : pixels[at - 3];
      const up = y === 0 ? 0 : pixels[at - wide];
      const corner = i < 3 || y === 0 ? 0 : pixels[at - wide - 3];
      const guess = left + up - corner;
      const [a, b, c] = [left, up, corner].map((value) => Math.abs(guess - value));
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      lines[y * (wide + 1) + 1 + i] = pixels[at] - [0, left, up, (left + up) >> 1, paeth][filter];
    }
  }
  return lines;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

const header = Buffer.alloc(13);
header.writeUInt32BE(size, 0);
header.writeUInt32BE(size, 4);
header.set([8, 2], 8);
let written = 0;
for (let label = 0; label < CLASSES; label++) mkdirSync(join(folder, `class-${label}`), { recursive: true });
for (let i = 0; i < count; i++) {
  const label = i % CLASSES;
  const bytes = Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(filtered(pixelsOf(label)))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  writeFileSync(join(folder, `class-${label}`, `${String(i).padStart(6, '0')}.png`), bytes);
  written += bytes.length;
}
console.log(written);
