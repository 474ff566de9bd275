import type { Rows } from "./row.ts";

/**
 * Sparse backward of the fused convolution: assembly/f32-conv2d-relu-max-pool2d-gradient.ts. `argmax` is what the
 * forward kernels write, dys bytes an image like dy; `window_stride` and `channel_stride` are the bytes in it from
 * window to window and from channel to channel (NHWC: 4 * cout and 4; planar: 4 and 4 * oh * ow). `run` is kw * cin.
 */
export const f32Conv2dReluMaxPool2dGradient = {
  /**
   * Adds to dw [cout][kh][run padded to 4 floats] and db; the padding of dw stays zero.
   * list: 8 bytes for each window of all n images.
   */
  f32_conv2d_relu_max_pool2d_weight_gradient: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      dy: "read",
      dys: "int",
      argmax: "read",
      window_stride: "int",
      channel_stride: "int",
      windows: "int",
      cout: "int",
      kh: "int",
      run: "int",
      x_row_stride: "int",
      list: "write",
      dw: "update",
      db: "update",
    },
    binary: "train",
    overRead: 12,
  },
  /**
   * Weights in panels to [2][cout][kh][run + cin padded to 4 floats]: each row as it is, then moved right by one pixel.
   * The padding is zero.
   */
  f32_panels_to_moved: {
    args: { cout: "int", kh: "int", run: "int", cin: "int", x: "read", y: "write" },
    binary: "train",
  },
  /** dx is written wholly, dxs bytes an image. weight: `f32_panels_to_moved`. list: 16 bytes an output channel. */
  f32_conv2d_relu_max_pool2d_input_gradient: {
    args: {
      n: "count",
      dy: "read",
      dys: "int",
      argmax: "read",
      window_stride: "int",
      channel_stride: "int",
      weight: "read",
      dx: "write",
      dxs: "int",
      oh: "int",
      ow: "int",
      cout: "int",
      kh: "int",
      run: "int",
      dx_row_stride: "int",
      dx_pixel_stride: "int",
      list: "write",
    },
    binary: "train",
    overWrite: 12,
  },
} as const satisfies Rows;
