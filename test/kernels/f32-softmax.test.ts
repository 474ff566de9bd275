import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-softmax.ts";
import { noise, overVariants } from "./harness.ts";
import { noiseRows, shares, spread } from "./rows.ts";

const CLASSES = [1, 2, 3, 4, 5, 10, 11];
const n = 3;
const xs = 24;
const ys = 16;

overVariants("f32-softmax", "train", bench => {
  const row = (at: number, k: number) => bench.f32.slice(at / 4, at / 4 + k);

  test.each(CLASSES)("softmax and logSoftmax of rows of %i, alone and side by side", k => {
    for (const repeat of [1, Math.min(3, Math.floor(16 / k))])
      for (const name of ["softmax", "log_softmax"] as const) {
        bench.reset();
        const size = repeat * k;
        const rows = noiseRows(n, size, 3, 20);
        const upstream = noiseRows(n, size, 4);
        const y = bench.output(n * ys * 4);
        bench.run(`f32_${name}`, { n, x: bench.input(spread(rows, xs)), xs: xs * 4, y, ys: ys * 4, repeat, k });
        const dx = bench.output(n * xs * 4);
        bench.run(`f32_${name}_gradient`, {
          n,
          dy: bench.input(spread(upstream, xs)),
          dys: xs * 4,
          y,
          ys: ys * 4,
          dx,
          dxs: xs * 4,
          repeat,
          k,
        });
        rows.forEach((x, i) => {
          for (let r = 0; r < repeat; r++) {
            const [from, to] = [r * k, r * k + k];
            const forward = name === "softmax" ? twin.f32_softmax : twin.f32_log_softmax;
            const backward = name === "softmax" ? twin.f32_softmax_gradient : twin.f32_log_softmax_gradient;
            const wanted = forward(x.subarray(from, to));
            expect(row(y + (i * ys + from) * 4, k)).toEqual(wanted);
            expect(row(dx + (i * xs + from) * 4, k)).toEqual(backward(upstream[i]!.subarray(from, to), wanted));
          }
          for (let j = size; j % 8; j++) {
            expect(bench.f32[y / 4 + i * ys + j]).toBe(0);
            expect(bench.f32[dx / 4 + i * xs + j]).toBe(0);
          }
        });
      }
  });

  test("softmax of huge logits is finite and sums to 1", () => {
    bench.reset();
    const y = bench.output(32);
    const x = bench.input(Float32Array.of(3e38, -3e38, 3e38, 0, -Infinity));
    bench.run("f32_softmax", { n: 1, x, xs: 32, y, ys: 32, repeat: 1, k: 5 });
    expect([...row(y, 5)]).toEqual([0.5, 0, 0.5, 0, 0]);
  });

  const smoothings = CLASSES.flatMap(k => [0, 0.1].map(s => [k, s] as const));

  test.each(smoothings)("sparse cross-entropy of %i classes, smoothing %d", (k, smoothing) => {
    bench.reset();
    const rows = noiseRows(n, k, 5, 9);
    const labels = Int32Array.from({ length: n }, (_, i) => (i * 7 + 3) % k);
    const dy = noise(n, 9);
    const same = { n, k, smoothing, t: bench.input(labels), ts: 4 };
    const p = bench.output(n * ys * 4);
    const loss = bench.output(n * 4);
    const x = bench.input(spread(rows, xs));
    bench.run("f32_sparse_softmax_cross_entropy", { ...same, x, xs: xs * 4, loss, p, ps: ys * 4 });
    const dx = bench.output(n * xs * 4);
    const upstream = bench.input(dy);
    bench.run("f32_sparse_softmax_cross_entropy_gradient", { ...same, p, ps: ys * 4, dy: upstream, dx, dxs: xs * 4 });
    rows.forEach((logits, i) => {
      const wanted = twin.f32_sparse_softmax_cross_entropy(logits, labels[i]!, smoothing);
      expect(bench.f32[loss / 4 + i]).toBe(wanted.loss);
      expect(row(p + i * ys * 4, k)).toEqual(wanted.p);
      const d = twin.f32_sparse_softmax_cross_entropy_gradient(wanted.p, labels[i]!, smoothing, dy[i]!);
      expect(row(dx + i * xs * 4, k)).toEqual(d);
      for (let j = k; j % 8; j++) expect(bench.f32[dx / 4 + i * xs + j]).toBe(0);
    });
    // in place
    bench.run("f32_sparse_softmax_cross_entropy_gradient", {
      ...same,
      p,
      ps: ys * 4,
      dy: upstream,
      dx: p,
      dxs: ys * 4,
    });
    for (let i = 0; i < n; i++) expect(row(p + i * ys * 4, k)).toEqual(row(dx + i * xs * 4, k));
  });

  test.each(smoothings)("cross-entropy with targets over %i classes, smoothing %d", (k, smoothing) => {
    bench.reset();
    const rows = noiseRows(n, k, 5, 9);
    const targets = shares(n, k, 6);
    const dy = noise(n, 9);
    const ts = 20;
    const same = { n, k, smoothing, t: bench.input(spread(targets, ts)), ts: ts * 4 };
    const p = bench.output(n * ys * 4);
    const loss = bench.output(n * 4);
    const x = bench.input(spread(rows, xs));
    bench.run("f32_softmax_cross_entropy", { ...same, x, xs: xs * 4, loss, p, ps: ys * 4 });
    const dx = bench.output(n * xs * 4);
    bench.run("f32_softmax_cross_entropy_gradient", { ...same, p, ps: ys * 4, dy: bench.input(dy), dx, dxs: xs * 4 });
    rows.forEach((logits, i) => {
      const wanted = twin.f32_softmax_cross_entropy(logits, targets[i]!, smoothing);
      expect(bench.f32[loss / 4 + i]).toBe(wanted.loss);
      expect(row(p + i * ys * 4, k)).toEqual(wanted.p);
      const d = twin.f32_softmax_cross_entropy_gradient(wanted.p, targets[i]!, smoothing, dy[i]!);
      expect(row(dx + i * xs * 4, k)).toEqual(d);
    });
  });

  test.each([-1, 3, 1 << 30])("label %i of 3 classes gives NaN", label => {
    bench.reset();
    const loss = bench.output(4);
    const p = bench.output(32);
    const same = { n: 1, k: 3, smoothing: 0, t: bench.input(Int32Array.of(label)), ts: 4, p, ps: 32 };
    bench.run("f32_sparse_softmax_cross_entropy", { ...same, x: bench.input(noise(3)), xs: 32, loss });
    expect(bench.f32[loss / 4]).toBe(NaN);
    const dx = bench.output(32);
    bench.run("f32_sparse_softmax_cross_entropy_gradient", { ...same, dy: bench.input(noise(1)), dx, dxs: 32 });
  });
});
