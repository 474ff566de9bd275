import { expect, test } from "vitest";
import { storedBytes, storedImage } from "../../src/kernels/i8/stored.ts";
import * as twin from "../../src/kernels/reference/i8-quantize.ts";
import { type Bench, noise, overVariants } from "./harness.ts";
import { bytes, storedArray, storedView, weights } from "./i8.ts";

/** Around 8 and 16 elements a step, and more than one row. */
const ROWS = [1, 7, 8, 9, 15, 16, 17, 35].flatMap(length => [1, 3].map(rows => [rows, length] as const));

/** Two images of rows on the stored side: strides of rows and images larger than necessary. */
function geometry(bench: Bench, rows: number, length: number) {
  const size = storedBytes(bench.variant);
  const row_stride = (length + 5) * size;
  const stride = rows * row_stride + 6 * size;
  return { size, row_stride, stride, bytes: stride + (rows - 1) * row_stride + length * size };
}

/** Real numbers: ordinary, exact halves, far outside, and NaN. */
function reals(n: number): Float32Array {
  const x = noise(n, 5).map(v => v * 20);
  [0.5, 1.5, -0.5, -2.5, 1e30, -1e30, Infinity, -Infinity, NaN, 0, -0].forEach((v, i) => {
    if (i * 3 < n) x[i * 3] = v;
  });
  return x;
}

