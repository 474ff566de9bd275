import type { Rows } from "./row.ts";

/**
 * The same by Winograd's F(4, 5) in one dimension: assembly/f32-conv2d-relu-max-pool2d-winograd.ts. Results agree with
 * the direct kernels to about 1e-6 of the largest; ties and near ties of a window may therefore fall differently. At
 * least 2 x 2 windows.
 */
export const f32Conv2dReluMaxPool2dWinograd = {
  /** Weights in panels, [panels][before][5][after][8], to [panels][8][before][after][8]. */
  f32_panels_to_winograd: {
    args: { panels: "int", before: "int", after: "int", x: "read", y: "write" },
    binary: "both",
  },
  /** Kernels 5 wide, at least 4 input channels; weight with before = kh, after = cin. scratch: `winogradScratch`. */
  f32_conv2d_relu_max_pool2d_winograd: {
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
      cin: "int",
      cout: "int",
      kh: "int",
      scratch: "write",
    },
    binary: "both",
  },
} as const satisfies Rows;

/**
 * Bytes of scratch of `f32_conv2d_relu_max_pool2d_winograd`: 8 points of the input of four columns of outputs, and 8
 * points of 4 x 8 sums.
 */
export const winogradScratch = (h: number, cin: number): number => 4 * (8 * h * cin + 256);
