/** int8 convolutions by tables of offsets: assembly/i8-conv2d.ts. */
import { cheapest, type Work } from "../cost/cheapest.ts";
import { i8Conv2dTile } from "../cost/i8-conv2d.ts";
import type { Variant } from "../load.ts";

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
 * Pixels in a tile of `i8_conv2d`: 4 and a panel of 8 outputs, or 2 and two panels, where outputs are whole sixteens.
 */
export function tilePixels(variant: Variant, groups: number, pixels: number, outs: number): 2 | 4 {
  return cheapest(i8Conv2dTile[variant], tileWorks(groups, pixels, outs)) === "pixels2" ? 2 : 4;
}

/** k-groups of all tiles, and tiles, of either kind. */
export const tileWorks = (
  groups: number,
  pixels: number,
  outs: number,
): Record<"pixels4" | "pixels2", Work | undefined> => ({
  pixels4: directWork(pixels, outs, groups),
  pixels2: outs % 16 ? undefined : directWork(2 * pixels, outs / 2, groups),
});
