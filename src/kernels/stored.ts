/**
 * How int8 lies in memory for the kernels of assembly/i8-*.ts: stored activations, packed weights,
 * and the tables of offsets that drive a convolution. Pure arithmetic on shapes: the bytes are written by kernels.
 */
import { roundUp, type Shape, size } from "../base/shape.ts";
import { flat, type Layout } from "./layout.ts";
import type { Variant } from "./load.ts";

/** Bytes of one stored activation: q + 128 as u8 (relaxed) or i16 (plain). */
export const storedBytes = (variant: Variant): 1 | 2 => (variant === "relaxed" ? 1 : 2);

/** Weights in one k-group, four bytes when packed. */
export const groupLength = (variant: Variant): 2 | 4 => (variant === "relaxed" ? 4 : 2);

/** Pixels around an image that hold its zero point. */
export interface Halo {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

export const NO_HALO: Halo = { top: 0, bottom: 0, left: 0, right: 0 };

/** Where things are in a stored image, in bytes from its start. */
export interface StoredImage {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly halo: Halo;
  /** From one pixel to the next. */
  readonly pixel: number;
  /** From one row to the next. */
  readonly pitch: number;
  /** The first pixel inside the halo. */
  readonly first: number;
  readonly bytes: number;
}

/** The geometry of a shape: [h][w][c]; anything of another rank is one row of one pixel. */
export function storedImage(shape: Shape, variant: Variant, halo: Halo = NO_HALO): StoredImage {
  const [height, width, channels] = shape.length === 3 ? (shape as [number, number, number]) : [1, 1, size(shape)];
  const pixel = channels * storedBytes(variant);
  const pitch = (halo.left + width + halo.right) * pixel;
  return {
    height,
    width,
    channels,
    halo,
    pixel,
    pitch,
    first: halo.top * pitch + halo.left * pixel,
    bytes: (halo.top + height + halo.bottom) * pitch,
  };
}

/**
 * Stored activations, NHWC, with a halo that holds the zero point:
 *
 *     t t t t t t t
 *     l p p p p r r      each letter a pixel of all channels
 *     l p p p p r r
 *     b b b b b b b
 */
export interface StoredLayout extends Layout {
  readonly variant: Variant;
  readonly halo: Halo;
}

/** `zero`: what the halo holds. */
export function stored(variant: Variant, halo: Halo = NO_HALO, zero = 0): StoredLayout {
  const { top, bottom, left, right } = halo;
  const around = top + bottom + left + right ? `(${top},${bottom},${left},${right}:${zero})` : "";
  return {
    name: `stored.${variant}${around}`,
    variant,
    halo,
    bytes: shape => roundUp(storedImage(shape, variant, halo).bytes, 32),
    from: flat,
    by(shape) {
      const { height, width, channels } = storedImage(shape, variant, halo);
      return { kernel: "i8_enter", args: { height, width, channels, top, bottom, left, right, zero } };
    },
    back: shape => ({ kernel: "i8_leave", args: storedRows(storedImage(shape, variant, halo)) }),
    serving: other => (isStored(other) ? stored(variant, aroundBoth(halo, other.halo), zero) : undefined),
  };
}

/** The rows of a stored image as kernels that walk rows want them; without pads at the sides all is one row. */
export function storedRows(image: StoredImage): { first: number; rows: number; length: number; pitch: number } {
  const { first, height, width, channels, pitch, halo } = image;
  const length = width * channels;
  if (halo.left + halo.right === 0) return { first, rows: 1, length: height * length, pitch: height * pitch };
  return { first, rows: height, length, pitch };
}

export const isStored = (layout: Layout): layout is StoredLayout => layout.name.startsWith("stored.");

/** The least halo that holds both. */
export const aroundBoth = (a: Halo, b: Halo): Halo => ({
  top: Math.max(a.top, b.top),
  bottom: Math.max(a.bottom, b.bottom),
  left: Math.max(a.left, b.left),
  right: Math.max(a.right, b.right),
});

/** Does halo `a` hold all of `b`? */
export const covers = (a: Halo, b: Halo): boolean =>
  a.top >= b.top && a.bottom >= b.bottom && a.left >= b.left && a.right >= b.right;

// ---------------------------------------------------------------- packed weights

/** k-groups of a row of weights: `runs` of `length`, each padded to whole groups. */
export const groupsOf = (variant: Variant, runs: number, length: number): number =>
  runs * Math.ceil(length / groupLength(variant));

/** Bytes that `i8_gemm_pack` writes: panels of 8 outputs. */
export const panelBytes = (outs: number, groups: number): number => Math.ceil(outs / 8) * (64 + groups * 32);

/** Bytes that `i8_dense_pack` writes. */
export function densePackedBytes(variant: Variant, outs: number, length: number): number {
  if (variant === "relaxed") return Math.ceil(outs / 4) * (32 + Math.ceil(length / 4) * 16);
  return Math.ceil(outs / 8) * (64 + Math.ceil(length / 8) * 64);
}

// ---------------------------------------------------------------- tables of a convolution

export interface Window {
  readonly kernel: readonly [height: number, width: number];
  readonly strides: readonly [height: number, width: number];
  readonly dilations: readonly [height: number, width: number];
  readonly pads: Halo;
}

/** What lies side by side in a stored image: a whole kernel row, or one tap where the kernel is dilated or reads only part of the channels. */
export function runsOf(window: Window, channels: number, groups = 1): { runs: number; length: number } {
  const [kh, kw] = window.kernel;
  const inside = channels / groups;
  const whole = (window.dilations[1] === 1 || kw === 1) && groups === 1;
  return whole ? { runs: kh, length: kw * inside } : { runs: kh * kw, length: inside };
}

/** For each k-group, its byte offset from the pixel's first tap. */
export function tapTable(variant: Variant, x: StoredImage, window: Window, groups = 1): Int32Array {
  const { runs, length } = runsOf(window, x.channels, groups);
  const [, kw] = window.kernel;
  const perRun = groupsOf(variant, 1, length);
  const table = new Int32Array(runs * perRun);
  for (let run = 0; run < runs; run++) {
    const [ky, kx] = runs === window.kernel[0] * kw ? [Math.floor(run / kw), run % kw] : [run, 0];
    const start = ky * window.dilations[0] * x.pitch + kx * window.dilations[1] * x.pixel;
    for (let g = 0; g < perRun; g++) table[run * perRun + g] = start + 4 * g;
  }
  return table;
}

/** The byte offset of the first tap of output pixel (row, column). */
const firstTap = (x: StoredImage, { strides, pads }: Window, row: number, column: number): number =>
  x.first + (row * strides[0] - pads.top) * x.pitch + (column * strides[1] - pads.left) * x.pixel;

/**
 * Pixels in a tile of `i8_conv2d`: 4; 2, with two panels of outputs, where rows are not long (measured: 17 % faster on 8 channels to 16, 6 % at 32,
 * 1 % at 64, slower at 128); 3 where fours would throw more away, a tile of 3 taking some 3.2 / 4 of the time of one of 4 (9 pixels: 18 % faster).
 */
export function tileRows(groups: number, pixels: number, outs: number): 2 | 3 | 4 {
  if (groups <= 32 && outs % 16 === 0 && pixels > 1) return 2;
  return Math.ceil(pixels / 3) * 3.2 < Math.ceil(pixels / 4) * 4 ? 3 : 4;
}

/** For each tile, `rows` pixels of x and as many of y. The tail repeats the last pixel. */
export function pixelTable(x: StoredImage, y: StoredImage, window: Window, rows = 4): Int32Array {
  const pixels = y.height * y.width;
  const tiles = Math.ceil(pixels / rows);
  const table = new Int32Array(tiles * 2 * rows);
  for (let t = 0; t < tiles; t++)
    for (let i = 0; i < rows; i++) {
      const p = Math.min(rows * t + i, pixels - 1);
      const row = Math.floor(p / y.width);
      const column = p % y.width;
      table[2 * rows * t + i] = firstTap(x, window, row, column);
      table[2 * rows * t + rows + i] = y.first + row * y.pitch + column * y.pixel;
    }
  return table;
}

/** For each pixel of y, the four pixels of its 2x2 window (before pooling) in x, then y's own. */
export function pooledPixelTable(x: StoredImage, y: StoredImage, window: Window): Int32Array {
  const table = new Int32Array(y.height * y.width * 5);
  let at = 0;
  for (let row = 0; row < y.height; row++)
    for (let column = 0; column < y.width; column++) {
      for (let i = 0; i < 4; i++) table[at++] = firstTap(x, window, 2 * row + (i >> 1), 2 * column + (i & 1));
      table[at++] = y.first + row * y.pitch + column * y.pixel;
    }
  return table;
}

// ---------------------------------------------------------------- one input channel

/** How `i8_conv2d_1c_max_pool2d` walks a kernel. */
export interface ChannelWalk {
  /** k-groups along rows, then k-groups down the last column. */
  readonly across: number;
  readonly down: number;
  /** Groups of 4 columns a strip holds (relaxed). */
  readonly quads: number;
  /** The column of the groups that go down, -1: none. */
  readonly column: number;
  /** Taps (ky * kw + kx) of each k-group, -1 where it has fewer. */
  readonly order: Int32Array;
  /** Byte offset of each k-group in a strip. */
  readonly taps: Int32Array;
}

/** Bytes from one row of a strip to the next. */
const STRIP_PITCH = { simd: 64, relaxed: 128 } as const;

/** Scratch of `i8_conv2d_1c_max_pool2d`: one strip. */
export const stripBytes = (variant: Variant, rows: number): number => rows * STRIP_PITCH[variant];

/** Bytes that `i8_conv2d_1c_pack` writes. */
export const channelPackedBytes = (outs: number, walk: ChannelWalk): number =>
  Math.ceil(outs / 2) * (16 + (walk.across + walk.down) * 8);

/** The walk of a kernel; undefined where a strip is too narrow for it. */
export function channelWalk(variant: Variant, [kh, kw]: readonly [number, number]): ChannelWalk | undefined {
  const G = groupLength(variant);
  const pitch = STRIP_PITCH[variant];
  const whole = kw - (kw % G);
  const goesDown = kw % G === 1;
  const across: { y: number; x: number; taps: number }[] = [];
  for (let y = 0; y < kh; y++) for (let x = 0; x < whole; x += G) across.push({ y, x, taps: G });
  const downRows = goesDown ? kh - (kh % G) : 0;
  if (whole < kw) for (let y = downRows; y < kh; y++) across.push({ y, x: whole, taps: kw - whole });
  const down = Array.from({ length: downRows / G }, (_, i) => i * G);

  const last = Math.max(0, ...across.map(g => g.x));
  const quads = variant === "relaxed" && across.length ? last / 4 + 1 : 0;
  const columnAt = variant === "relaxed" ? quads * 32 : 32;
  if (variant === "relaxed" ? columnAt + (down.length ? 32 : 0) > pitch : last > 7) return undefined;

  const order = new Int32Array((across.length + down.length) * G).fill(-1);
  across.forEach(({ y, x, taps }, g) => {
    for (let i = 0; i < taps; i++) order[g * G + i] = y * kw + x + i;
  });
  down.forEach((y, g) => {
    for (let i = 0; i < G; i++) order[(across.length + g) * G + i] = (y + i) * kw + whole;
  });
  const at = ({ y, x }: { y: number; x: number }) => y * pitch + (variant === "relaxed" ? x * 8 : x * 2);
  const taps = Int32Array.from([...across.map(at), ...down.map(y => y * pitch + columnAt)]);
  return { across: across.length, down: down.length, quads, column: down.length ? whole : -1, order, taps };
}

// ---------------------------------------------------------------- fast FIR (plain kernels only)

/** Taps of the parts S, H0, H1 of a kernel axis. */
const firTaps = (kernel: number): [number, number, number] => [(kernel + 1) >> 1, (kernel + 1) >> 1, kernel >> 1];

const firGroups = (kw: number, channels: number): number[] => firTaps(kw).map(taps => Math.ceil((taps * channels) / 2));

/** Bytes that `i8_conv2d_fir_pack` writes. */
export function firPackedBytes(outs: number, [kh, kw]: readonly [number, number], channels: number): number {
  const rows = firTaps(kh).reduce((a, b) => a + b);
  const groups = firGroups(kw, channels).reduce((a, b) => a + b);
  return Math.ceil(outs / 8) * (64 + rows * groups * 32);
}

/**
 * Are the products it saves worth more than the planes it makes? A window costs the direct kernel 4 * taps multiplications an output;
 * the planes cost some 27 vector operations of 8 channels, as long as two multiplications each (measured on 5x5 and 3x3 kernels).
 */
export function firPays([kh, kw]: readonly [number, number], channels: number, outs: number): boolean {
  const rows = firTaps(kh).reduce((a, b) => a + b);
  const products = 2 * rows * firGroups(kw, channels).reduce((a, b) => a + b);
  const direct = 8 * kh * Math.ceil((kw * channels) / 2);
  const whole = 8 * Math.ceil(outs / 8);
  return kh > 1 && kw > 1 && products * whole + 54 * channels < direct * whole;
}

/** Scratch of `i8_conv2d_fir_max_pool2d` for a pooled image of height x width. */
export function firScratchBytes(
  height: number,
  width: number,
  [kh, kw]: readonly [number, number],
  channels: number,
): number {
  const plane = (height + firTaps(kh)[0] - 1) * (width + firTaps(kw)[0] - 1) * channels * 2;
  return 6 * 128 + 9 * (roundUp(plane + 32, 16) + 16);
}

/**
 * The nine products of a tile: rows of taps, k-groups a row, two slots whose sum they start from, the slot they go to,
 * and whether it takes the maximum. Slots: 0 zero, 1 SS, 2 and 3 SH[c], 4 HS[r], 5 the maximum over r and c of SH[c] + HS[r] + HH[r][c].
 */
export function firSteps([kh, kw]: readonly [number, number], channels: number): Int32Array {
  const slots: [from: number, plus: number, to: number, max: number][] = [
    [0, 0, 1, 0],
    [0, 0, 2, 0],
    [0, 0, 3, 0],
    [0, 0, 4, 0],
    [2, 4, 5, 0],
    [3, 4, 5, 1],
    [0, 0, 4, 0],
    [2, 4, 5, 1],
    [3, 4, 5, 1],
  ];
  const groups = firGroups(kw, channels);
  return Int32Array.from(
    slots.flatMap(([from, plus, to, max], p) => [
      firTaps(kh)[Math.floor(p / 3)]!,
      groups[p % 3]!,
      128 * from,
      128 * plus,
      128 * to,
      max,
    ]),
  );
}

// ---------------------------------------------------------------- depthwise, sums

/** For each tap its byte offset from the pixel's first, the last repeated where their number is odd. */
export function depthwiseTapTable(x: StoredImage, { kernel: [kh, kw], dilations }: Window): Int32Array {
  const taps = kh * kw;
  return Int32Array.from({ length: taps + (taps & 1) }, (_, i) => {
    const tap = Math.min(i, taps - 1);
    return Math.floor(tap / kw) * dilations[0] * x.pitch + (tap % kw) * dilations[1] * x.pixel;
  });
}

/** Bytes that `i8_depthwise_pack` writes. */
export const depthwisePackedBytes = (channels: number, taps: number): number =>
  Math.ceil(channels / 8) * (64 + Math.ceil(taps / 2) * 32);

/** Does `i8_depthwise_conv2d_3x3` know such a window? */
export const depthwise3x3Fits = ({ kernel, strides, dilations }: Window, channels: number): boolean =>
  channels >= 4 &&
  kernel.every(n => n === 3) &&
  strides.every(n => n === 1 || n === 2) &&
  dilations.every(n => n === 1);

/** Bytes that `i8_depthwise_3x3_pack` writes. */
export const depthwise3x3PackedBytes = (variant: Variant, channels: number): number =>
  Math.ceil(channels / 4) * (variant === "relaxed" ? 80 : 224);

/** Scratch of `i8_depthwise_conv2d_3x3`: four rows interleaved, in chunks of a vector. */
export function depthwise3x3ScratchBytes(variant: Variant, width: number, across: number, channels: number): number {
  const elements = ((width - 1) * across + 3) * channels;
  return variant === "relaxed" ? roundUp(elements, 16) * 4 : roundUp(elements, 8) * 8;
}

/** The numbers of `i8_add`. */
export interface Addition {
  readonly ma: number;
  readonly mb: number;
  readonly bias: number;
  readonly shift: number;
}

interface Affine {
  readonly scale: number;
  readonly zero: number;
}

/**
 * XNNPACK's parameters of qs8-vadd: multipliers of at most 21 bits with one shift, for operands stored as q + 128.
 * A negative `sign` subtracts. Undefined where a scale is more than 2^8 times, or both less than 2^-10 times, the result's.
 */
export function addition(a: Affine, b: Affine, y: Affine, sign: 1 | -1 = 1): Addition | undefined {
  const ratio = (x: Affine) => Math.fround(Math.fround(x.scale) / Math.fround(y.scale));
  const larger = Math.max(ratio(a), ratio(b));
  if (!(larger >= 2 ** -10 && larger < 2 ** 8)) return undefined;
  // the larger ratio becomes a number in 2^20 .. 2^21
  let shift = 12;
  while (larger * (1 << shift) < 2 ** 20) shift++;
  const ma = halfEven(ratio(a) * (1 << shift));
  const mb = sign * halfEven(ratio(b) * (1 << shift));
  return { ma, mb, shift, bias: (1 << (shift - 1)) - (a.zero + 128) * ma - (b.zero + 128) * mb };
}

/** The integer nearest to x, half to even. */
export function halfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