overVariants("i8-quantize", "run", bench => {
  /** Random stored activations in the given geometry. */
  const storedInput = (length: number) => {
    const q = bytes(length / storedBytes(bench.variant), 3, bench, false);
    const array = storedArray(bench, q.length);
    q.forEach((v, i) => {
      array[i] = v + 128;
    });
    return array;
  };
  const sameStored = (y: number, length: number, expected: Uint8Array | Int16Array) =>
    expect([...storedView(bench, y, length)]).toEqual([...expected]);
  /** The contents of an output of `length` bytes before a kernel writes it. */
  const before = (y: number, length: number) => storedView(bench, y, length).slice();

  test.each([
    [1, 1, 1, 1, 1, 1, 1],
    [3, 4, 3, 0, 2, 1, 0],
    [2, 5, 9, 2, 1, 3, 2],
    [4, 1, 2, 0, 0, 0, 1],
    [3, 5, 7, 0, 0, 0, 0],
    [1, 1, 16, 1, 0, 0, 0],
    [2, 17, 1, 0, 0, 1, 1],
  ])("enter, leave and the halo of %ix%ix%i: %i, %i, %i, %i", (h, w, c, top, bottom, left, right) => {
    bench.reset();
    const image = storedImage([h, w, c], bench.variant, [top, left, bottom, right]);
    const ys = image.bytes + 4;
    const total = ys + image.bytes;
    const args = { h, w, c, pad_t: top, pad_b: bottom, pad_l: left, pad_r: right, zero: -7 };
    const halo = bench.output(total);
    const around = before(halo, total);
    twin.i8_halo(2, around, ys, h, w, c, top, bottom, left, right, -7);
    bench.run("i8_halo", { n: 2, y: halo, ys, ...args });
    sameStored(halo, total, around);

    const size = h * w * c;
    const xs = size + 9;
    const x = bytes(xs + size, 3, bench, false);
    const y = bench.output(total);
    const expected = before(y, total);
    twin.i8_enter(2, x, xs, expected, ys, h, w, c, top, bottom, left, right, -7);
    bench.run("i8_enter", { n: 2, x: bench.input(x), xs, y, ys, ...args });
    sameStored(y, total, expected);

    const back = bench.output(x.length);
    const shape = { first: image.first, rows: h, length: w * c, row_stride: image.rowStride };
    bench.run("i8_leave", { n: 2, x: y, xs: ys, y: back, ys: xs, ...shape });
    const left8 = new Int8Array(x.length);
    twin.i8_leave(2, expected, ys, left8, xs, shape.first, shape.rows, shape.length, shape.row_stride);
    for (const at of [0, xs]) {
      expect([...bench.i8.subarray(back + at, back + at + size)]).toEqual([...x.subarray(at, at + size)]);
      expect([...left8.subarray(at, at + size)]).toEqual([...x.subarray(at, at + size)]);
    }
  });

  test.each(ROWS)("quantize: %i rows of %i", (rows, length) => {
    bench.reset();
    const { row_stride, stride, bytes: total } = geometry(bench, rows, length);
    const x = reals(2 * rows * length + 3);
    const xs = (rows * length + 3) * 4;
    const y = bench.output(total);
    const expected = before(y, total);
    twin.i8_quantize(2, x, xs, expected, stride, rows, length, row_stride, 7, 3);
    bench.run("i8_quantize", {
      n: 2,
      x: bench.input(x),
      xs,
      y,
      ys: stride,
      rows,
      length,
      row_stride,
      inverse: 7,
      zero: 3,
    });
    sameStored(y, total, expected);
  });

  test.each(ROWS)("dequantize: %i rows of %i", (rows, length) => {
    bench.reset();
    const { row_stride, stride, bytes: total } = geometry(bench, rows, length);
    const x = storedInput(total);
    const ys = (rows * length + 3) * 4;
    const y = bench.output(ys + rows * length * 4);
    const expected = bench.f32.slice(y / 4, y / 4 + (ys / 4 + rows * length));
    twin.i8_dequantize(2, x, stride, expected, ys, rows, length, row_stride, 0.037, -5);
    bench.run("i8_dequantize", {
      n: 2,
      x: bench.input(x),
      xs: stride,
      y,
      ys,
      rows,
      length,
      row_stride,
      scale: 0.037,
      zero: -5,
    });
    expect([...bench.f32.subarray(y / 4, y / 4 + expected.length)]).toEqual([...expected]);
  });

  test.each(ROWS)("requantize and look up: %i rows of %i", (rows, length) => {
    bench.reset();
    const { size, row_stride, stride, bytes: total } = geometry(bench, rows, length);
    const x = storedInput(total);
    const y_row_stride = row_stride + 3 * size;
    const ys = rows * y_row_stride;
    const space = ys + (rows - 1) * y_row_stride + length * size;
    const from = bench.input(x);
    const y = bench.output(space);
    const expected = before(y, space);
    twin.i8_requantize(2, x, stride, row_stride, expected, ys, y_row_stride, rows, length, 1.37, 11, -9, -120, 99);
    const shared = { n: 2, x: from, xs: stride, x_row_stride: row_stride, ys, y_row_stride, rows, length };
    bench.run("i8_requantize", { ...shared, y, scale: 1.37, from: 11, to: -9, qmin: -120, qmax: 99 });
    sameStored(y, space, expected);

    const table = storedArray(bench, 256 * length).map((_, i) => (i * 37 + (i >> 8)) & 255);
    const tables = bench.input(table);
    // one table, one per element of a row, one for each half of it
    for (const period of [length, ...(length % 2 ? [] : [length / 2])])
      for (const step of [0, 256 * size]) {
        const z = bench.output(space);
        const looked = before(z, space);
        twin.i8_lookup(2, x, stride, row_stride, looked, ys, y_row_stride, rows, length, table, period, step);
        bench.run("i8_lookup", { ...shared, y: z, table: tables, period, step });
        sameStored(z, space, looked);
      }
  });

  test.each([0, 1, 3, 4, 5, 11, 33])("range, choice and dynamic quantization of %i", length => {
    bench.reset();
    const size = storedBytes(bench.variant);
    const n = 3;
    const xs = (length + 2) * 4;
    const x = new Float32Array(n * (length + 2)).fill(NaN);
    for (let i = 0; i < n; i++)
      x.set(
        noise(length, 7 + i).map(v => (v + (i - 1) * 0.9) * 3),
        i * (length + 2),
      );
    if (length > 4) x[2] = NaN;
    const at = bench.input(x);
    const range = bench.output(n * 8);
    bench.run("i8_range", { n, x: at, xs, length, y: range, ys: 8 });
    const ranges = new Float32Array(2 * n);
    twin.i8_range(n, x, xs, length, ranges, 8);
    expect([...bench.f32.subarray(range / 4, range / 4 + 2 * n)]).toEqual([...ranges]);
    if (length === 0) return;

    const choice = bench.output(n * 16);
    bench.run("i8_choose", { n, x: range, xs: 8, y: choice, ys: 16 });
    const choices = new Float32Array(4 * n);
    twin.i8_choose(n, ranges, 8, choices, 16);
    expect([...bench.u32.subarray(choice / 4, choice / 4 + 4 * n)]).toEqual([...new Uint32Array(choices.buffer)]);

    const row_stride = (length + 3) * size;
    const before = 2 * row_stride + size;
    const space = 4 * row_stride;
    const y = bench.output(n * space);
    const expected = storedArray(bench, (n * space) / size);
    const shared = { rows: 1, length, row_stride, first: before, bytes: space };
    twin.i8_quantize_dynamic(n, x, xs, choices, 16, expected, space, 1, length, row_stride, before, space);
    bench.run("i8_quantize_dynamic", { n, x: at, xs, chosen: choice, cs: 16, y, ys: space, ...shared });
    sameStored(y, n * space, expected);
  });
});

overVariants("i8-quantize", "train", bench => {
  test("weights per channel, a dead channel among them", () => {
    bench.reset();
    const [rows, length] = [3, 7];
    const x = noise(rows * length, 5).fill(0, length, 2 * length);
    const scale = Float32Array.of(1 / 127, 0, 0.003);
    const expected = new Int8Array(rows * length);
    twin.i8_quantize_channels(rows, length, x, expected, scale);
    const y = bench.output(rows * length);
    const at = bench.input(scale);
    bench.run("i8_quantize_channels", { rows, length, x: bench.input(x), y, scale: at });
    expect([...bench.i8.subarray(y, y + rows * length)]).toEqual([...expected]);
    expect(Math.min(...expected)).toBe(-127);

    const q = weights(rows * length, 3);
    const z = bench.output(rows * length * 4);
    const real = new Float32Array(rows * length);
    twin.i8_dequantize_channels(rows, length, q, real, scale);
    bench.run("i8_dequantize_channels", { rows, length, x: bench.input(q), y: z, scale: at });
    expect([...bench.f32.subarray(z / 4, z / 4 + rows * length)]).toEqual([...real]);
  });
});
