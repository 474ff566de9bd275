import type { Rows } from "./row.ts";

/** Images are NHWC: x[h][w][c], y[oh][ow][c]. Window (oy, ox) has its taps at (oy * sh + ky * dh - pt, ox * sw + kx * dw - pl); those outside the image do not count. */
const geometry = {
  h: "int",
  w: "int",
  c: "int",
  oh: "int",
  ow: "int",
  kh: "int",
  kw: "int",
  sh: "int",
  sw: "int",
  pt: "int",
  pl: "int",
  dh: "int",
  dw: "int",
} as const;

/** `includePad` 1: taps in the padding count as zeros, up to `pb` rows below and `pr` columns right of the image; 0: the average of what is inside. */
const average = { ...geometry, pb: "int", pr: "int", includePad: "int" } as const;

export type PoolGeometry = { readonly [P in keyof typeof geometry]: number };
export type AveragePoolGeometry = { readonly [P in keyof typeof average]: number };

/** f32 pooling: assembly/f32-pool.ts. Every window must have a tap inside the image. */
export const f32Pool = {
  /** Largest of each window; the first of equals, and a NaN before all else. */
  f32_max_pool2d: { args: { n: "count", x: "read", xs: "int", y: "write", ys: "int", ...geometry }, binary: "both" },
  /** The same, and where it lay: `index` (i32) counts the elements of the image from 0. */
  f32_max_pool2d_index: {
    args: { n: "count", x: "read", xs: "int", y: "write", ys: "int", index: "write", is: "int", ...geometry },
    binary: "train",
  },
  /** gx = 0, then gx[index[i]] += gy[i] for the `outputs` elements of an image in order; `inputs` elements in gx. */
  f32_max_pool2d_gradient: {
    args: {
      n: "count",
      gy: "read",
      gys: "int",
      index: "read",
      is: "int",
      gx: "write",
      gxs: "int",
      inputs: "int",
      outputs: "int",
    },
    binary: "train",
  },
  /** Mean of each window: the sum over (ky, kx), divided by how many count. */
  f32_average_pool2d: { args: { n: "count", x: "read", xs: "int", y: "write", ys: "int", ...average }, binary: "both" },
  /** gx = gradient of x. Sums run over (oy, ox). */
  f32_average_pool2d_gradient: {
    args: { n: "count", gy: "read", gys: "int", gx: "write", gxs: "int", ...average },
    binary: "train",
  },
} as const satisfies Rows;
