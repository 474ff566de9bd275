/** int8 convolutions by tables of offsets: assembly/i8-conv2d.ts. */
import { cheapest, type Work } from "../cost/cheapest.ts";
import { i8Conv2dTile } from "../cost/i8-conv2d.ts";
import type { Variant } from "../load.ts";

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
  /** Of the result. */
  readonly oh: number;
  readonly ow: number;
}

/** k-groups of all tiles of 4 pixels and 8 outputs; `groups` of each tile, and `parts` groups of channels. */
export const directWork = (pixels: number, cout: number, groups: number, parts = 1): Work => [
  parts * Math.ceil(pixels / 4) * Math.ceil(cout / parts / 8) * groups,
];

/**
 * Pixels in a tile of `i8_conv2d`: 4 and a panel of 8 outputs, or 2 and two panels, where outputs are whole sixteens.
 */
export function tilePixels(variant: Variant, groups: number, pixels: number, cout: number): 2 | 4 {
  const tiles = { pixels4: 2 * Math.ceil(pixels / 4), pixels2: Math.ceil(pixels / 2) };
  const wide = cout % 16 === 0 && pixels > 1;
  const choice = cheapest(i8Conv2dTile[variant], size =>
    size === "pixels4" || wide ? [tiles[size] * groups, tiles[size]] : undefined,
  );
  return choice === "pixels2" ? 2 : 4;
}
