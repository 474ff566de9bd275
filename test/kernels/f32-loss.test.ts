import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-loss.ts";
import * as softmax from "../../src/kernels/reference/f32-softmax.ts";
import { noise, overVariants } from "./harness.ts";
import { noiseRows, shares, spread } from "./rows.ts";

const SIZES = [1, 3, 4, 5, 10, 11];

interface Case {
  kernel: string;
  parameter?: Record<string, number>;
  probabilities?: boolean;
}
const CASES: Case[] = [
  { kernel: "f32_mean_squared_error" },
  { kernel: "f32_mean_absolute_error" },
  { kernel: "f32_huber", parameter: { delta: 0.3 } },
  { kernel: "f32_binary_cross_entropy", parameter: { smoothing: 0 }, probabilities: true },
  { kernel: "f32_binary_cross_entropy", parameter: { smoothing: 0.1 }, probabilities: true },
  { kernel: "f32_sigmoid_cross_entropy", parameter: { smoothing: 0 } },
  { kernel: "f32_sigmoid_cross_entropy", parameter: { smoothing: 0.1 } },
  { kernel: "f32_kl_divergence", probabilities: true },
  { kernel: "f32_cross_entropy", parameter: { smoothing: 0 }, probabilities: true },
  { kernel: "f32_cross_entropy", parameter: { smoothing: 0.1 }, probabilities: true },
];

type Loss = (x: ArrayLike<number>, t: ArrayLike<number> | number, ...more: number[]) => number;
type Gradient = (x: ArrayLike<number>, t: ArrayLike<number> | number, ...more: number[]) => Float32Array;
const twins = twin as unknown as Record<string, Loss & Gradient>;

overVariants("f32-loss", "train", bench => {
  const row = (at: number, k: number) => bench.f32.slice(at / 4, at / 4 + k);
  const n = 3;
  const [xs, ts, dxs] = [24, 20, 16];

  test.each(CASES.flatMap(c => SIZES.map(k => [c, k] as const)))("$0.kernel of %i elements", (c, k) => {
    bench.reset();
    const x = c.probabilities ? shares(n, k, 1) : noiseRows(n, k, 1, 3);
    const t = shares(n, k, 2);
    // beyond the clipping, and equal to the target
    x[1]![0] = c.probabilities ? 0 : t[1]![0]!;
    const dy = noise(n, 5);
    const more = Object.values(c.parameter ?? {});
    const same = { n, x: bench.input(spread(x, xs)), xs: xs * 4, t: bench.input(spread(t, ts)), ts: ts * 4, k };
    const loss = bench.output(n * 4);
    bench.run(c.kernel as "f32_huber", { ...same, loss, ...c.parameter });
    const dx = bench.output(n * dxs * 4);
    bench.run(`${c.kernel}_gradient` as "f32_huber_gradient", {
      ...same,
      dy: bench.input(dy),
      dx,
      dxs: dxs * 4,
      ...c.parameter,
    });
    for (let i = 0; i < n; i++) {
      expect(bench.f32[loss / 4 + i]).toBe(twins[c.kernel]!(x[i]!, t[i]!, ...more));
      const wanted = twins[`${c.kernel}_gradient`]!(x[i]!, t[i]!, dy[i]!, ...more) as unknown as Float32Array;
      expect(row(dx + i * dxs * 4, k)).toEqual(wanted);
      for (let j = k; j % 8; j++) expect(bench.f32[dx / 4 + i * dxs + j]).toBe(0);
    }
  });

  test.each(SIZES.flatMap(k => [0, 0.1].map(s => [k, s] as const)))(
    "sparse cross-entropy of %i, smoothing %d",
    (k, smoothing) => {
      bench.reset();
      const x = shares(n, k, 1);
      x[1]![0] = 0;
      const labels = Int32Array.from({ length: n }, (_, i) => (i + 2) % k);
      const dy = noise(n, 5);
      const same = { n, x: bench.input(spread(x, xs)), xs: xs * 4, t: bench.input(labels), ts: 4, k, smoothing };
      const loss = bench.output(n * 4);
      bench.run("f32_sparse_cross_entropy", { ...same, loss });
      const dx = bench.output(n * dxs * 4);
      bench.run("f32_sparse_cross_entropy_gradient", { ...same, dy: bench.input(dy), dx, dxs: dxs * 4 });
      for (let i = 0; i < n; i++) {
        expect(bench.f32[loss / 4 + i]).toBe(twin.f32_sparse_cross_entropy(x[i]!, labels[i]!, smoothing));
        const wanted = twin.f32_sparse_cross_entropy_gradient(x[i]!, labels[i]!, dy[i]!, smoothing);
        expect(row(dx + i * dxs * 4, k)).toEqual(wanted);
      }
    },
  );

  test.each(SIZES)("entropy of %i", k => {
    bench.reset();
    const x = shares(n, k, 1);
    x[1]![0] = 0;
    const dy = noise(n, 5);
    const same = { n, x: bench.input(spread(x, xs)), xs: xs * 4, k };
    const loss = bench.output(n * 4);
    bench.run("f32_entropy", { ...same, loss });
    const dx = bench.output(n * dxs * 4);
    bench.run("f32_entropy_gradient", { ...same, dy: bench.input(dy), dx, dxs: dxs * 4 });
    for (let i = 0; i < n; i++) {
      expect(bench.f32[loss / 4 + i]).toBe(twin.f32_entropy(x[i]!));
      expect(row(dx + i * dxs * 4, k)).toEqual(twin.f32_entropy_gradient(x[i]!, dy[i]!));
    }
  });
});

