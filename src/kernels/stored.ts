/**
 * How int8 lies in memory for the kernels of assembly/i8-*.ts: stored activations, packed weights, scratch.
 * Pure arithmetic on shapes: the bytes are written by kernels.
 */
import { roundUp, type Shape, size } from "../base/shape.ts";
import { flat, type Layout } from "./layout.ts";
import type { Variant } from "./load.ts";

/** Bytes of one stored activation: q + 128 as u8 (relaxed) or i16 (plain). */
export const storedBytes = (variant: Variant): 1 | 2 => (variant === "relaxed" ? 1 : 2);

/** Pixels around an image that hold its zero point, ordered as pads are. */
export type Halo = readonly [top: number, left: number, bottom: number, right: number];

export const NO_HALO: Halo = [0, 0, 0, 0];

/** Does halo `a` hold all of `b`? */
export const covers = (a: Halo, b: Halo): boolean => a.every((n, side) => n >= b[side]!);

/** Where things are in an image in memory, in bytes from its start. */
export interface StoredImage {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** From one pixel to the next. */
  readonly pixel: number;
  /** From one row to the next. */
  readonly pitch: number;
  /** The first pixel inside the halo. */
  readonly first: number;
  readonly bytes: number;
}

/** The geometry of a shape whose elements have so many bytes: [h][w][c]; anything of another rank is one row of one pixel. */
export function imageOf(shape: Shape, element: number, [top, left, bottom, right] = NO_HALO): StoredImage {
  const [height, width, channels] = shape.length === 3 ? (shape as [number, number, number]) : [1, 1, size(shape)];
  const pixel = channels * element;
  const pitch = (left + width + right) * pixel;
  const first = top * pitch + left * pixel;
  return { height, width, channels, pixel, pitch, first, bytes: (top + height + bottom) * pitch };
}

export const storedImage = (shape: Shape, variant: Variant, halo?: Halo): StoredImage =>
  imageOf(shape, storedBytes(variant), halo);

/** The rows of images of one shape as kernels that walk rows want them: all is one row where no image has pads at its sides. */
export function rowsOf(...images: StoredImage[]): { rows: number; length: number } {
  const { height, width, channels } = images[0]!;
  return images.every(({ pitch, pixel }) => pitch === width * pixel)
    ? { rows: 1, length: height * width * channels }
    : { rows: height, length: width * channels };
}

/** The part of an image inside its halo, as kernels of rows take it. */
export const insideOf = (image: StoredImage) => ({ first: image.first, row_stride: image.pitch, ...rowsOf(image) });

/** An image and its halo, as kernels that write both take them. */
export const framed = (image: StoredImage, [top, left, bottom, right]: Halo, zero: number) => ({
  h: image.height,
  w: image.width,
  c: image.channels,
  pad_t: top,
  pad_b: bottom,
  pad_l: left,
  pad_r: right,
  zero,
});

/**
 * Stored activations, NHWC, with a halo that holds the zero point:
 *
 *     t t t t t t t
 *     l p p p p r r      each letter a pixel of all channels
 *     l p p p p r r
 *     b b b b b b b
 */
export interface StoredLayout extends Layout {
  readonly halo: Halo;
}

/** `zero`: what the halo holds. */
export function stored(variant: Variant, halo: Halo = NO_HALO, zero = 0): StoredLayout {
  const image = (shape: Shape) => storedImage(shape, variant, halo);
  return {
    name: `stored.${variant}${covers(NO_HALO, halo) ? "" : `(${halo}:${zero})`}`,
    halo,
    bytes: shape => roundUp(image(shape).bytes, 32),
    from: flat,
    by: shape => ({ kernel: "i8_enter", args: framed(image(shape), halo, zero) }),
    back: shape => ({ kernel: "i8_leave", args: insideOf(image(shape)) }),
    serving: other =>
      isStored(other)
        ? stored(variant, halo.map((n, side) => Math.max(n, other.halo[side]!)) as unknown as Halo, zero)
        : undefined,
  };
}

export const isStored = (layout: Layout): layout is StoredLayout => layout.name.startsWith("stored.");

// ---------------------------------------------------------------- packed weights

/** k-groups of a row of weights, four bytes each when packed: `runs` of `length`, each padded to whole groups. */
export const groupsOf = (variant: Variant, runs: number, length: number): number =>
  runs * Math.ceil((length * storedBytes(variant)) / 4);

/** Bytes that `i8_gemm_pack` writes: panels of 8 outputs. */
export const panelBytes = (outs: number, groups: number): number => Math.ceil(outs / 8) * (64 + groups * 32);

/** Bytes that `i8_dense_pack` writes. */
export function densePackedBytes(variant: Variant, outs: number, length: number): number {
  const relaxed = variant === "relaxed";
  return relaxed
    ? Math.ceil(outs / 4) * (32 + 16 * Math.ceil(length / 4))
    : panelBytes(outs, 2 * Math.ceil(length / 8));
}

// ---------------------------------------------------------------- convolutions

export interface Window {
  readonly kernel: readonly [height: number, width: number];
  readonly strides: readonly [height: number, width: number];
  readonly dilations: readonly [height: number, width: number];
  readonly pads: Halo;
}

/** The numbers of a convolution, by the names that kernels have for them. oh and ow are the sizes of the result: with a pool behind it, of the pooled image. */
export interface Numbers {
  readonly cin: number;
  readonly cout: number;
  readonly kh: number;
  readonly kw: number;
  /** The strides. */
  readonly stride_h: number;
  readonly stride_w: number;
  /** Of the result. */
  readonly oh: number;
  readonly ow: number;
}

