/** Packed weights and scratch of int8 depthwise convolutions. */
import { roundUp } from "../../base/shape.ts";
import type { Variant } from "../load.ts";
import type { ConvolutionSize } from "./conv2d.ts";
import type { Window } from "./offsets.ts";
import { panelBytes } from "./panels.ts";
import { storedBytes } from "./stored.ts";

/** Bytes that `i8_depthwise_pack` writes: 16-bit weights in both variants. */
export const depthwisePackedBytes = ({ cin, kh, kw }: Pick<ConvolutionSize, "cin" | "kh" | "kw">): number =>
  panelBytes(cin, Math.ceil((kh * kw) / 2));

/** Can `i8_depthwise_conv2d_3x3` run such a window? */
export const depthwise3x3Fits = ({ kernel, strides, dilations }: Window, cin: number): boolean =>
  cin >= 4 && kernel.every(n => n === 3) && strides.every(n => n <= 2) && dilations.every(n => n === 1);

/** Bytes that `i8_depthwise_3x3_pack` writes. */
export const depthwise3x3PackedBytes = ({ cin }: Pick<ConvolutionSize, "cin">, variant: Variant): number =>
  Math.ceil(cin / 4) * (variant === "relaxed" ? 80 : 224);

/** Scratch of `i8_depthwise_conv2d_3x3`: four rows interleaved, in chunks of a vector. */
export const depthwise3x3ScratchBytes = (
  { ow, stride_w, cin }: Pick<ConvolutionSize, "ow" | "stride_w" | "cin">,
  variant: Variant,
): number => 4 * roundUp(((ow - 1) * stride_w + 3) * cin * storedBytes(variant), 16);
