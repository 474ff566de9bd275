/** int8 convolutions by tables of offsets: assembly/i8-conv2d.ts. */
import type { Work } from "../cost/cheapest.ts";

/**
 * The size of a convolution by the names of kernel arguments. With a pool behind it, height and width are those of the
 * pooled image.
 */
export interface ConvolutionSize {
  readonly channels: number;
  readonly outs: number;
  readonly kh: number;
  readonly kw: number;
  /** The strides. */
  readonly down: number;
  readonly across: number;
  /** The result's. */
  readonly height: number;
  readonly width: number;
}

/** k-groups of all tiles of 4 pixels and 8 outputs; tiles. A tile has so many `groups`, the channels are in `parts`. */
export function directWork(pixels: number, outs: number, groups: number, parts = 1): Work {
  const tiles = parts * Math.ceil(pixels / 4) * Math.ceil(outs / parts / 8);
  return [tiles * groups, tiles];
}

/**
 * Pixels in a tile of `i8_conv2d`: 2, with two panels of outputs, where outputs are whole sixteens, else 4. The wider tile
 * is never slower (measured with 3 to 2304 products an output: 0 to 17 % faster, twice as fast for a single pixel).
 */
export const tilePixels = (outs: number): 2 | 4 => (outs % 16 ? 4 : 2);
