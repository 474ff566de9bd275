/** Slow twins of assembly/i8-quantize.ts. */
import { halfEven } from "../../base/rounding.ts";
import { clamp, elements, requantized, type Stored } from "./stored.ts";

/** Calls `f` with the index of every element of n images of `rows` rows of `length`, on either side. */
function eachElement(
  n: number,
  rows: number,
  length: number,
  x: { stride: number; pitch: number },
  y: { stride: number; pitch: number },
  f: (from: number, to: number, image: number) => void,
): void {
  for (let image = 0; image < n; image++)
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < length; i++) f(image * x.stride + r * x.pitch + i, image * y.stride + r * y.pitch + i, image);
}

export function i8_enter(
  n: number,
  x: Int8Array,
  xs: number,
  y: Stored,
  ys: number,
  height: number,
  width: number,
  channels: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
  zero: number,
): void {
  i8_halo(n, y, ys, height, width, channels, top, bottom, left, right, zero);
  const row = (left + width + right) * channels;
  for (let image = 0; image < n; image++)
    for (let h = 0; h < height; h++)
      for (let i = 0; i < width * channels; i++)
        y[image * elements(y, ys) + (top + h) * row + left * channels + i] =
          x[image * xs + h * width * channels + i]! + 128;
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
  pitch: number,
): void {
  const stored = { stride: elements(x, xs), pitch: elements(x, pitch) };
  eachElement(n, rows, length, stored, { stride: ys, pitch: length }, (from, to) => {
    y[to] = x[from + elements(x, first)]! - 128;
  });
}

export function i8_halo(
  n: number,
  y: Stored,
  ys: number,
  height: number,
  width: number,
  channels: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
  zero: number,
): void {
  const row = left + width + right;
  for (let image = 0; image < n; image++)
    for (let h = 0; h < top + height + bottom; h++)
      for (let w = 0; w < row; w++) {
        if (h >= top && h < top + height && w >= left && w < left + width) continue;
        for (let c = 0; c < channels; c++) y[image * elements(y, ys) + (h * row + w) * channels + c] = zero + 128;
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
  pitch: number,
  inverse: number,
  zero: number,
): void {
  const stored = { stride: elements(y, ys), pitch: elements(y, pitch) };
  eachElement(n, rows, length, { stride: elements(x, xs), pitch: length }, stored, (from, to) => {
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
  pitch: number,
  scale: number,
  zero: number,
): void {
  const stored = { stride: elements(x, xs), pitch: elements(x, pitch) };
  eachElement(n, rows, length, stored, { stride: elements(y, ys), pitch: length }, (from, to) => {
    y[to] = (x[from]! - 128 - zero) * Math.fround(scale);
  });
}

export function i8_requantize(
  n: number,
  x: Stored,
  xs: number,
  xpitch: number,
  y: Stored,
  ys: number,
  ypitch: number,
  rows: number,
  length: number,
  scale: number,
  from: number,
  to: number,
  qmin: number,
  qmax: number,
): void {
  const source = { stride: elements(x, xs), pitch: elements(x, xpitch) };
  const target = { stride: elements(y, ys), pitch: elements(y, ypitch) };
  eachElement(n, rows, length, source, target, (i, o) => {
    y[o] = requantized(x[i]! - 128 - from, scale, to, qmin, qmax) + 128;
  });
}

export function i8_lookup(
  n: number,
  x: Stored,
  xs: number,
  xpitch: number,
  y: Stored,
  ys: number,
  ypitch: number,
  rows: number,
  length: number,
  table: Stored,
  period: number,
  step: number,
): void {
  const source = { stride: elements(x, xs), pitch: elements(x, xpitch) };
  const target = { stride: elements(y, ys), pitch: elements(y, ypitch) };
  eachElement(n, rows, length, source, target, (i, o, image) => {
    const column = (i - image * source.stride) % source.pitch;
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

/** The scale and zero point of a range, zero kept exact; what XNNPACK's dynamic quantization chooses. */
export function chosen(min: number, max: number): { scale: number; inverse: number; zero: number } {
  const low = Math.min(0, min);
  const high = Math.max(0, max);
  const inverse = low === high ? 1 : Math.fround(255 / Math.fround(high - low));
  const least = Math.fround(low * inverse);
  const most = Math.fround(high * inverse);
  // zero from the end of the range that it errs less at
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
  pitch: number,
  before: number,
  bytes: number,
): void {
  const integers = new Int32Array(choice.buffer, choice.byteOffset, choice.length);
  for (let image = 0; image < n; image++) {
    const at = image * elements(choice, cs);
    const zero = integers[at + 2]!;
    const first = image * elements(y, ys);
    y.fill(zero + 128, first, first + elements(y, bytes));
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < length; i++)
        y[first + elements(y, before + r * pitch) + i] =
          quantized(x[image * elements(x, xs) + r * length + i]!, choice[at + 1]!, zero) + 128;
  }
}
