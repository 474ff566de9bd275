import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-softmax.ts";
import { noise, overVariants } from "./harness.ts";

const CLASSES = [1, 2, 3, 4, 5, 10, 11];

/** n rows of k numbers, `stride` floats apart, NaN between them. */
function spread(rows: Float32Array[], stride: number): Float32Array {
  const all = new Float32Array(rows.length * stride).fill(NaN);
  rows.forEach((row, i) => {
    all.set(row, i * stride);
  });
  return all;
}

overVariants("f32-softmax", "train", bench => {
  const row = (at: number, k: number) => bench.f32.slice(at / 4, at / 4 + k);

  test.each(CLASSES.flatMap(k => [0, 0.1].map(s => [k, s] as const)))(
    "sparse cross-entropy of %i classes, smoothing %d",
    (k, smoothing) => {
      bench.reset();
      const n = 3;
      const xs = 16 + 8;
      const ps = 16;
      const rows = Array.from({ length: n }, (_, i) => noise(k, 5 + i).map(v => v * 9));
      const labels = Int32Array.from({ length: n }, (_, i) => (i * 7 + 3) % k);
      const up = noise(n, 9);
      const t = bench.input(labels);
      const p = bench.output(n * ps * 4);
      const loss = bench.output(n * 4);
      bench.run("f32_sparse_softmax_cross_entropy", {
        n,
        k,
        smoothing,
        t,
        ts: 4,
        x: bench.input(spread(rows, xs)),
        xs: xs * 4,
        loss,
        p,
        ps: ps * 4,
      });
      const dx = bench.output(n * xs * 4);
      bench.run("f32_sparse_softmax_cross_entropy_gradient", {
        n,
        k,
        smoothing,
        t,
        ts: 4,
        p,
        ps: ps * 4,
        up: bench.input(up),
        dx,
        dxs: xs * 4,
      });
      rows.forEach((x, i) => {
        const wanted = twin.f32_sparse_softmax_cross_entropy(x, labels[i]!, smoothing);
        expect(bench.f32[loss / 4 + i]).toBe(wanted.loss);
        expect(row(p + i * ps * 4, k)).toEqual(wanted.p);
        const d = twin.f32_sparse_softmax_cross_entropy_gradient(wanted.p, labels[i]!, smoothing, up[i]!);
        expect(row(dx + i * xs * 4, k)).toEqual(d);
        for (let j = k; j % 8; j++) expect(bench.f32[dx / 4 + i * xs + j]).toBe(0);
      });
    },
  );

  test("a label out of range gives NaN and touches nothing else", () => {
    bench.reset();
    const loss = bench.output(4);
    const p = bench.output(32);
    bench.run("f32_sparse_softmax_cross_entropy", {
      n: 1,
      k: 3,
      smoothing: 0,
      t: bench.input(Int32Array.of(3)),
      ts: 4,
      x: bench.input(noise(3)),
      xs: 32,
      loss,
      p,
      ps: 32,
    });
    expect(bench.f32[loss / 4]).toBe(NaN);
  });
});
