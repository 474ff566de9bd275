/** int8 convolutions of one channel with a 2x2 max pool: assembly/i8-conv2d-1c.ts. */
import { roundUp } from "../../base/shape.ts";
import type { Work } from "../cost/cheapest.ts";
import type { Variant } from "../load.ts";
import type { ConvolutionSize } from "./conv2d.ts";
import { groupsOf } from "./panels.ts";
import { storedBytes } from "./stored.ts";

/** Columns of a kernel that `i8_conv2d_1c_max_pool2d` takes whatever its height: a strip has no room for more. */
export const ONE_CHANNEL_WIDTH = 8;

/** Bytes that `i8_conv2d_1c_pack` writes at most: the place of each k-group in a strip, then pairs of outputs. */
export function oneChannelPackedBytes(
  { cout, kh, kw }: Pick<ConvolutionSize, "cout" | "kh" | "kw">,
  variant: Variant,
): number {
  const groups = groupsOf(variant, kh, kw);
  return 4 * groups + Math.ceil(cout / 2) * (16 + 8 * groups);
}

/** Scratch of `i8_conv2d_1c_max_pool2d`: one strip. */
export const stripBytes = ({ oh, kh }: Pick<ConvolutionSize, "oh" | "kh">, variant: Variant): number =>
  (2 * oh + kh - 1) * 64 * (3 - storedBytes(variant));

/**
 * k-groups of all pairs of outputs and windows; such pairs. Windows are taken in fours. Undefined where the kernel
 * cannot run.
 */
export function oneChannelWork(variant: Variant, size: ConvolutionSize): Work | undefined {
  const { cin, oh, ow, cout, kh, kw } = size;
  if (cin > 1 || kw > ONE_CHANNEL_WIDTH || ow < 4) return undefined;
  const pairs = oh * roundUp(ow, 4) * Math.ceil(cout / 2);
  return [pairs * groupsOf(variant, kh, kw), pairs];
}
