/** Tables of offsets that drive int8 convolutions over taps, pixels and results. */
import type { Variant } from "../load.ts";
import { groupsOf } from "./panels.ts";
import type { Halo, StoredImage } from "./stored.ts";

export interface Window {
  readonly kernel: readonly [height: number, width: number];
  readonly strides: readonly [height: number, width: number];
  readonly dilations: readonly [height: number, width: number];
  readonly pads: Halo;
}

/**
 * Splits a kernel into runs of weights whose pixels are contiguous in a stored image: a kernel row, or one tap where
 * the kernel is dilated or reads only part of the channels.
 */
export function runsOf({ kernel: [kh, kw], dilations }: Window, channels: number, groups = 1) {
  const whole = (dilations[1] === 1 || kw === 1) && groups === 1;
  return whole ? { runs: kh, length: kw * channels } : { runs: kh * kw, length: channels / groups };
}

/**
 * The axes of a table of offsets, the outermost first: the number of places, and bytes from one to the next. Kernel
 * `offsets` writes the table, and its last place three times more.
 */
export type TableAxes = readonly (readonly [count: number, step: number])[];

export const tableBytes = (axes: TableAxes): number => axes.reduce((n, [count]) => n * count, 4) + 12;

/** The distance of each tap of a depthwise kernel from the pixel's first. */
export const depthwiseTapAxes = (
  { rowStride, pixelStride }: StoredImage,
  { kernel: [kh, kw], dilations: [down, across] }: Window,
): TableAxes => [
  [kh, down * rowStride],
  [kw, across * pixelStride],
];

/** The distance of each k-group from the pixel's first tap. */
export function tapAxes(variant: Variant, image: StoredImage, window: Window, groups = 1): TableAxes {
  const { runs, length } = runsOf(window, image.channels, groups);
  const taps = depthwiseTapAxes(image, window);
  return [...(runs > window.kernel[0] ? taps : [taps[0]!]), [groupsOf(variant, 1, length), 4]];
}

/**
 * For each pixel of y, the distance of its first tap in x from that of the first pixel. Where `pooled`, for all four
 * pixels of each 2x2 window.
 */
export function pixelAxes(
  { rowStride, pixelStride }: StoredImage,
  { height, width }: StoredImage,
  { strides: [down, across] }: Window,
  pooled = false,
): TableAxes {
  const [row, column] = [down * rowStride, across * pixelStride];
  const windows = (step: number): TableAxes => [
    [height, step * row],
    [width, step * column],
  ];
  return pooled ? [...windows(2), [2, row], [2, column]] : windows(1);
}

/** The distance of each pixel of an image from the first. */
export const resultAxes = ({ height, width, rowStride, pixelStride }: StoredImage): TableAxes => [
  [height, rowStride],
  [width, pixelStride],
];