// ---------------------------------------------------------------- Keras' own values, by the reference implementations

interface Stored {
  shape: number[];
  data: number[];
}
interface Vector {
  target: Stored;
  prediction: Stored;
  loss: number;
  gradient: Stored;
  sampleWeight: Stored;
  weightedLoss: number;
}
const vectors = JSON.parse(readFileSync("test/vectors/keras/losses.json", "utf8")) as Record<string, Vector>;

type Of = (x: Float32Array, t: Float32Array, label: number, dy: number) => { loss: number; d: Float32Array };
const plain =
  (kernel: string, ...more: number[]): Of =>
  (x, t, _, dy) => ({
    loss: twins[kernel]!(x, t, ...more),
    d: twins[`${kernel}_gradient`]!(x, t, dy, ...more) as unknown as Float32Array,
  });
const fromLogits =
  (smoothing: number): Of =>
  (x, t, _, dy) => {
    const { loss, p } = softmax.f32_softmax_cross_entropy(x, t, smoothing);
    return { loss, d: softmax.f32_softmax_cross_entropy_gradient(p, t, smoothing, dy) };
  };

const KERAS: Record<string, Of> = {
  sparse_categorical_crossentropy_logits(x, _, label, dy) {
    const { loss, p } = softmax.f32_sparse_softmax_cross_entropy(x, label, 0);
    return { loss, d: softmax.f32_sparse_softmax_cross_entropy_gradient(p, label, 0, dy) };
  },
  sparse_categorical_crossentropy: (x, _, label, dy) => ({
    loss: twin.f32_sparse_cross_entropy(x, label, 0),
    d: twin.f32_sparse_cross_entropy_gradient(x, label, dy, 0),
  }),
  categorical_crossentropy_logits: fromLogits(0),
  "categorical_crossentropy_smoothing_0.1": fromLogits(0.1),
  categorical_crossentropy_soft: plain("f32_cross_entropy", 0),
  binary_crossentropy_logits: plain("f32_sigmoid_cross_entropy", 0),
  binary_crossentropy: plain("f32_binary_cross_entropy", 0),
  mean_squared_error: plain("f32_mean_squared_error"),
  mean_absolute_error: plain("f32_mean_absolute_error"),
  kl_divergence: plain("f32_kl_divergence"),
  huber: plain("f32_huber", 1),
};

test.each(Object.keys(KERAS))("Keras: %s", name => {
  const v = vectors[name]!;
  const [n, k] = v.prediction.shape as [number, number];
  const sparse = v.target.shape.length === 1;
  let [loss, weighted] = [0, 0];
  for (let i = 0; i < n; i++) {
    const x = Float32Array.from(v.prediction.data.slice(i * k, i * k + k));
    const t = Float32Array.from(v.target.data.slice(i * k, i * k + k));
    const one = KERAS[name]!(x, t, sparse ? v.target.data[i]! : -1, Math.fround(1 / n));
    loss += one.loss / n;
    weighted += (one.loss * v.sampleWeight.data[i]!) / n;
    one.d.forEach((d, j) => {
      const wanted = v.gradient.data[i * k + j]!;
      expect(Math.abs(d - wanted)).toBeLessThan(1e-6 + 2e-5 * Math.abs(wanted));
    });
  }
  expect(loss).toBeCloseTo(v.loss, 5);
  expect(weighted).toBeCloseTo(v.weightedLoss, 5);
});

test("f32-loss: every loss vector of Keras is used", () => {
  const losses = Object.keys(vectors).filter(name => !name.startsWith("regularizer"));
  expect(losses.sort()).toEqual(Object.keys(KERAS).sort());
});
