import { conv2dScratch } from "./f32-conv2d.ts";
import type { Rows } from "./row.ts";

/** Geometry as in table/f32-conv2d.ts, with cin * multiplier outputs: output channel o reads input channel floor(o / multiplier). */
const geometry = {
  h: "int",
  w: "int",
  cin: "int",
  multiplier: "int",
  oh: "int",
  ow: "int",
  kh: "int",
  kw: "int",
  stride_h: "int",
  stride_w: "int",
  pad_t: "int",
  pad_l: "int",
  dilation_h: "int",
  dilation_w: "int",
} as const;

export type DepthwiseGeometry = { readonly [P in keyof typeof geometry]: number };

/** Bytes of `scratch` for f32_depthwise and its weight gradient: one padded image with every channel repeated `multiplier` times. */
export const depthwiseScratch = (g: DepthwiseGeometry): number => conv2dScratch(g, g.multiplier);

/** f32 depthwise convolutions, weights in `taps`: assembly/f32-depthwise.ts. */
// a function, so that a bundler drops the rows where only the sizes of scratch are needed: `...` would count as an effect
export const f32Depthwise = /* @__PURE__ */ (() =>
  ({
    /** y = depthwise convolution of x, then `mode` (table/f32-gemm.ts) with `aux`. Sums run over (ky, kx). */
    f32_depthwise: {
      args: {
        n: "count",
        x: "read",
        xs: "int",
        weight: "read",
        y: "write",
        ys: "int",
        mode: "int",
        aux: "read",
        ...geometry,
        scratch: "write",
      },
      binary: "both",
      overRead: 32,
    },
    /** dx = gradient of x. Sums run over (oy, ox, output channel). */
    f32_depthwise_input_gradient: {
      args: { n: "count", dy: "read", dys: "int", weight: "read", dx: "write", dxs: "int", ...geometry },
      binary: "train",
    },
    /**
     * dw (`taps`) and db = gradients of weight and bias; added to what is there where `accumulate` is 1, else written wholly, padding as zero
     * (db up to a multiple of 8). Sums run over (image, oy, ox).
     */
    f32_depthwise_weight_gradient: {
      args: {
        n: "count",
        x: "read",
        xs: "int",
        dy: "read",
        dys: "int",
        dw: "update",
        db: "update",
        accumulate: "int",
        ...geometry,
        scratch: "write",
      },
      binary: "train",
      overRead: 32,
    },
  }) as const satisfies Rows)();
