import type { Rows } from "./row.ts";
import { window } from "./window.ts";

/**
 * Images are NHWC: x[h][w][cin], y[oh][ow][cout]; weights [cout][kh][kw][cin / groups]. Outside the image x is zero;
 * padding below and right follows from oh and ow.
 */
const image = { h: "int", w: "int", cin: "int", oh: "int", ow: "int", cout: "int" } as const;

export type Conv2dGeometry = { readonly [P in keyof typeof image | keyof typeof window | "groups"]: number };

/** The arguments of a forward kernel before its geometry: y = sums, then `mode` (table/f32-gemm.ts) with `aux`. */
export const forward = {
  n: "count",
  x: "read",
  xs: "int",
  weight: "read",
  y: "write",
  ys: "int",
  mode: "int",
  aux: "read",
} as const;

/** The arguments of a kernel of dx before its geometry. */
export const inputGradient = {
  n: "count",
  dy: "read",
  dys: "int",
  weight: "read",
  dx: "write",
  dxs: "int",
} as const;

/** The arguments of a kernel of dw and db before its geometry. */
export const weightGradient = {
  n: "count",
  x: "read",
  xs: "int",
  dy: "read",
  dys: "int",
  dw: "update",
  db: "update",
  accumulate: "int",
} as const;

/** The number of rows (or columns) that the windows of `out` outputs cover. */
const reach = (out: number, kernel: number, stride: number, dilation: number): number =>
  (out - 1) * stride + (kernel - 1) * dilation + 1;

/**
 * Bytes of `scratch` for f32_conv2d and f32_conv2d_weight_gradient: one padded image, with every channel `times` times,
 * or none where no window leaves the image.
 */
export function conv2dScratch(g: Omit<Conv2dGeometry, "cout" | "groups">, times = 1): number {
  const rows = reach(g.oh, g.kh, g.stride_h, g.dilation_h);
  const columns = reach(g.ow, g.kw, g.stride_w, g.dilation_w);
  if (times === 1 && g.pad_t <= 0 && g.pad_l <= 0 && rows - g.pad_t <= g.h && columns - g.pad_l <= g.w) return 0;
  return rows * columns * g.cin * times * 4 + 32;
}

/**
 * Bytes of `scratch` for f32_conv2d_input_gradient: the gradient of one image of y, with zeros wherever a tap of the
 * inverse falls outside.
 */
export function conv2dInputGradientScratch(g: Conv2dGeometry): number {
  const extent = (
    inner: number,
    outer: number,
    kernel: number,
    stride: number,
    pad: number,
    dilation: number,
  ): number => {
    const first = Math.min(0, Math.floor((pad - (kernel - 1) * dilation) / stride));
    const last = Math.max(outer - 1, Math.floor((inner - 1 + pad) / stride));
    return last - first + 1;
  };
  const rows = extent(g.h, g.oh, g.kh, g.stride_h, g.pad_t, g.dilation_h);
  const columns = extent(g.w, g.ow, g.kw, g.stride_w, g.pad_l, g.dilation_w);
  return rows * columns * g.cout * 4 + 32;
}

/** f32 convolutions: assembly/f32-conv2d.ts. */
// a function, so that a bundler drops the rows where only the sizes of scratch are needed: `...` would count as an
// effect
export const f32Conv2d = /* @__PURE__ */ (() => {
  const geometry = { ...image, ...window, groups: "int", scratch: "write" } as const;
  return {
    /**
     * y = convolution of x, then `mode` (table/f32-gemm.ts) with `aux`. `weight` in `panels`. Sums run over (ky, kx,
     * channel).
     */
    f32_conv2d: { args: { ...forward, ...geometry }, binary: "both", overRead: 32 },
    /** dx = gradient of x. `weight` in `inputPanels`. Sums run over (ky downwards, kx downwards, output channel). */
    f32_conv2d_input_gradient: { args: { ...inputGradient, ...geometry }, binary: "train", overRead: 32 },
    /**
     * dw (`panels`) and db = gradients of weight and bias. Where `accumulate` is 1 they are added to what is there,
     * else written wholly, padding as zero (db up to a multiple of 8). Sums run over (image, oy, ox).
     */
    f32_conv2d_weight_gradient: { args: { ...weightGradient, ...geometry }, binary: "train", overRead: 32 },
    /** `panels` of [cout][taps][cin] -> `inputPanels`, padding zeroed. `cin` is per group. */
    f32_conv2d_input_panels: {
      args: { cout: "int", taps: "int", cin: "int", x: "read", y: "write" },
      binary: "train",
    },
  } as const satisfies Rows;
})();
