/** int8 convolutions by Winograd's F(4x4, 3x3): assembly/i8-conv2d-winograd.ts. */
import type { Work } from "../cost/cheapest.ts";

/** What a 3x3 convolution of stride 1 makes: oh x ow x cout from cin channels. */
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
 * Pairs of channels at all points of all tiles; channels and outputs of all tiles; undefined where the kernel cannot
 * run.
 */
export function winogradWork(shape: WinogradShape): Work | undefined {
  if (!winogradFits(shape)) return undefined;
  const { oh, ow, cin, cout } = shape;
  const across = Math.ceil(ow / 4);
  const down = Math.ceil(oh / 4);
  const band = winogradBand(shape);
  // products are of four tiles at a time
  const multiplied =
    4 * (Math.floor(down / band) * Math.ceil((band * across) / 4) + Math.ceil(((down % band) * across) / 4));
  return [multiplied * 36 * pairs(cin) * Math.ceil(cout / 8), across * down * cin, across * down * cout];
}

/** Bytes that `i8_conv2d_winograd_pack` writes. */
export const winogradPackedBytes = ({ cin, cout }: WinogradShape): number =>
  Math.ceil(cout / 8) * (96 + 36 * pairs(cin) * 32);

/** Scratch of `i8_conv2d_winograd` with this band. */
export function winogradScratchBytes({ ow, cin }: WinogradShape, band: number): number {
  const tiles = 4 * Math.ceil((band * Math.ceil(ow / 4)) / 4);
  return 768 + 36 * (tiles * pairs(cin) * 4 + 64) + 36 * (tiles * 32 + 64);
}
