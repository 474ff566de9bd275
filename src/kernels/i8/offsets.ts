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
 * Splits a kernel into runs of weights whose pixels lie side by side in a stored image: a kernel row, or one tap where
 * the kernel is dilated or reads only part of the channels.
 */
export function runsOf({ kernel: [kh, kw], dilations }: Window, channels: number, groups = 1) {
  const whole = (dilations[1] === 1 || kw === 1) && groups === 1;
  return whole ? { runs: kh, length: kw * channels } : { runs: kh * kw, length: channels / groups };
}

/**
 * The axes of a table of offsets, the outermost first: how many places, and bytes from one to the next. Kernel
 * `offsets` writes the table, and its last place three times more.
 */
export type TableAxes = readonly (readonly [count: number, step: number])[];

export const tableBytes = (axes: TableAxes): number => axes.reduce((n, [count]) => n * count, 4) + 12;

/** For each k-group, how far it is from the pixel's first tap. */
export function tapAxes(
  variant: Variant,
  { pitch, pixel, channels }: StoredImage,
  window: Window,
  groups = 1,
): TableAxes {
  const { runs, length } = runsOf(window, channels, groups);
  const [kh] = window.kernel;
  const [down, across] = window.dilations;
  return [
    [kh, down * pitch],
    [runs / kh, across * pixel],
    [groupsOf(variant, 1, length), 4],
  ];
}

/** The same for each tap of a depthwise kernel. */
export const depthwiseTapAxes = ({ pitch, pixel }: StoredImage, { kernel, dilations }: Window): TableAxes => [
  [kernel[0], dilations[0] * pitch],
  [kernel[1], dilations[1] * pixel],
];

/**
 * For each pixel of y, how far its first tap in x is from that of the first pixel. Where `pooled`, for all four pixels
 * of each 2x2 window.
 */
export function pixelAxes(
  { pitch, pixel }: StoredImage,
  { height, width }: StoredImage,
  { strides: [down, across] }: Window,
  pooled = false,
): TableAxes {
  const [row, column] = [down * pitch, across * pixel];
  if (!pooled)
    return [
      [height, row],
      [width, column],
    ];
  return [
    [height, 2 * row],
    [width, 2 * column],
    [2, row],
    [2, column],
  ];
}

/** How far each pixel of an image is from the first. */
export const resultAxes = ({ height, width, pitch, pixel }: StoredImage): TableAxes => [
  [height, pitch],
  [width, pixel],
];
