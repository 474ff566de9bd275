import { expect, test } from "vitest";
import { expf } from "../../src/base/math-f32.ts";
import { addition } from "../../src/kernels/i8/addition.ts";
import { NO_HALO, storedBytes } from "../../src/kernels/i8/stored.ts";
import * as twin from "../../src/kernels/reference/i8-elementwise.ts";
import { overVariants } from "./harness.ts";
import { bytes, fromStored, storedImages } from "./i8.ts";

overVariants("i8-elementwise", "run", bench => {
  const place = (rows: Int8Array[], stride: number) =>
    bench.input(storedImages(bench, rows, [rows[0]!.length], NO_HALO, 0, stride));

  test.each([1, 7, 8, 9, 16, 19])("sum and difference of rows of %i", length => {
    const size = storedBytes(bench.variant);
    const [a, b] = [3, 4].map(seed => bytes(2 * length, seed, bench, false)) as [Int8Array, Int8Array];
    const halves = (q: Int8Array) => [q.slice(0, length), q.slice(length)];
    for (const sign of [1, -1] as const)
      for (const y of [0.02, 0.3, 1.7]) {
        bench.reset();
        const numbers = addition({ scale: 0.037, zero: 11 }, { scale: 0.21, zero: -40 }, { scale: y, zero: 5 }, sign)!;
        const clamps = { zero: 5, qmin: -100, qmax: 111 };
        const [a_row_stride, b_row_stride, y_row_stride] = [2, 3, 4].map(gap => (length + gap) * size) as [
          number,
          number,
          number,
        ];
        const to = bench.output(y_row_stride + length * size);
        bench.run("i8_add", {
          n: 1,
          a: place(halves(a), a_row_stride),
          as: 0,
          a_row_stride,
          b: place(halves(b), b_row_stride),
          bs: 0,
          b_row_stride,
          y: to,
          ys: 0,
          y_row_stride,
          rows: 2,
          length,
          ...numbers,
          ...clamps,
        });
        const got = [0, 1].flatMap(r => [...fromStored(bench, to + r * y_row_stride, [length])]);
        expect(got).toEqual([...twin.i8_add(a, b, numbers, clamps)]);
      }
  });

  test.each([1, 7, 8, 9, 19])("extremes of rows of %i", length => {
    const size = storedBytes(bench.variant);
    const [a, b] = [3, 4].map(seed => bytes(2 * length, seed, bench, false)) as [Int8Array, Int8Array];
    const halves = (q: Int8Array) => [q.slice(0, length), q.slice(length)];
    const [a_row_stride, b_row_stride, y_row_stride] = [2, 3, 4].map(gap => (length + gap) * size) as [
      number,
      number,
      number,
    ];
    for (const kernel of ["i8_min", "i8_max"] as const) {
      bench.reset();
      const y = bench.output(y_row_stride + length * size);
      const ends = {
        a: place(halves(a), a_row_stride),
        as: 0,
        a_row_stride,
        b: place(halves(b), b_row_stride),
        bs: 0,
        b_row_stride,
      };
      bench.run(kernel, { n: 1, ...ends, y, ys: 0, y_row_stride, rows: 2, length });
      const got = [0, 1].flatMap(r => [...fromStored(bench, y + r * y_row_stride, [length])]);
      expect(got).toEqual([...twin[kernel](a, b)]);
    }
  });

  test.each([1, 7, 8, 9, 19])("product of rows of %i", length => {
    bench.reset();
    const size = storedBytes(bench.variant);
    const [a, b] = [3, 4].map(seed => bytes(2 * length, seed, bench, false)) as [Int8Array, Int8Array];
    const halves = (q: Int8Array) => [q.slice(0, length), q.slice(length)];
    const clamps = { zero: -5, qmin: -100, qmax: 111 };
    const [a_row_stride, b_row_stride, y_row_stride] = [2, 3, 4].map(gap => (length + gap) * size) as [
      number,
      number,
      number,
    ];
    const to = bench.output(y_row_stride + length * size);
    bench.run("i8_mul", {
      n: 1,
      a: place(halves(a), a_row_stride),
      as: 0,
      a_row_stride,
      b: place(halves(b), b_row_stride),
      bs: 0,
      b_row_stride,
      y: to,
      ys: 0,
      y_row_stride,
      rows: 2,
      length,
      za: 11,
      zb: -40,
      scale: 0.0077,
      ...clamps,
    });
    const got = [0, 1].flatMap(r => [...fromStored(bench, to + r * y_row_stride, [length])]);
    expect(got).toEqual([...twin.i8_mul(a, b, [11, -40], 0.0077, clamps)]);
  });

  test("a sum is within one step of the real one", () => {
    const [a, b, y] = [
      { scale: 0.05, zero: 3 },
      { scale: 0.011, zero: -90 },
      { scale: 0.06, zero: 20 },
    ];
    const q = bytes(64, 5, bench, false);
    const p = bytes(64, 6, bench, false);
    const sums = twin.i8_add(q, p, addition(a, b, y)!, { zero: y.zero, qmin: -128, qmax: 127 });
    sums.forEach((s, i) => {
      const real = (q[i]! - a.zero) * a.scale + (p[i]! - b.zero) * b.scale;
      const wanted = Math.max(-128, Math.min(127, real / y.scale + y.zero));
      expect(Math.abs(s - wanted)).toBeLessThanOrEqual(0.51);
    });
  });

  test("scales too far apart have no sum", () => {
    expect(addition({ scale: 1000, zero: 0 }, { scale: 1, zero: 0 }, { scale: 1, zero: 0 })).toBeUndefined();
    expect(addition({ scale: 1e-4, zero: 0 }, { scale: 1e-4, zero: 0 }, { scale: 1, zero: 0 })).toBeUndefined();
  });

  test.each([1, 2, 10, 33])("softmax over %i", length => {
    bench.reset();
    const size = storedBytes(bench.variant);
    const table = Float32Array.from({ length: 256 }, (_, d) => expf(Math.fround(-0.07 * d)));
    const rows = [3, 4, 5, 6].map(seed => bytes(length, seed, bench, false));
    const image = (i: number) => Int8Array.from([...rows[i]!, ...rows[i + 1]!]);
    const xs = 2 * length * size + 6;
    const y = bench.output(xs + 2 * length * size);
    const x = place([image(0), image(2)], xs);
    const shared = { repeat: 2, k: length, scale: 1 / 256, zero: -128 };
    bench.run("i8_softmax", { n: 2, x, xs, y, ys: xs, ...shared, table: bench.input(table) });
    for (const i of [0, 1])
      expect([...fromStored(bench, y + i * xs, [2 * length])]).toEqual(
        [0, 1].flatMap(r => [...twin.i8_softmax(rows[2 * i + r]!, table, 1 / 256, -128)]),
      );
  });
});
