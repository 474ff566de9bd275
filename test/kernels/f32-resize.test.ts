import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-resize.ts";
import { type Bench, noise, overVariants } from "./harness.ts";
import { expectGapsUntouched, expectSame, gathered, spread } from "./placing.ts";

const ROWS = [
  [0, 1, 0],
  [0, 1, 0.25],
  [1, 2, 0.99],
  [2, 2, 0.5],
] as const;
const COLUMNS = [
  [1, 0, 1],
  [0, 1, 0.1],
  [1, 1, 0.3],
] as const;
const [H, W, N, GAP] = [3, 2, 2, 5];

function table(bench: Bench, list: readonly (readonly [number, number, number])[], pitch: number): number {
  const words = new Int32Array(list.length * 3);
  const floats = new Float32Array(words.buffer);
  list.forEach(([a, b, share], i) => {
    words[3 * i] = a * pitch;
    words[3 * i + 1] = b * pitch;
    floats[3 * i + 2] = share;
  });
  return bench.input(words);
}

const tables = (bench: Bench, channels: number) => ({
  oh: ROWS.length,
  ow: COLUMNS.length,
  c: channels,
  rows: table(bench, ROWS, W * channels * 4),
  columns: table(bench, COLUMNS, channels * 4),
});

for (const binary of ["run", "train"] as const)
  overVariants("f32-resize", binary, bench => {
    test.each([1, 3, 4, 5, 11])("bilinear, %i channels", channels => {
      bench.reset();
      const [from, to] = [H * W * channels, ROWS.length * COLUMNS.length * channels];
      const x = noise(N * from, 3);
      const ys = to + GAP;
      const args = {
        n: N,
        x: bench.input(spread(x, N, from + GAP)),
        xs: (from + GAP) * 4,
        y: bench.output(N * ys * 4),
        ys: ys * 4,
        ...tables(bench, channels),
      };
      bench.run("f32_resize_bilinear", args);
      const expected = Float32Array.from(
        Array.from({ length: N }, (_, n) => [
          ...twin.f32_resize_bilinear(x.subarray(n * from, (n + 1) * from), [W, channels], ROWS, COLUMNS),
        ]).flat(),
      );
      expectSame(bench, gathered(bench, args.y, N, to, ys), expected);
      expectGapsUntouched(bench, args.y, N, to, ys);
    });
  });

overVariants("f32-resize", "train", bench => {
  test.each([1, 3, 4, 5, 11])("gradient, %i channels", channels => {
    bench.reset();
    const [to, from] = [H * W * channels, ROWS.length * COLUMNS.length * channels];
    const dy = noise(N * from, 5);
    const before = noise(N * to, 6);
    const dx = bench.output(N * to * 4);
    bench.f32.set(before, dx / 4);
    const args = { n: N, dy: bench.input(dy), dys: from * 4, dx, dxs: to * 4, ...tables(bench, channels) };
    bench.run("f32_resize_bilinear_gradient", args);
    for (let n = 0; n < N; n++) {
      const expected = before.slice(n * to, (n + 1) * to);
      twin.f32_resize_bilinear_gradient(dy.subarray(n * from, (n + 1) * from), expected, [W, channels], ROWS, COLUMNS);
      const got = bench.f32.slice(dx / 4 + n * to, dx / 4 + (n + 1) * to);
      expectSame(bench, got, expected);
      expect(got.some((v, i) => v !== before[n * to + i])).toBe(true);
    }
  });
});
