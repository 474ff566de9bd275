/** int8 convolutions by tables of offsets: assembly/i8-conv2d.ts. */
import type { Work } from "../cost/cheapest.ts";

/**
 * The size of a convolution by the names of kernel arguments. With a pool behind it, oh and ow are those of the
 * pooled image.
 */
export interface ConvolutionSize {
  readonly cin: number;
  readonly cout: number;
  readonly kh: number;
  readonly kw: number;
  /** The strides. */
  readonly stride_h: number;
  readonly stride_w: number;
  /** The size of the result. */
  readonly oh: number;
  readonly ow: number;
}

/** k-groups of all tiles of 4 pixels and 8 outputs; tiles. A tile has so many `groups`, the channels are in `parts`. */
export function directWork(pixels: number, cout: number, groups: number, parts = 1): Work {
  const tiles = parts * Math.ceil(pixels / 4) * Math.ceil(cout / parts / 8);
  return [tiles * groups, tiles];
}

/**
 * Pixels in a tile of `i8_conv2d`: 2, with two panels of outputs, where outputs are whole sixteens, else 4. The wider
 * tile is never slower (measured with 3 to 2304 products an output: 0 to 17 % faster, twice as fast for a single
 * pixel).
 */
export const tilePixels = (cout: number): 2 | 4 => (cout % 16 ? 4 : 2);
