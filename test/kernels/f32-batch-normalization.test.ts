import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-batch-normalization.ts";
import { noise, overVariants } from "./harness.ts";
import { noiseRows, spread } from "./rows.ts";

const epsilon = 1e-3;

overVariants("f32-batch-normalization", "train", bench => {
  const floats = (at: number, length: number) => bench.f32.slice(at / 4, at / 4 + length);

  test.each([1, 3, 4, 5, 11].flatMap(k => [1, 6].map(pixels => [k, pixels] as const)))(
    "%i channels, %i pixels",
    (k, pixels) => {
      bench.reset();
      const n = 3;
      const size = pixels * k;
      const stride = Math.ceil(size / 8) * 8 + 8;
      const images = noiseRows(n, size, 1, 3);
      const upstream = noiseRows(n, size, 2);
      const parameters = noise(2 * k, 3);
      const gamma = parameters.slice(0, k);
      const beta = parameters.slice(k);
      const column = (rows: Float32Array[], j: number) => rows.flatMap(row => [...row].filter((_, i) => i % k === j));
      const strides = { xs: stride * 4, repeat: pixels, k };

      const x = bench.input(spread(images, stride));
      const [mean, variance] = [bench.output(k * 4), bench.output(k * 4)];
      bench.run("f32_batch_normalization_statistics", { n, x, ...strides, mean, variance });
      const statistics = Array.from({ length: k }, (_, j) =>
        twin.f32_batch_normalization_statistics(column(images, j)),
      );
      expect([...floats(mean, k)]).toEqual(statistics.map(s => s.mean));
      expect([...floats(variance, k)]).toEqual(statistics.map(s => s.variance));

      const at = { gamma: bench.input(gamma), beta: bench.input(beta) };
      const y = bench.output(n * stride * 4);
      bench.run("f32_batch_normalization", { n, x, ...strides, y, ys: stride * 4, mean, variance, ...at, epsilon });
      const dy = bench.input(spread(upstream, stride));
      const [dgamma, dbeta] = [bench.output(k * 4), bench.output(k * 4)];
      const back = { n, dy, dys: stride * 4, x, ...strides, mean, variance, dgamma, dbeta, epsilon };
      bench.run("f32_batch_normalization_parameter_gradient", back);
      const dx = bench.output(n * stride * 4);
      const dxs = stride * 4;
      bench.run("f32_batch_normalization_gradient", { ...back, dx, dxs, gamma: at.gamma, total: n * pixels });
      const frozen = bench.output(n * stride * 4);
      bench.run("f32_batch_normalization_frozen_gradient", {
        n,
        dy,
        dys: stride * 4,
        dx: frozen,
        dxs,
        repeat: pixels,
        k,
        variance,
        gamma: at.gamma,
        epsilon,
      });
      const rowsAt = (p: number) => Array.from({ length: n }, (_, i) => floats(p + i * stride * 4, size));
      for (let j = 0; j < k; j++) {
        const [xj, dj, s] = [column(images, j), column(upstream, j), statistics[j]!];
        const wanted = twin.f32_batch_normalization(xj, s, gamma[j]!, beta[j]!, epsilon);
        expect(column(rowsAt(y), j)).toEqual([...wanted]);
        const d = twin.f32_batch_normalization_parameter_gradient(dj, xj, s, epsilon);
        expect([bench.f32[dgamma / 4 + j], bench.f32[dbeta / 4 + j]]).toEqual([d.dgamma, d.dbeta]);
        const dxj = twin.f32_batch_normalization_gradient(dj, xj, s, gamma[j]!, d, epsilon);
        expect(column(rowsAt(dx), j)).toEqual([...dxj]);
        const fixed = twin.f32_batch_normalization_frozen_gradient(dj, s.variance, gamma[j]!, epsilon);
        expect(column(rowsAt(frozen), j)).toEqual([...fixed]);
      }
      for (let i = 0; i < n; i++)
        for (let j = size; j % 8; j++) {
          expect(bench.f32[y / 4 + i * stride + j]).toBe(0);
          expect(bench.f32[dx / 4 + i * stride + j]).toBe(0);
        }
    },
  );

  test.each([4, 12])("moving average of %i", size => {
    bench.reset();
    const [y, x] = [noise(size, 1), noise(size, 2)];
    const at = bench.input(y);
    bench.run("f32_moving_average", { n: size, y: at, x: bench.input(x), momentum: 0.99 });
    const moved = y.map((v, i) => twin.f32_moving_average(v, x[i]!, 0.99));
    expect(floats(at, size)).toEqual(moved);
    for (const flag of [0, 1]) {
      const to = bench.input(y);
      const args = { n: size, flag: bench.input(Float32Array.of(flag)) };
      bench.run("f32_moving_average_unless", { ...args, y: to, x: bench.input(x), momentum: 0.99 });
      expect(floats(to, size)).toEqual(flag ? y : moved);
      const chosen = bench.output(size * 4);
      bench.run("f32_choose", { ...args, a: bench.input(x), b: bench.input(y), y: chosen });
      expect(floats(chosen, size)).toEqual(flag ? x : y);
    }
  });
});

test("f32-batch-normalization: the gradient through the statistics is the derivative", () => {
  // sum of dy * y, by central differences in f64 on the formula itself
  const x = [...noise(7, 5)].map(v => v * 2);
  const dy = [...noise(7, 6)];
  const gamma = 1.5;
  const total = (values: number[]) => {
    const mean = values.reduce((a, b) => a + b, 0) / 7;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / 7;
    return values.reduce((s, v, i) => s + (dy[i]! * gamma * (v - mean)) / Math.sqrt(variance + epsilon), 0);
  };
  const s = twin.f32_batch_normalization_statistics(x);
  const d = twin.f32_batch_normalization_parameter_gradient(dy, x, s, epsilon);
  const dx = twin.f32_batch_normalization_gradient(dy, x, s, gamma, d, epsilon);
  x.forEach((v, i) => {
    const moved = (by: number) => total(x.map((u, j) => (j === i ? v + by : u)));
    expect(dx[i]!).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 5);
  });
});
