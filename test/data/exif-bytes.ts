/** `jpeg` with an Exif part that says how the camera was held, in either order of bytes. */
export function withOrientation(jpeg: Uint8Array, orientation: number, order: 'II' | 'MM' = 'MM'): Buffer {
  const little = order === 'II';
  const short = (value: number): number[] => (little ? [value & 255, value >> 8] : [value >> 8, value & 255]);
  const long = (value: number): number[] => (little ? [...short(value), 0, 0] : [0, 0, ...short(value)]);
  // Two entries: a resolution unit, the orientation.
  const directory = [...short(2), ...short(0x128), ...short(3), ...long(1), ...short(2), 0, 0, ...short(0x112), ...short(3), ...long(1), ...short(orientation), 0, 0, ...long(0)]; // prettier-ignore
  const exif = [...Buffer.from('Exif\0\0'), ...Buffer.from(order), ...short(42), ...long(8), ...directory];
  const length = exif.length + 2;
  return Buffer.from([0xff, 0xd8, 0xff, 0xe1, length >> 8, length & 255, ...exif, ...jpeg.subarray(2)]);
}
