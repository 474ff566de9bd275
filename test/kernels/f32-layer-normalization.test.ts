import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-layer-normalization.ts";
import { noise, overVariants } from "./harness.ts";
import { noiseRows, spread } from "./rows.ts";

const epsilon = 1e-3;

overVariants("f32-layer-normalization", "train", bench => {
  const floats = (at: number, length: number) => bench.f32.slice(at / 4, at / 4 + length);

  test.each([1, 3, 4, 5, 11].flatMap(k => [1, 3, 6].map(repeat => [k, repeat] as const)))(
    "f32_layer_normalization and its gradients, rows of %i, %i of them",
    (k, repeat) => {
      bench.reset();
      const n = 3;
      const size = repeat * k;
      const strideOf = (length: number, more: number) => Math.ceil(length / 8) * 8 + more;
      const [xs, ys, ss] = [strideOf(size, 8), strideOf(size, 16), strideOf(repeat, 8)];
      const images = noiseRows(n, size, 1, 3);
      const upstream = noiseRows(n, size, 2);
      const [gamma, beta] = [noise(k, 3), noise(k, 4)];
      const rows = (of: readonly Float32Array[]) =>
        of.flatMap(image => Array.from({ length: repeat }, (_, r) => image.slice(r * k, (r + 1) * k)));
      const rowsAt = (p: number, stride: number) =>
        rows(Array.from({ length: n }, (_, i) => floats(p + i * stride * 4, size)));
      const expectPadding = (p: number, stride: number, length: number) => {
        for (let i = 0; i < n; i++) for (let j = length; j % 8; j++) expect(bench.f32[p / 4 + i * stride + j]).toBe(0);
      };
      const source = { n, x: bench.input(spread(images, xs)), xs: xs * 4, repeat, k };
      const scale = bench.input(gamma);

      const y = bench.output(n * ys * 4);
      bench.run("f32_layer_normalization", {
        ...source,
        y,
        ys: ys * 4,
        gamma: scale,
        beta: bench.input(beta),
        epsilon,
      });
      expect(rowsAt(y, ys)).toEqual(rows(images).map(x => twin.f32_layer_normalization(x, gamma, beta, epsilon)));
      expectPadding(y, ys, size);

      const [mean, inverse] = [bench.output(n * ss * 4), bench.output(n * ss * 4)];
      const statistics = { mean, means: ss * 4, inverse, inverses: ss * 4 };
      bench.run("f32_layer_normalization_statistics", { ...source, ...statistics, epsilon });
      const expected = rows(images).map(x => twin.f32_layer_normalization_statistics(x, epsilon));
      const each = (p: number) => Array.from({ length: n }, (_, i) => [...floats(p + i * ss * 4, repeat)]).flat();
      expect(each(mean)).toEqual(expected.map(s => s.mean));
      expect(each(inverse)).toEqual(expected.map(s => s.inverse));
      expectPadding(mean, ss, repeat);
      expectPadding(inverse, ss, repeat);

      const back = { ...source, dy: bench.input(spread(upstream, xs)), dys: xs * 4, ...statistics };
      const [dgamma, dbeta] = [bench.output(k * 4), bench.output(k * 4)];
      bench.run("f32_layer_normalization_parameter_gradient", { ...back, dgamma, dbeta });
      const column = (of: readonly Float32Array[], j: number) => rows(of).map(row => row[j]!);
      for (let j = 0; j < k; j++) {
        const d = twin.f32_layer_normalization_parameter_gradient(column(upstream, j), column(images, j), expected);
        expect([bench.f32[dgamma / 4 + j], bench.f32[dbeta / 4 + j]]).toEqual([d.dgamma, d.dbeta]);
      }

      const dx = bench.output(n * ys * 4);
      bench.run("f32_layer_normalization_gradient", { ...back, dx, dxs: ys * 4, gamma: scale });
      const flows = rows(upstream);
      expect(rowsAt(dx, ys)).toEqual(
        rows(images).map((x, r) => twin.f32_layer_normalization_gradient(flows[r]!, x, expected[r]!, gamma)),
      );
      expectPadding(dx, ys, size);
    },
  );
});
