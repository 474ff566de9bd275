import type { Rows } from "./row.ts";

/** Copies and index tables: assembly/memory.ts. */
export const memory = {
  /** `bytes` zeros at `y`. */
  zero: { args: { y: "write", bytes: "int" }, binary: "both" },
  /** Moves four-byte elements by an index table: y[i] = index[i] < 0 ? 0 : x[index[i]]. */
  permute: { args: { n: "int", x: "read", y: "write", index: "read" }, binary: "both" },
  /**
   * Copies pieces of `bytes` bytes along `rank` axes: piece (i, j, ...) of y is the one at a(i) + b(j) + ... bytes in
   * x, or repeats the word `fill` where one of these is negative. `axes` holds for each, the outermost first: the
   * number of runs and the stride in y, then for each run the number of indices, the offset of the first in x
   * (negative: padding), and the stride in x.
   */
  rearrange: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "update",
      ys: "int",
      rank: "int",
      axes: "read",
      bytes: "int",
      fill: "int",
    },
    binary: "both",
  },
  /**
   * y[i][j] ... = i a + j b + ..., then the last of these three times more. `axes` holds for each of `rank`, the
   * outermost first: the number of indices, then a, b, ...
   */
  offsets: { args: { rank: "int", axes: "read", y: "write" }, binary: "run" },
  /** dx[index[j]] += dy[j], in order of j, where index[j] >= 0: the gradient of `rearrange`. */
  f32_scatter_add: {
    args: { n: "count", dy: "read", dys: "int", dx: "update", dxs: "int", length: "int", index: "read" },
    binary: "train",
  },
} as const satisfies Rows;
