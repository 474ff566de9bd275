import type { Rows } from "./row.ts";
import { source, target } from "./rows.ts";
import { window } from "./window.ts";

/** Images are NHWC: x[h][w][c], y[oh][ow][c]. Taps outside the image do not count. */
const geometry = { h: "int", w: "int", c: "int", oh: "int", ow: "int", ...window } as const;

/**
 * `include_pad` 1: taps in the padding count as zeros, up to `pad_b` rows below and `pad_r` columns right of the image;
 * 0: the average of what is inside.
 */
const average = { ...geometry, pad_b: "int", pad_r: "int", include_pad: "int" } as const;

export type PoolGeometry = { readonly [P in keyof typeof geometry]: number };
export type AveragePoolGeometry = { readonly [P in keyof typeof average]: number };

/** f32 pooling: assembly/f32-pool.ts. Every window must have a tap inside the image. */
export const f32Pool = {
  /** Largest of each window; the first of equals, and a NaN before all else. */
  f32_max_pool2d: { args: { ...source, ...target, ...geometry }, binary: "both" },
  /** The same, and its place: `index` (i32) counts the elements of the image from 0. */
  f32_max_pool2d_index: {
    args: { ...source, ...target, index: "write", is: "int", ...geometry },
    binary: "train",
  },
  /** dx = 0, then dx[index[i]] += dy[i] for the `outputs` elements of an image in order; `inputs` elements in dx. */
  f32_max_pool2d_gradient: {
    args: {
      n: "count",
      dy: "read",
      dys: "int",
      index: "read",
      is: "int",
      dx: "write",
      dxs: "int",
      inputs: "int",
      outputs: "int",
    },
    binary: "train",
  },
  /** Mean of each window: the sum over (ky, kx), divided by the number of taps that count. */
  f32_average_pool2d: { args: { ...source, ...target, ...average }, binary: "both" },
  /** dx = gradient of x. Sums run over (oy, ox). */
  f32_average_pool2d_gradient: {
    args: { n: "count", dy: "read", dys: "int", dx: "write", dxs: "int", ...average },
    binary: "train",
  },
} as const satisfies Rows;
