/** int8 convolutions by Winograd's F(4x4, 3x3): assembly/i8-conv2d-winograd.ts. */
import { roundUp } from "../../base/shape.ts";
import type { Work } from "../cost/cheapest.ts";

/** The size of a 3x3 convolution of stride 1: height x width x outs from so many channels. */
export interface WinogradShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly outs: number;
}

/**
 * Whole tiles and whole vectors, and sums within 2^25 whatever the weights are: 128 * 128 * 9 * channels.
 * Larger ones would have to be proved weight by weight.
 */
export const winogradFits = ({ height, width, channels, outs }: WinogradShape): boolean =>
  height >= 4 && width >= 4 && channels >= 8 && outs >= 8 && 128 * 128 * 9 * channels < 2 ** 25;

/** Rows of tiles worked on at a time: some 16 tiles, or 4 where many channels fill the cache. */
export function winogradBand({ height, width, channels }: WinogradShape): number {
  const tiles = channels > 32 ? 4 : 16;
  return Math.min(Math.ceil(height / 4), Math.max(1, Math.round(tiles / Math.ceil(width / 4))));
}

const pairs = (channels: number): number => Math.ceil(channels / 2);

/**
 * Pairs of channels and panels at all points of all tiles; vectors of channels of all tiles; panels of all tiles.
 * Undefined where the kernel cannot run.
 */
export function winogradWork(shape: WinogradShape & { kh: number; kw: number }): Work | undefined {
  if (shape.kh !== 3 || shape.kw !== 3 || !winogradFits(shape)) return undefined;
  const { height, width, channels, outs } = shape;
  const [across, down, panels] = [width / 4, height / 4, outs / 8].map(Math.ceil) as [number, number, number];
  const band = winogradBand(shape);
  // products are of four tiles at a time
  const points = 36 * (Math.floor(down / band) * roundUp(band * across, 4) + roundUp((down % band) * across, 4));
  return [points * pairs(channels) * panels, down * across * Math.ceil(channels / 8), down * across * panels];
}

/** Bytes that `i8_conv2d_winograd_pack` writes. */
export const winogradPackedBytes = ({ channels, outs }: WinogradShape): number =>
  Math.ceil(outs / 8) * (96 + 36 * pairs(channels) * 32);

/** Scratch of `i8_conv2d_winograd`. */
export function winogradScratchBytes(shape: WinogradShape): number {
  const tiles = roundUp(winogradBand(shape) * Math.ceil(shape.width / 4), 4);
  return 768 + 36 * (tiles * pairs(shape.channels) * 4 + 64) + 36 * (tiles * 32 + 64);
}
