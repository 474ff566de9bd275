/** Slow twins of assembly/i8-quantize.ts. */
import { halfEven } from "../../base/rounding.ts";
import { clamp, elements, requantized, type Stored } from "./stored.ts";

/** Calls `f` with the index of every element of n images of `rows` rows of `length`, on either side. */
function eachElement(
  n: number,
  rows: number,
  length: number,
  x: { stride: number; row_stride: number },
  y: { stride: number; row_stride: number },
  f: (from: number, to: number, image: number) => void,
): void {
  for (let image = 0; image < n; image++)
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < length; i++)
        f(image * x.stride + r * x.row_stride + i, image * y.stride + r * y.row_stride + i, image);
}

export function i8_enter(
  n: number,
  x: Int8Array,
  xs: number,
  y: Stored,
  ys: number,
  h: number,
  w: number,
  c: number,
  pad_t: number,
  pad_b: number,
  pad_l: number,
  pad_r: number,
  zero: number,
): void {
  i8_halo(n, y, ys, h, w, c, pad_t, pad_b, pad_l, pad_r, zero);
  const row = (pad_l + w + pad_r) * c;
  for (let image = 0; image < n; image++)
    for (let r = 0; r < h; r++)
      for (let i = 0; i < w * c; i++)
        y[image * elements(y, ys) + (pad_t + r) * row + pad_l * c + i] = x[image * xs + r * w * c + i]! + 128;
}

export function i8_leave(
  n: number,
  x: Stored,
  xs: number,
  y: Int8Array,
  ys: number,
  first: number,
  rows: number,
  length: number,
  row_stride: number,
): void {
  const stored = { stride: elements(x, xs), row_stride: elements(x, row_stride) };
  eachElement(n, rows, length, stored, { stride: ys, row_stride: length }, (from, to) => {
    y[to] = x[from + elements(x, first)]! - 128;
  });
}

export function i8_halo(
  n: number,
  y: Stored,
  ys: number,
  h: number,
  w: number,
  c: number,
  pad_t: number,
  pad_b: number,
  pad_l: number,
  pad_r: number,
  zero: number,
): void {
  const row = pad_l + w + pad_r;
  for (let image = 0; image < n; image++)
    for (let r = 0; r < pad_t + h + pad_b; r++)
      for (let column = 0; column < row; column++) {
        if (r >= pad_t && r < pad_t + h && column >= pad_l && column < pad_l + w) continue;
        const pixel = image * elements(y, ys) + (r * row + column) * c;
        y.fill(zero + 128, pixel, pixel + c);
      }
}

export function i8_quantize(
  n: number,
  x: Float32Array,
  xs: number,
  y: Stored,
  ys: number,
  rows: number,
  length: number,
  row_stride: number,
  inverse: number,
  zero: number,
): void {
  const stored = { stride: elements(y, ys), row_stride: elements(y, row_stride) };
  eachElement(n, rows, length, { stride: elements(x, xs), row_stride: length }, stored, (from, to) => {
    y[to] = quantized(x[from]!, inverse, zero) + 128;
  });
}

function quantized(x: number, inverse: number, zero: number): number {
  if (Number.isNaN(x)) return -128;
  return clamp(halfEven(Math.fround(x * Math.fround(inverse))) + zero, -128, 127);
}

export function i8_dequantize(
  n: number,
  x: Stored,
  xs: number,
  y: Float32Array,
  ys: number,
  rows: number,
  length: number,
  row_stride: number,
  scale: number,
  zero: number,
): void {
  const stored = { stride: elements(x, xs), row_stride: elements(x, row_stride) };
  eachElement(n, rows, length, stored, { stride: elements(y, ys), row_stride: length }, (from, to) => {
    y[to] = (x[from]! - 128 - zero) * Math.fround(scale);
  });
}

export function i8_requantize(
  n: number,
  x: Stored,
  xs: number,
  x_row_stride: number,
  y: Stored,
  ys: number,
  y_row_stride: number,
  rows: number,
  length: number,
  scale: number,
  from: number,
  to: number,
  qmin: number,
  qmax: number,
): void {
  const source = { stride: elements(x, xs), row_stride: elements(x, x_row_stride) };
  const target = { stride: elements(y, ys), row_stride: elements(y, y_row_stride) };
  eachElement(n, rows, length, source, target, (i, o) => {
    y[o] = requantized(x[i]! - 128 - from, scale, to, qmin, qmax) + 128;
  });
}

