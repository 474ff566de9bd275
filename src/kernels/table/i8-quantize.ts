import type { Rows } from "./row.ts";

/**
 * The borders of int8: assembly/i8-quantize.ts. `stored` activations are q + 128, a byte (relaxed) or two (plain);
 * `length` elements make a row, rows are `pitch` bytes apart on the stored side and dense on the other.
 */
export const i8Quantize = {
  /** int8 image [height][width][channels] -> a whole stored image, its halo (pads in pixels) filled with the zero point. */
  i8_enter: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      height: "int",
      width: "int",
      channels: "int",
      top: "int",
      bottom: "int",
      left: "int",
      right: "int",
      zero: "int",
    },
    binary: "run",
  },
  /** Stored rows -> int8 rows; the first row is `first` bytes after x. */
  i8_leave: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      first: "int",
      rows: "int",
      length: "int",
      pitch: "int",
    },
    binary: "run",
  },
  /** Writes the zero point on the four sides of a stored image: `y` is its first byte, pads in pixels of `channels` elements. */
  i8_halo: {
    args: {
      n: "count",
      y: "update",
      ys: "int",
      height: "int",
      width: "int",
      channels: "int",
      top: "int",
      bottom: "int",
      left: "int",
      right: "int",
      zero: "int",
    },
    binary: "run",
  },
  /** f32 rows -> stored rows: round(x * inverse), half to even, + zero, clamped to int8. `inverse` is 1 / scale; a NaN becomes -128. */
  i8_quantize: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      rows: "int",
      length: "int",
      pitch: "int",
      inverse: "float",
      zero: "int",
    },
    binary: "run",
  },
  /** Stored rows -> f32 rows: (q - zero) * scale. */
  i8_dequantize: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      rows: "int",
      length: "int",
      pitch: "int",
      scale: "float",
      zero: "int",
    },
    binary: "run",
  },
  /** Stored rows -> stored rows of another scale: round((q - from) * scale) + to, clamped to qmin..qmax. `scale` is the input's over the output's. */
  i8_requantize: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      xpitch: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
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
  /** Any function of one int8 value: y = table[q + 128], `table` holding 256 stored values, x nothing but stored int8, 0..255; for each of `period` elements one, `step` bytes apart. */
  i8_lookup: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      xpitch: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      rows: "int",
      length: "int",
      table: "read",
      period: "int",
      step: "int",
    },
    binary: "run",
  },
  /** f32 -> int8 without a layout, one scale per row of `length`: weights. y = clamp(round(x / scale[row]), -127, 127). */
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
  i8_choose: { args: { n: "count", x: "read", xs: "int", y: "write", ys: "int" }, binary: "run" },
  /** f32 rows -> a whole stored image, halo included, by quantizations chosen at run time (`chosen`: one of i8_choose per image). */
  i8_quantize_dynamic: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      chosen: "read",
      cs: "int",
      y: "write",
      ys: "int",
      rows: "int",
      length: "int",
      pitch: "int",
      first: "int",
      bytes: "int",
    },
    binary: "run",
  },
} as const satisfies Rows;
