/**
 * Stored activations: the form of int8 images in memory for the kernels of assembly/i8-*.ts. Kernels write the bytes;
 * here is the arithmetic on shapes.
 */
import { roundUp, type Shape, size } from "../../base/shape.ts";
import { flat, type Layout } from "../layout.ts";
import type { Variant } from "../load.ts";

/** Bytes of one stored activation: q + 128 as u8 (relaxed) or i16 (plain). */
export const storedBytes = (variant: Variant): 1 | 2 => (variant === "relaxed" ? 1 : 2);

/** Pixels around an image that hold its zero point, ordered as pads are. */
export type Halo = readonly [top: number, left: number, bottom: number, right: number];

export const NO_HALO: Halo = [0, 0, 0, 0];

/** Does halo `a` hold all of `b`? */
export const covers = (a: Halo, b: Halo): boolean => a.every((n, side) => n >= b[side]!);

/** The places in an image in memory, in bytes from its start. */
export interface StoredImage {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** From one pixel to the next. */
  readonly pixelStride: number;
  /** From one row to the next. */
  readonly rowStride: number;
  /** The first pixel inside the halo. */
  readonly first: number;
  readonly bytes: number;
}

/**
 * The geometry of a shape [h][w][c] with elements of `element` bytes. A shape of another rank is one row of one pixel.
 */
export function imageOf(shape: Shape, element: number, [top, left, bottom, right] = NO_HALO): StoredImage {
  const [height, width, channels] = shape.length === 3 ? (shape as [number, number, number]) : [1, 1, size(shape)];
  const pixelStride = channels * element;
  const rowStride = (left + width + right) * pixelStride;
  const first = top * rowStride + left * pixelStride;
  return { height, width, channels, pixelStride, rowStride, first, bytes: (top + height + bottom) * rowStride };
}

export const storedImage = (shape: Shape, variant: Variant, halo?: Halo): StoredImage =>
  imageOf(shape, storedBytes(variant), halo);

/**
 * The rows of images of one shape, for kernels that go row by row. Where no image has a halo at its sides, all of it is
 * one row.
 */
export function rowsOf(...images: StoredImage[]): { rows: number; length: number } {
  const { height, width, channels } = images[0]!;
  return images.every(({ rowStride, pixelStride }) => rowStride === width * pixelStride)
    ? { rows: 1, length: height * width * channels }
    : { rows: height, length: width * channels };
}

/** The part of an image inside its halo, as kernels that go row by row take it. */
export const insideOf = (image: StoredImage) => ({ first: image.first, row_stride: image.rowStride, ...rowsOf(image) });

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

/** The layout with that halo, which holds `zero`. */
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
