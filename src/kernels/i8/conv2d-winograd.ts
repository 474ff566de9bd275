/** int8 convolutions by Winograd's F(4x4, 3x3): assembly/i8-conv2d-winograd.ts. */
import { roundUp } from "../../base/shape.ts";
import type { Work } from "../cost/cheapest.ts";

/** The size of a 3x3 convolution of stride 1: oh x ow x cout from cin channels. */
export interface WinogradShape {
  readonly oh: number;
  readonly ow: number;
  readonly cin: number;
  readonly cout: number;
}

/**
 * Whole tiles and whole vectors, and sums within 2^25 whatever the weights are: 128 * 128 * 9 * cin.
 * Larger ones would have to be proved weight by weight.
 */
export const winogradFits = ({ oh, ow, cin, cout }: WinogradShape): boolean =>
  oh >= 4 && ow >= 4 && cin >= 8 && cout >= 8 && 128 * 128 * 9 * cin < 2 ** 25;

/** Rows of tiles worked on at a time: some 16 tiles, or 4 where many channels fill the cache. */
export function winogradBand({ oh, ow, cin }: WinogradShape): number {
  const tiles = cin > 32 ? 4 : 16;
  return Math.min(Math.ceil(oh / 4), Math.max(1, Math.round(tiles / Math.ceil(ow / 4))));
}

const pairs = (cin: number): number => Math.ceil(cin / 2);

/**
 * Pairs of channels and panels at all points of all tiles; vectors of channels of all tiles; panels of all tiles.
 * Undefined where the kernel cannot run.
 */
export function winogradWork(shape: WinogradShape & { kh: number; kw: number }): Work | undefined {
  if (shape.kh !== 3 || shape.kw !== 3 || !winogradFits(shape)) return undefined;
  const { oh, ow, cin, cout } = shape;
  const [across, down, panels] = [ow / 4, oh / 4, cout / 8].map(Math.ceil) as [number, number, number];
  const band = winogradBand(shape);
  // products are of four tiles at a time
  const points = 36 * (Math.floor(down / band) * roundUp(band * across, 4) + roundUp((down % band) * across, 4));
  return [points * pairs(cin) * panels, down * across * Math.ceil(cin / 8), down * across * panels];
}

/** Bytes that `i8_conv2d_winograd_pack` writes. */
export const winogradPackedBytes = ({ cin, cout }: WinogradShape): number =>
  Math.ceil(cout / 8) * (96 + 36 * pairs(cin) * 32);

/** Scratch of `i8_conv2d_winograd`. */
export function winogradScratchBytes(shape: WinogradShape): number {
  const tiles = roundUp(winogradBand(shape) * Math.ceil(shape.ow / 4), 4);
  return 768 + 36 * (tiles * pairs(shape.cin) * 4 + 64) + 36 * (tiles * 32 + 64);
}
