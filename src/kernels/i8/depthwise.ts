/** Packed weights and scratch of int8 depthwise convolutions. */
import { roundUp } from "../../base/shape.ts";
import type { Variant } from "../load.ts";
import type { ConvolutionSize } from "./conv2d.ts";
import type { Window } from "./offsets.ts";
import { panelBytes } from "./panels.ts";
import { storedBytes } from "./stored.ts";

/** Bytes that `i8_depthwise_pack` writes: 16-bit weights in both variants. */
export const depthwisePackedBytes = ({ channels, kh, kw }: Pick<ConvolutionSize, "channels" | "kh" | "kw">): number =>
  panelBytes(channels, Math.ceil((kh * kw) / 2));

/** Can `i8_depthwise_conv2d_3x3` run such a window? */
export const depthwise3x3Fits = ({ kernel, strides, dilations }: Window, channels: number): boolean =>
  channels >= 4 && kernel.every(n => n === 3) && strides.every(n => n <= 2) && dilations.every(n => n === 1);

/** Bytes that `i8_depthwise_3x3_pack` writes. */
export const depthwise3x3PackedBytes = ({ channels }: Pick<ConvolutionSize, "channels">, variant: Variant): number =>
  Math.ceil(channels / 4) * (variant === "relaxed" ? 80 : 224);

/** Scratch of `i8_depthwise_conv2d_3x3`: four rows interleaved, in chunks of a vector. */
export const depthwise3x3ScratchBytes = (
  { width, across, channels }: Pick<ConvolutionSize, "width" | "across" | "channels">,
  variant: Variant,
): number => 4 * roundUp(((width - 1) * across + 3) * channels * storedBytes(variant), 16);
