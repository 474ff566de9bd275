/**
 * One row of the kernel table: the signature of a kernel, and its preconditions.
 *
 * Arguments have the same names in all rows, in the kernels and in their twins:
 * - `x`, `y`, `weight`, `bias`: inputs, output and parameters; `dx`, `dy`, `dw`, `db`: their gradients
 * - `h`, `w`, `cin`: the input image; `oh`, `ow`, `cout`: the output image, pooled where the kernel pools; `c`:
 *   channels of both
 * - `kh`, `kw`, `stride_h`, `stride_w`, `pad_t`, `pad_l`, `pad_b`, `pad_r`, `dilation_h`, `dilation_w`, `groups`: the
 *   window
 * - `x_row_stride`, `x_pixel_stride`: bytes from row to row and from pixel to pixel of x
 * - `xs`: bytes from image to image of x (see `Role`); `ldx`: bytes from row to row of a matrix
 * - `k_groups`: the k-groups of an int8 sum (docs/architecture.md, glossary)
 */

/**
 * - `count`: the number of images of this call; the planner may pass any part of the batch
 * - `int`, `float`: a number
 * - `read`, `write`, `update`: a byte address it reads, writes wholly, or reads and writes
 *
 * An argument named like an address with an `s` behind it (`x`, `xs`) is its stride in bytes from image to image;
 * lowering computes it.
 */
export type Role = "count" | "int" | "float" | "read" | "write" | "update";

export interface Row {
  /** In the order of the AssemblyScript function's parameters. */
  readonly args: Readonly<Record<string, Role>>;
  /** Which binary holds it: running, training, or both. */
  readonly binary: "run" | "train" | "both";
  /**
   * It may read up to this many bytes past the end of what it reads, or writes and reads again (the values do not
   * matter, NaN included), at most `SLACK`. Default 0.
   */
  readonly overRead?: number;
  /** It may write up to this many bytes past the end of what it writes, at most `SLACK`. Default 0. */
  readonly overWrite?: number;
}

export type Rows = Readonly<Record<string, Row>>;
