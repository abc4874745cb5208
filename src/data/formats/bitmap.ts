/** A decoded image. */
export interface Image {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 red, green, blue, 4 these and alpha. */
  readonly channels: number;
  /** Row by row, the channels of a pixel side by side. */
  readonly values: Uint8Array;
}
