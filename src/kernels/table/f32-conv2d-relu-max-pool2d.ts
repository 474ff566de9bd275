import { roundUp } from "../../base/shape.ts";
import type { Rows } from "./row.ts";

/**
 * conv2d (valid, stride 1) + bias + ReLU + maxPool2d 2x2, one pass: assembly/f32-conv2d-relu-max-pool2d.ts.
 * oh x ow are the sizes of y, as in all geometries: those of the pooled image.
 *
 * Besides the pooled values each kernel writes `argmax`, one i32 for each of them: the byte offset, from the start of
 * the image, of the patch of the pixel that won (the first of equals), or -1 where ReLU let nothing through. It has the
 * order of y (NHWC), but in the `plane` kernels it is planar, [cout][oh][ow]. `ys` is the stride of y and of argmax.
 * `weight` is in panels, `bias` padded to whole panels of 8.
 */
export const f32Conv2dReluMaxPool2d = {
  /** `run` is kw * cin. */
  f32_conv2d_relu_max_pool2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      weight: "read",
      bias: "read",
      y: "write",
      ys: "int",
      argmax: "write",
      oh: "int",
      ow: "int",
      cout: "int",
      kh: "int",
      run: "int",
      x_row_stride: "int",
      x_pixel_stride: "int",
    },
    binary: "both",
  },
  /** One input channel, h x w, at least 4 windows wide. scratch: `planeScratch`. */
  f32_conv2d_relu_max_pool2d_plane: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      weight: "read",
      bias: "read",
      y: "write",
      ys: "int",
      argmax: "write",
      h: "int",
      w: "int",
      cout: "int",
      kh: "int",
      kw: "int",
      scratch: "write",
    },
    binary: "both",
  },
} as const satisfies Rows;

/** Floats in each half of a row whose even and odd columns are split. */
export const splitHalf = (w: number): number => roundUp(Math.ceil(w / 2), 4);

/**
 * Bytes of scratch of `f32_conv2d_relu_max_pool2d_plane`: the split image, and four windows of every output channel.
 */
export const planeScratch = (h: number, w: number, cout: number): number => 4 * (2 * h * splitHalf(w) + 4 * cout);
