/** MurmurHash3, x86, 32 bits, seed 0 (Appleby 2011), of bytes from `start` to `end`: what scikit-learn's hashers use as well. */
export function murmur3(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const mix = (block: number): number => {
    const k = Math.imul(block, 0xcc9e2d51);
    return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  };
  const whole = start + ((end - start) & ~3);
  let hash = 0;
  for (let at = start; at < whole; at += 4) {
    hash ^= mix(bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = end - 1; at >= whole; at--) tail = (tail << 8) | bytes[at];
  if (whole < end) hash ^= mix(tail);
  hash ^= end - start;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
