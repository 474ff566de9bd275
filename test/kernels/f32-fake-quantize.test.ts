import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-fake-quantize.ts";
import { type Bench, noise, overVariants } from "./harness.ts";

/** Outputs and rows: one panel, parts of one, several. */
const SHAPES: readonly (readonly [outputs: number, length: number])[] = [
  [1, 1],
  [7, 3],
  [8, 4],
  [9, 5],
  [19, 11],
];

const LEVELS = [1, 7, 127];

/** Weights of all sizes, [outputs][length]; the second output is zero. */
const weights = (outputs: number, length: number, seed: number): Float32Array =>
  noise(outputs * length, seed).map((v, i) => (Math.floor(i / length) === 1 ? 0 : v * [1, 0.1, 4, -1][i % 4]!));

/** [outputs][length] -> panels of 8 outputs, zeros behind the last one. */
function panels(data: Float32Array, outputs: number, length: number): Float32Array {
  const stored = new Float32Array(Math.ceil(outputs / 8) * 8 * length);
  data.forEach((v, i) => {
    const [o, k] = [Math.floor(i / length), i % length];
    stored[(o >> 3) * length * 8 + k * 8 + (o & 7)] = v;
  });
  return stored;
}

function suite(bench: Bench): void {
  const floats = (at: number, n: number): Float32Array => bench.f32.slice(at / 4, at / 4 + n);

  test.each(SHAPES)("f32_weight_scales and f32_fake_quantize of %i outputs of %i", (outputs, length) => {
    const x = weights(outputs, length, 3);
    const rows = Array.from({ length: outputs }, (_, o) => x.subarray(o * length, (o + 1) * length));
    const padded = Math.ceil(outputs / 8) * 8;
    const at = { outputs, length };
    for (const levels of LEVELS)
      for (const [kernel, single, expected] of [
        ["f32_weight_scales", 0, rows.map(row => twin.f32_weight_scales(row, levels))],
        ["f32_weight_scales", 1, rows.map(() => twin.f32_weight_scales(x, levels))],
        ["f32_ternary_scales", 0, rows.map(twin.f32_ternary_scales)],
        ["f32_ternary_scales", 1, rows.map(() => twin.f32_ternary_scale(rows))],
      ] as const) {
        bench.reset();
        const from = bench.input(panels(x, outputs, length));
        const scale = bench.output(padded * 4);
        bench.run(kernel, { ...at, x: from, y: scale, single, ...(kernel === "f32_weight_scales" && { levels }) });
        expect(floats(scale, outputs)).toEqual(Float32Array.from(expected));
        expect(floats(scale, padded).every(s => s > 0)).toBe(true);
        const y = bench.output(padded * length * 4);
        bench.run("f32_fake_quantize", { ...at, x: from, scale, y, levels });
        const rounded = x.map((v, i) => twin.f32_fake_quantize(v, expected[Math.floor(i / length)]!, levels));
        expect(floats(y, padded * length)).toEqual(panels(rounded, outputs, length));
      }
  });

  if (bench.binary !== "train") return;

  test.each(SHAPES)("f32_learned_scales and the gradients of %i outputs of %i", (outputs, length) => {
    const [x, dy] = [weights(outputs, length, 3), noise(outputs * length, 4)];
    const padded = Math.ceil(outputs / 8) * 8;
    const at = { outputs, length };
    const row = (of: Float32Array, o: number) => of.subarray(o * length, (o + 1) * length);
    for (const levels of LEVELS)
      for (const single of [0, 1]) {
        bench.reset();
        const count = single ? 1 : outputs;
        const step = noise(count, 8).map(v => 1 + v * 1.01);
        const unit = noise(count, 9).map(v => Math.abs(v) / levels + 1e-3);
        const scales = Array.from({ length: outputs }, (_, o) =>
          twin.f32_learned_scales(step[single ? 0 : o]!, unit[single ? 0 : o]!),
        );
        const scale = bench.output(padded * 4);
        const units = bench.input(unit);
        bench.run("f32_learned_scales", { outputs, step: bench.input(step), unit: units, y: scale, single });
        expect(floats(scale, padded)).toEqual(Float32Array.from({ length: padded }, (_, o) => scales[o] ?? 1));
        const from = {
          dy: bench.input(panels(dy, outputs, length)),
          x: bench.input(panels(x, outputs, length)),
          scale,
        };
        const dx = bench.output(padded * length * 4);
        bench.run("f32_fake_quantize_gradient", { ...at, ...from, dx, levels });
        const passed = x.map((v, i) =>
          twin.f32_fake_quantize_gradient(dy[i]!, v, scales[Math.floor(i / length)]!, levels),
        );
        expect(floats(dx, padded * length)).toEqual(panels(passed, outputs, length));
        const y = bench.output(count * 4);
        const gain = Math.fround(0.3);
        bench.run("f32_fake_quantize_step_gradient", { ...at, ...from, unit: units, y, levels, gain, single });
        const sums = scales.map((s, o) => twin.f32_fake_quantize_step_gradient(row(dy, o), row(x, o), s, levels));
        const all = single ? [twin.overOutputs(sums)] : sums;
        expect(floats(y, count)).toEqual(
          Float32Array.from(all, (sum, o) => Math.fround(Math.fround(sum) * gain) / unit[o]!),
        );
      }
  });

  test.each([1, 3, 4, 5, 11])("f32_fake_quantize_activation_gradient of %i elements", n => {
    for (const range of RANGES) {
      bench.reset();
      const [x, dy] = [noise(n, 5).map(v => v * 3), noise(n, 6)];
      const dx = bench.output(n * 4);
      const at = { dy: bench.input(dy), x: bench.input(x), range: bench.input(Float32Array.from(range)) };
      bench.run("f32_fake_quantize_activation_gradient", { n, ...at, dx });
      const stored = Float32Array.from(range);
      expect(floats(dx, n)).toEqual(x.map((v, i) => twin.f32_fake_quantize_activation_gradient(dy[i]!, v, stored)));
    }
  });

  test("f32_no_range, f32_observe_range and f32_move_range: an average of ranges, until the rate is 0", () => {
    for (const start of RANGES) {
      bench.reset();
      const range = bench.output(16);
      bench.f32.set(start, range / 4);
      let wanted = [...Float32Array.from(start)];
      for (const seed of [1, 2, 3]) {
        const x = noise(3 * 8, seed).map((v, i) => (i === 5 ? NaN : v * 4));
        const y = bench.output(8);
        bench.run("f32_no_range", { y });
        expect(floats(y, 2)).toEqual(Float32Array.of(Infinity, -Infinity));
        const at = bench.input(x);
        bench.run("f32_observe_range", { n: 1, x: at, xs: 32, length: 7, range, y });
        bench.run("f32_observe_range", { n: 2, x: at + 32, xs: 32, length: 7, range, y });
        const seen = [...x].filter((v, i) => i % 8 < 7 && !Number.isNaN(v));
        const ends = [Math.min(...seen), Math.max(...seen)];
        if (start[3]) expect([...floats(y, 2)]).toEqual(ends);
        bench.run("f32_move_range", { x: y, range });
        wanted = twin.f32_move_range(wanted, ends);
        expect([...floats(range, 4)]).toEqual(wanted);
      }
    }
  });
}

const RANGES = [
  [0, 0, 0, 0.01],
  [-1, 2, 1, 0.01],
  [0.5, 2, 0.3, 0.25],
  [-3, -1, 1, 0],
  [0, 0, 1, 0],
] as const;

overVariants("f32-fake-quantize", "train", suite);
overVariants("f32-fake-quantize", "run", suite);

for (const binary of ["train", "run"] as const)
  overVariants("f32-fake-quantize of activations", binary, bench => {
    test.each([1, 3, 4, 5, 11])("f32_fake_quantize_activation of %i elements", n => {
      for (const range of RANGES) {
        bench.reset();
        const x = noise(n, 5).map((v, i) => [v * 3, 0, -0, v, 0.5, 1.5][i % 6]!);
        const y = bench.output(n * 4);
        const stored = Float32Array.from(range);
        bench.run("f32_fake_quantize_activation", { n, x: bench.input(x), range: bench.input(stored), y });
        expect(bench.f32.slice(y / 4, y / 4 + n)).toEqual(x.map(v => twin.f32_fake_quantize_activation(v, stored)));
      }
    });
  });
