import type { Rows } from "./row.ts";

/**
 * Sparse backward of the fused convolution: assembly/f32-conv2d-relu-max-pool2d-gradient.ts. argmax is what the forward kernels write;
 * `windowStep` and `channelStep` are the bytes in it from window to window and from channel to channel
 * (NHWC: 4 * cout and 4; planar: 4 and 4 * ph * pw). `ys` is the stride of dy and of argmax, `run` is kw * cin, `row` and `pixel` are x's, in bytes.
 */
export const f32Conv2dReluMaxPool2dGradient = {
  /** dw [cout][kh][run padded to 4 floats, the padding kept zero] and db are added to. list: 8 bytes a window of all n images. */
  f32_conv2d_relu_max_pool2d_weight_gradient: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      dy: "read",
      ys: "int",
      argmax: "read",
      windowStep: "int",
      channelStep: "int",
      windows: "int",
      cout: "int",
      kh: "int",
      run: "int",
      row: "int",
      list: "write",
      dw: "update",
      db: "update",
    },
    binary: "train",
    overRead: 12,
  },
  /** Weights in panels to [2][cout][kh][run + cin padded to 4 floats]: each row as it is, then moved right by one pixel; padding zero. */
  f32_panels_to_moved: {
    args: { cout: "int", kh: "int", run: "int", cin: "int", x: "read", y: "write" },
    binary: "train",
  },
  /** dx is written wholly, xs bytes an image. w: `f32_panels_to_moved`. list: 16 bytes an output channel. */
  f32_conv2d_relu_max_pool2d_input_gradient: {
    args: {
      n: "count",
      dy: "read",
      ys: "int",
      argmax: "read",
      windowStep: "int",
      channelStep: "int",
      w: "read",
      dx: "write",
      xs: "int",
      ph: "int",
      pw: "int",
      cout: "int",
      kh: "int",
      run: "int",
      row: "int",
      pixel: "int",
      list: "write",
    },
    binary: "train",
    overWrite: 12,
  },
} as const satisfies Rows;
