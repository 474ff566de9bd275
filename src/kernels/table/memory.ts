import { rows } from "./row.ts";

/** Moving bytes about: assembly/memory.ts. */
export const memory = rows({
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
});
