import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-reduce.ts";
import { noise, overVariants } from "./harness.ts";
import { noiseRows, shares, spread } from "./rows.ts";

const SIZES = [1, 3, 4, 5, 11];
const n = 3;

overVariants("f32-reduce", "train", bench => {
  const f64 = (at: number, length = 1) => [...new Float64Array(bench.memory.buffer, at, length)];
  const floats = (at: number, length: number) => bench.f32.slice(at / 4, at / 4 + length);

  test.each(SIZES)("column sums of %i columns, in any grouping of the images", k => {
    for (const repeat of [1, 3]) {
      bench.reset();
      const xs = repeat * k + 3;
      const images = noiseRows(5, repeat * k, 7);
      const x = bench.input(spread(images, xs));
      const start = noise(k, 8);
      let wanted = start;
      for (const image of images)
        for (let r = 0; r < repeat; r++) wanted = twin.f32_column_sums(wanted, image.subarray(r * k, r * k + k));
      for (const groups of [[5], [2, 3], [1, 1, 1, 1, 1]]) {
        const y = bench.output(k * 4);
        bench.f32.set(start, y / 4);
        let first = 0;
        for (const group of groups) {
          bench.run("f32_column_sums", { n: group, x: x + first * xs * 4, xs: xs * 4, y, repeat, k });
          first += group;
        }
        expect(floats(y, k)).toEqual(wanted);
      }
    }
  });

  test.each(SIZES)("norms and penalties of %i elements", size => {
    bench.reset();
    const x = noise(size, size);
    x[0] = 0;
    const at = bench.input(x);
    const y = bench.output(16);
    bench.run("f32_sum_of_squares", { n: size, x: at, y });
    bench.run("f32_sum_of_magnitudes", { n: size, x: at, y: y + 8 });
    const sums = [twin.f32_sum_of_squares(x), twin.f32_sum_of_magnitudes(x)];
    expect(f64(y, 2)).toEqual(sums);
    for (const limit of [0.25, 100]) {
      const factor = bench.output(4);
      bench.run("f32_clip_factor", { parts: 2, x: y, y: factor, limit });
      expect(bench.f32[factor / 4]).toBe(twin.f32_clip_factor(sums, limit));
    }
    for (const [l1, l2] of [
      [0.1, 0],
      [0, 0.01],
      [0.1, 0.01],
    ] as const) {
      const loss = bench.output(4);
      bench.f32[loss / 4] = 2.5;
      bench.run("f32_penalty", { n: size, x: at, y: loss, l1, l2 });
      expect(bench.f32[loss / 4]).toBe(twin.f32_penalty(x, 2.5, l1, l2));
      const dx = bench.output(size * 4);
      bench.run("f32_penalty_gradient", { n: size, x: at, dy: bench.input(Float32Array.of(0.7)), dx, l1, l2 });
      expect(floats(dx, size)).toEqual(x.map(v => twin.f32_penalty_gradient(v, Math.fround(0.7), l1, l2)));
    }
  });

  test.each([...SIZES, 8])("f32_range of %i elements an image, in any grouping of the images, NaN left out", length => {
    bench.reset();
    const xs = length + 3;
    const images = noiseRows(5, length, 9);
    images[1]![length - 1] = NaN;
    images[3]![0] = NaN;
    const x = bench.input(spread(images, xs));
    for (const start of [
      [Infinity, -Infinity],
      [-0.1, 0.1],
      [-100, 100],
    ]) {
      const wanted = images.reduce(
        (range: Float32Array, image) => twin.f32_range(range, image),
        Float32Array.from(start),
      );
      for (const groups of [[5], [2, 3], [1, 1, 1, 1, 1]]) {
        const y = bench.output(8);
        bench.f32.set(start, y / 4);
        let first = 0;
        for (const group of groups) {
          bench.run("f32_range", { n: group, x: x + first * xs * 4, xs: xs * 4, length, y });
          first += group;
        }
        expect(floats(y, 2)).toEqual(wanted);
      }
    }
  });

  test.each(SIZES)("argmax, accuracies and top k of %i classes", k => {
    bench.reset();
    const [xs, ts] = [k + 2, k + 5];
    // rounded, so that there are ties
    const x = noiseRows(n, k, 3).map(row => row.map(v => Math.round(v * 2)));
    const t = shares(n, k, 4);
    const labels = Int32Array.from({ length: n }, (_, i) => (2 * i + 1) % k);
    const rows = { n, x: bench.input(spread(x, xs)), xs: xs * 4, k };
    const dense = { t: bench.input(spread(t, ts)), ts: ts * 4 };
    const sparse = { t: bench.input(labels), ts: 4 };
    const y = bench.output(n * 4);
    const result = () => [...floats(y, n)];
    bench.run("f32_argmax", { ...rows, y });
    expect([...bench.i32.slice(y / 4, y / 4 + n)]).toEqual(x.map(twin.f32_argmax));
    bench.run("f32_sparse_accuracy", { ...rows, ...sparse, y });
    expect(result()).toEqual(x.map((row, i) => twin.f32_sparse_accuracy(row, labels[i]!)));
    bench.run("f32_accuracy", { ...rows, ...dense, y });
    expect(result()).toEqual(x.map((row, i) => twin.f32_accuracy(row, t[i]!)));
    bench.run("f32_binary_accuracy", { ...rows, ...dense, y, threshold: 0.4 });
    expect(result()).toEqual(x.map((row, i) => twin.f32_binary_accuracy(row, t[i]!, 0.4)));
    for (const top of [1, 2, k]) {
      bench.run("f32_sparse_top_k", { ...rows, ...sparse, y, top });
      expect(result()).toEqual(x.map((row, i) => twin.f32_sparse_top_k(row, labels[i]!, top)));
      bench.run("f32_top_k", { ...rows, ...dense, y, top });
      expect(result()).toEqual(x.map((row, i) => twin.f32_top_k(row, t[i]!, top)));
    }
  });

  test("ties count for the target of top k; an impossible target is in no top", () => {
    expect(twin.f32_sparse_top_k([1, 1, 1, 0], 2, 1)).toBe(1);
    expect(twin.f32_sparse_top_k([1, 1, 1, 0], 3, 3)).toBe(0);
    bench.reset();
    const y = bench.output(8);
    const x = bench.input(Float32Array.of(1, NaN, 1, NaN));
    bench.run("f32_sparse_top_k", { n: 2, x, xs: 8, t: bench.input(Int32Array.of(1, 2)), ts: 4, k: 2, y, top: 2 });
    expect([...floats(y, 2)]).toEqual([0, 0]);
  });
});