/** What lies side by side in a stored image: a whole kernel row, or one tap where the kernel is dilated or reads only part of the channels. */
export function runsOf({ kernel: [kh, kw], dilations }: Window, channels: number, groups = 1) {
  const whole = (dilations[1] === 1 || kw === 1) && groups === 1;
  return whole ? { runs: kh, length: kw * channels } : { runs: kh * kw, length: channels / groups };
}

/** A table of the places along axes, the outermost first: how many, and bytes from one to the next. Kernel `offsets` writes it, and the last place three times more. */
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

/** For each pixel of y, how far its first tap in x is from that of the first; where `pooled`, for all four of a 2x2 window. */
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

/**
 * Pixels in a tile of `i8_conv2d`: 4; 2, with two panels of outputs, where rows are not long (measured: 17 % faster on 8 channels to 16, 6 % at 32,
 * 1 % at 64, slower at 128, in V8 of Node 24), or where fours would throw more away (9 pixels: 2 % of MobileNetV1 0.25).
 */
export const tileRows = (groups: number, pixels: number, outs: number): 2 | 4 =>
  outs % 16 === 0 && pixels > 1 && (groups <= 64 || Math.ceil(pixels / 2) * 2.2 < Math.ceil(pixels / 4) * 4) ? 2 : 4;

// ---------------------------------------------------------------- one input channel

/** Columns of a kernel that `i8_conv2d_1c_max_pool2d` takes whatever its height: a strip has no room for more. */
export const ONE_CHANNEL_WIDTH = 8;

/** Bytes that `i8_conv2d_1c_pack` writes at most: the place of each k-group in a strip, then pairs of outputs. */
export function oneChannelPackedBytes({ cout, kh, kw }: Pick<Numbers, "cout" | "kh" | "kw">, variant: Variant): number {
  const groups = groupsOf(variant, kh, kw);
  return 4 * groups + Math.ceil(cout / 2) * (16 + 8 * groups);
}

/** Scratch of `i8_conv2d_1c_max_pool2d`: one strip. */
export const stripBytes = ({ oh, kh }: Pick<Numbers, "oh" | "kh">, variant: Variant): number =>
  (2 * oh + kh - 1) * 64 * (3 - storedBytes(variant));

// ---------------------------------------------------------------- fast FIR (plain kernels only)

/** Taps of the longer parts of a kernel axis, S and H0. */
const half = (kernel: number): number => (kernel + 1) >> 1;

/** Pairs of numbers in all parts of a kernel axis, S, H0 and H1, of taps of so many. */
const firPairs = (kernel: number, taps: number): number =>
  2 * Math.ceil((half(kernel) * taps) / 2) + Math.ceil(((kernel >> 1) * taps) / 2);

type FirKernel = Pick<Numbers, "cout" | "kh" | "kw" | "cin">;

/** Weights of all parts of a kernel, in pairs. */
const firProducts = ({ kh, kw, cin }: FirKernel): number => firPairs(kh, 2) * firPairs(kw, cin);

/** Bytes that `i8_conv2d_fir_pack` writes: its nine steps, then panels of 8 outputs. */
export const firPackedBytes = (kernel: FirKernel): number => 224 + panelBytes(kernel.cout, firProducts(kernel));

/**
 * Are the products it saves worth more than the planes it makes? A window costs the direct kernel 4 * taps multiplications an output;
 * the planes cost some 27 vector operations of 8 channels, as long as two multiplications each (measured on 5x5 and 3x3 kernels).
 */
export function firPays(kernel: FirKernel): boolean {
  const { cout, kh, kw, cin } = kernel;
  const saved = 8 * kh * Math.ceil((kw * cin) / 2) - 2 * firProducts(kernel);
  return kh > 1 && kw > 1 && 54 * cin < saved * 8 * Math.ceil(cout / 8);
}

/** Scratch of `i8_conv2d_fir_max_pool2d`: slots of sums, and nine planes. */
export function firScratchBytes({ oh, ow, kh, kw, cin }: Omit<Numbers, "cout" | "stride_h" | "stride_w">): number {
  const plane = (oh + half(kh) - 1) * (ow + half(kw) - 1) * cin * 2;
  return 6 * 128 + 9 * (roundUp(plane + 32, 16) + 16);
}

// ---------------------------------------------------------------- depthwise, sums

/** Bytes that `i8_depthwise_pack` writes: 16-bit weights in both variants. */
export const depthwisePackedBytes = ({ cin, kh, kw }: Pick<Numbers, "cin" | "kh" | "kw">): number =>
  panelBytes(cin, Math.ceil((kh * kw) / 2));

/** Does `i8_depthwise_conv2d_3x3` know such a window? */
export const depthwise3x3Fits = ({ kernel, strides, dilations }: Window, cin: number): boolean =>
  cin >= 4 && kernel.every(n => n === 3) && strides.every(n => n <= 2) && dilations.every(n => n === 1);

/** Bytes that `i8_depthwise_3x3_pack` writes. */
export const depthwise3x3PackedBytes = ({ cin }: Pick<Numbers, "cin">, variant: Variant): number =>
  Math.ceil(cin / 4) * (variant === "relaxed" ? 80 : 224);

/** Scratch of `i8_depthwise_conv2d_3x3`: four rows interleaved, in chunks of a vector. */
export const depthwise3x3ScratchBytes = (
  { ow, stride_w, cin }: Pick<Numbers, "ow" | "stride_w" | "cin">,
  variant: Variant,
): number => 4 * roundUp(((ow - 1) * stride_w + 3) * cin * storedBytes(variant), 16);
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