export function i8_lookup(
  n: number,
  x: Stored,
  xs: number,
  x_row_stride: number,
  y: Stored,
  ys: number,
  y_row_stride: number,
  rows: number,
  length: number,
  table: Stored,
  period: number,
  step: number,
): void {
  const source = { stride: elements(x, xs), row_stride: elements(x, x_row_stride) };
  const target = { stride: elements(y, ys), row_stride: elements(y, y_row_stride) };
  eachElement(n, rows, length, source, target, (i, o, image) => {
    const column = (i - image * source.stride) % source.row_stride;
    y[o] = table[(column % period) * elements(table, step) + x[i]!]!;
  });
}

export function i8_quantize_channels(
  rows: number,
  length: number,
  x: Float32Array,
  y: Int8Array,
  scale: Float32Array,
): void {
  for (let r = 0; r < rows; r++)
    for (let i = r * length; i < (r + 1) * length; i++) {
      const q = halfEven(Math.fround(x[i]! / scale[r]!));
      y[i] = Number.isNaN(q) ? 0 : clamp(q, -127, 127);
    }
}

export function i8_dequantize_channels(
  rows: number,
  length: number,
  x: Int8Array,
  y: Float32Array,
  scale: Float32Array,
): void {
  for (let r = 0; r < rows; r++) for (let i = r * length; i < (r + 1) * length; i++) y[i] = x[i]! * scale[r]!;
}

export function i8_range(n: number, x: Float32Array, xs: number, length: number, y: Float32Array, ys: number): void {
  for (let image = 0; image < n; image++) {
    let low = Infinity;
    let high = -Infinity;
    for (let i = 0; i < length; i++) {
      const v = x[image * elements(x, xs) + i]!;
      if (v < low) low = v;
      if (v > high) high = v;
    }
    y[image * elements(y, ys)] = low;
    y[image * elements(y, ys) + 1] = high;
  }
}

/** The scale and zero point of a range, zero kept exact, as in XNNPACK's dynamic quantization. */
export function chosen(min: number, max: number): { scale: number; inverse: number; zero: number } {
  const low = Math.min(0, min);
  const high = Math.max(0, max);
  const inverse = low === high ? 1 : Math.fround(255 / Math.fround(high - low));
  const least = Math.fround(low * inverse);
  const most = Math.fround(high * inverse);
  // zero from that end of the range where its error is smaller
  const balance = Math.fround(Math.fround(-128 + least) + Math.fround(127 + most));
  const zero = balance > 0 ? Math.fround(-128 - least) : Math.fround(127 - most);
  return { scale: Math.fround(1 / inverse), inverse, zero: halfEven(clamp(zero, -128, 127)) };
}

export function i8_choose(n: number, x: Float32Array, xs: number, y: Float32Array, ys: number): void {
  const integers = new Int32Array(y.buffer, y.byteOffset, y.length);
  for (let image = 0; image < n; image++) {
    const from = image * elements(x, xs);
    const to = image * elements(y, ys);
    const { scale, inverse, zero } = chosen(x[from]!, x[from + 1]!);
    y[to] = scale;
    y[to + 1] = inverse;
    integers[to + 2] = zero;
    integers[to + 3] = 0;
  }
}

export function i8_quantize_dynamic(
  n: number,
  x: Float32Array,
  xs: number,
  choice: Float32Array,
  cs: number,
  y: Stored,
  ys: number,
  rows: number,
  length: number,
  row_stride: number,
  first: number,
  bytes: number,
): void {
  const integers = new Int32Array(choice.buffer, choice.byteOffset, choice.length);
  for (let image = 0; image < n; image++) {
    const at = image * elements(choice, cs);
    const zero = integers[at + 2]!;
    const start = image * elements(y, ys);
    y.fill(zero + 128, start, start + elements(y, bytes));
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < length; i++)
        y[start + elements(y, first + r * row_stride) + i] =
          quantized(x[image * elements(x, xs) + r * length + i]!, choice[at + 1]!, zero) + 128;
  }
}
