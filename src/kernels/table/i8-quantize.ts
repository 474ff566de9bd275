import type { Rows } from "./row.ts";
import { source, target } from "./stored.ts";

const images = { n: "count", x: "read", xs: "int", y: "write", ys: "int" } as const;

/** `rows` rows of `length` elements, `row_stride` bytes apart on the stored side and dense on the other. */
const rows = { rows: "int", length: "int", row_stride: "int" } as const;

/** A whole stored image [h][w][c] and its halo: pads are in pixels, and hold `zero`. */
const halo = {
  h: "int",
  w: "int",
  c: "int",
  pad_t: "int",
  pad_b: "int",
  pad_l: "int",
  pad_r: "int",
  zero: "int",
} as const;

/**
 * The borders of int8: assembly/i8-quantize.ts. Stored activations are q + 128, a byte (relaxed) or two (plain);
 * `length` elements make a row.
 */
export const i8Quantize = {
  /** int8 image [h][w][c] -> a whole stored image, its halo filled with the zero point. */
  i8_enter: { args: { ...images, ...halo }, binary: "run" },
  /** Stored rows -> int8 rows; the first row is `first` bytes after x. */
  i8_leave: { args: { ...images, first: "int", ...rows }, binary: "run" },
  /** Writes the zero point on the four sides of a stored image; `y` is its first byte. */
  i8_halo: { args: { n: "count", y: "update", ys: "int", ...halo }, binary: "run" },
  /**
   * f32 rows -> stored rows: round(x * inverse), half to even, + zero, clamped to int8. `inverse` is 1 / scale; a NaN
   * becomes -128.
   */
  i8_quantize: { args: { ...images, ...rows, inverse: "float", zero: "int" }, binary: "run" },
  /** Stored rows -> f32 rows: (q - zero) * scale. */
  i8_dequantize: { args: { ...images, ...rows, scale: "float", zero: "int" }, binary: "run" },
  /**
   * Stored rows -> stored rows of another scale: round((q - from) * scale) + to, clamped to qmin..qmax. `scale` is that
   * of the input over that of the output.
   */
  i8_requantize: {
    args: {
      ...source,
      ...target,
      rows: "int",
      length: "int",
      scale: "float",
      from: "int",
      to: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 16,
  },
  /**
   * Any function of one int8 value: y = table[q + 128], `table` holding 256 stored values, x nothing but stored int8,
   * 0..255. There is a table for each of `period` elements, `step` bytes apart.
   */
  i8_lookup: {
    args: { ...source, ...target, rows: "int", length: "int", table: "read", period: "int", step: "int" },
    binary: "run",
  },
  /**
   * f32 -> int8 without a layout, one scale per row of `length`: weights. y = clamp(round(x / scale[row]), -127, 127).
   */
  i8_quantize_channels: {
    args: { rows: "int", length: "int", x: "read", y: "write", scale: "read" },
    binary: "train",
  },
  /** int8 -> f32 without a layout, one scale per row of `length`: weights. */
  i8_dequantize_channels: {
    args: { rows: "int", length: "int", x: "read", y: "write", scale: "read" },
    binary: "train",
  },
  /** Smallest and largest of `length` f32, NaN left out: y = [min, max]; [Infinity, -Infinity] of nothing. */
  i8_range: { args: { n: "count", x: "read", xs: "int", length: "int", y: "write", ys: "int" }, binary: "run" },
  /** [min, max] -> the quantization of the range, zero kept exact: y = [scale, 1 / scale, zero point as i32, 0]. */
  i8_choose: { args: images, binary: "run" },
  /**
   * f32 rows -> a whole stored image, halo included, by quantizations chosen at run time (`chosen`: one of i8_choose
   * per image).
   */
  i8_quantize_dynamic: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      chosen: "read",
      cs: "int",
      y: "write",
      ys: "int",
      ...rows,
      first: "int",
      bytes: "int",
    },
    binary: "run",
  },
} as const satisfies Rows;
