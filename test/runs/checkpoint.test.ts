import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/runs/checkpoint-error.js';
import { loadCheckpoint, saveCheckpoint, type Checkpoint } from '../../src/runs/checkpoint.js';
import { readSafetensors, writeSafetensors, type StoredTensor } from '../../src/runs/safetensors.js';
import { hostRandom } from '../../src/tensor/random.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nn-checkpoint-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const path = () => join(folder, 'last.safetensors');

const example: Checkpoint = {
  tensors: new Map<string, StoredTensor>([
    ['layers.0.weight', { dtype: 'F32', shape: [2, 3], values: Float32Array.of(0.1, -2, 3e-38, 4, 5, 6) }],
    ['optimizer.step', { dtype: 'I32', shape: [], values: Int32Array.of(12) }],
  ]),
  meta: {
    config: 'name: iris\nseed: 1 # "quoted" \\ ü\n',
    step: 12,
    position: { epoch: 1, batch: 3 },
    classes: ['a', 'b'],
    best: null,
    mean: [0.1, 5e-324, 1.7976931348623157e308],
  },
};

function loadBytes(bytes: Uint8Array): unknown {
  writeFileSync(path(), bytes);
  try {
    return loadCheckpoint(path());
  } catch (error) {
    return error;
  }
}

describe('a checkpoint', () => {
  it('comes back as it was saved', () => {
    saveCheckpoint(path(), example);
    expect(loadCheckpoint(path())).toEqual(example);
  });

  it('is the same file for the same content', () => {
    saveCheckpoint(path(), example);
    const first = readFileSync(path());
    saveCheckpoint(path(), loadCheckpoint(path()));
    expect(readFileSync(path())).toEqual(first);
  });

  it('keeps a meta key named __proto__ a plain key', () => {
    saveCheckpoint(path(), { tensors: new Map(), meta: Object.fromEntries([['__proto__', { polluted: true }]]) });
    const { meta } = loadCheckpoint(path());
    expect(Object.getPrototypeOf(meta)).toBe(Object.prototype);
    expect(Object.keys(meta)).toEqual(['__proto__']);
  });

  it('refuses to save what JSON would silently change', () => {
    const save = (meta: Checkpoint['meta']) => () => saveCheckpoint(path(), { tensors: new Map(), meta });
    expect(save({ best: { loss: Infinity } })).toThrow('loss is Infinity');
    expect(save({ best: NaN })).toThrow(TypeError);
    expect(save({ format: 'x' })).toThrow('reserved');
  });

  it('finds every flipped bit, in the header as in the tensors', () => {
    saveCheckpoint(path(), example);
    const whole = readFileSync(path());
    for (let at = 0; at < whole.length; at++) {
      for (const bit of [at % 8, (at + 3) % 8]) {
        const flipped = Buffer.from(whole);
        flipped[at] ^= 1 << bit;
        expect(loadBytes(flipped), `bit ${bit} of byte ${at}`).toBeInstanceOf(CheckpointError);
      }
    }
  });

  it('yields a CheckpointError for any damage, and nothing else', () => {
    saveCheckpoint(path(), example);
    const whole = readFileSync(path());
    for (let seed = 1; seed <= 500; seed++) {
      const random = hostRandom(seed, 'test/runs/checkpoint');
      let bytes = Buffer.from(whole);
      for (let changes = 1 + random.below(4); changes > 0; changes--) {
        const at = random.below(bytes.length);
        const end = Math.min(bytes.length, at + 1 + random.below(20));
        const piece = bytes.subarray(at, end);
        const replacement = [Buffer.alloc(0), Buffer.concat([piece, piece]), Buffer.alloc(end - at, random.below(256))];
        bytes = Buffer.concat([bytes.subarray(0, at), replacement[random.below(3)], bytes.subarray(end)]);
      }
      if (bytes.equals(whole)) continue;
      expect(loadBytes(bytes), `seed ${seed}`).toBeInstanceOf(CheckpointError);
    }
  });

  it('of a later format version is refused, saying which version reads it', () => {
    writeSafetensors(path(), new Map(), new Map([['format', 'nn'], ['format_version', '2']])); // prettier-ignore
    expect(() => loadCheckpoint(path())).toThrow('has checkpoint format version "2"; this nn reads 1');
  });

  it('of another program is refused, though its tensors can be read', () => {
    writeSafetensors(path(), example.tensors, new Map([['format', 'pt']]));
    expect(readSafetensors(path()).tensors.size).toBe(2);
    expect(() => loadCheckpoint(path())).toThrow('is not a checkpoint of nn');
  });

  it('with metadata that is not JSON, too deep or too long is refused', () => {
    const load = (config: string) => () => {
      const metadata = { format: 'nn', format_version: '1', config };
      writeSafetensors(path(), new Map(), new Map(Object.entries(metadata)));
      loadCheckpoint(path());
    };
    expect(load('{"a":}')).toThrow('metadata "config" is not valid JSON');
    expect(load('['.repeat(1_000_000))).toThrow('nests deeper than 100');
    expect(load('"'.padEnd(17_000_000))).toThrow('more than 16000000 characters');
    expect(load(`"${'['.repeat(1000)}"`)).not.toThrow();
  });
});
