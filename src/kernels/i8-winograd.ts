/** Where int8 convolutions by Winograd's F(4x4, 3x3) are possible and worth while, and what memory they take: assembly/i8-conv2d-winograd.ts. */
import type { Variant } from "./load.ts";

/** What a 3x3 convolution of stride 1 makes: oh x ow x cout from cin channels. */
export interface WinogradShape {
  oh: number;
  ow: number;
  cin: number;
  cout: number;
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

/**
 * Is it faster than the direct kernel? In dot products of vectors, for a tile: 9 taps of 16 pixels in k-groups of two (plain) or four channels
 * against 36 points in twos; a transformation costs about 17 for a channel and 33 for an output (measured on 8 to 64 channels).
 */
export function winogradPays(variant: Variant, shape: WinogradShape): boolean {
  if (!winogradFits(shape)) return false;
  const { oh, ow, cin, cout } = shape;
  const across = Math.ceil(ow / 4);
  const down = Math.ceil(oh / 4);
  const band = winogradBand(shape);
  // products are of four tiles at a time
  const multiplied =
    4 * (Math.floor(down / band) * Math.ceil((band * across) / 4) + Math.ceil(((down % band) * across) / 4));
  const points = multiplied * 4.5 * cin * cout + across * down * (17 * cin + 33 * cout);
  const direct = ((oh * ow) / 16) * (variant === "relaxed" ? 9 : 18) * cin * cout;
  return points < direct;
}

const pairs = (cin: number): number => Math.ceil(cin / 2);

/** Bytes that `i8_conv2d_winograd_pack` writes. */
export const winogradPackedBytes = ({ cin, cout }: WinogradShape): number =>
  Math.ceil(cout / 8) * (96 + 36 * pairs(cin) * 32);

/** Scratch of `i8_conv2d_winograd` with this band. */
export function winogradScratchBytes({ ow, cin }: WinogradShape, band: number): number {
  const tiles = 4 * Math.ceil((band * Math.ceil(ow / 4)) / 4);
  return 768 + 36 * (tiles * pairs(cin) * 4 + 64) + 36 * (tiles * 32 + 64);
}
