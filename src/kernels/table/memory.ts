import type { Rows } from "./row.ts";

/** Moving bytes about: assembly/memory.ts. */
export const memory = {
  /** `bytes` zeros at `y`. */
  zero: { args: { y: "write", bytes: "int" }, binary: "both" },
  /** Four-byte elements by an index table: y[i] = index[i] < 0 ? 0 : x[index[i]]. */
  permute: { args: { n: "int", x: "read", y: "write", index: "read" }, binary: "both" },
  /** Rows of `bytes` bytes, `xs` and `ys` apart. */
  copy_rows: { args: { n: "count", x: "read", xs: "int", y: "write", ys: "int", bytes: "int" }, binary: "both" },
  /** `rows` rows of `bytes` bytes from each image: `xr` and `yr` from row to row, `xs` and `ys` from image to image. */
  copy_blocks: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "update",
      ys: "int",
      rows: "int",
      xr: "int",
      yr: "int",
      bytes: "int",
    },
    binary: "both",
  },
  /** y is `runs` runs of `bytes` bytes: run r lies in x at byte index[r], or, where that is negative, repeats the word `fill`. */
  copy_runs: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      runs: "int",
      index: "read",
      bytes: "int",
      fill: "int",
    },
    binary: "both",
  },
  /** dx[index[j]] += dy[j], in order of j, where index[j] >= 0: what flows back through `copy_runs`. */
  f32_scatter_add: {
    args: { n: "count", dy: "read", dys: "int", dx: "update", dxs: "int", length: "int", index: "read" },
    binary: "train",
  },
} as const satisfies Rows;
