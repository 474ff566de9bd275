import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-codebook.ts";
import { noise, overVariants } from "./harness.ts";

const SIZES = [
  [1, 1, 1],
  [1, 3, 2],
  [3, 4, 3],
  [2, 5, 16],
  [2, 11, 4],
  [1, 64, 17],
  [2, 37, 31],
  [1, 90, 32],
  [2, 201, 100],
] as const;

/** Weights with zeros, ties between neighbours and numbers far outside. */
const weights = (n: number, values: Float32Array): Float32Array =>
  noise(n, 3).map(
    (v, i) => [v, 0, ((values[0] ?? 0) + (values[1] ?? 0)) / 2, values[i % values.length]!, 40 * v][i % 5]!,
  );

test("f32_codebook: zero stays zero beside the smallest numbers, and a midpoint goes to the smaller value", () => {
  const least = 2 ** -149;
  for (const values of [[-least], [least], [-least, least], [0, -least], [1]])
    expect(twin.f32_codebook([0, -0], values, true).y.map(Math.abs)).toEqual(Float32Array.of(0, 0));
  expect([...twin.f32_codebook([2, 2.1, 1.9, -9], [3, 1], false).index]).toEqual([1, 0, 1, 1]);
});

overVariants("f32_codebook, f32_codebook_gradient", "train", bench => {
  test.each(SIZES.flatMap(size => [false, true].map(zero => [...size, zero] as const)))(
    "f32_codebook and f32_codebook_gradient of %i rows of %i elements, %i values, zero: %s",
    (rows, length, k, zero) => {
      const c = noise(rows * k, 2);
      if (k > 2) c[2] = c[1]!;
      const x = weights(rows * length, c);
      const dy = noise(rows * length, 4);
      const row = (of: Float32Array, r: number, n: number) => of.subarray(r * n, (r + 1) * n);
      const place = () => {
        bench.reset();
        return { rows, length, k, x: bench.input(x), c: bench.input(c) };
      };
      const at = place();
      const [y, index, scratch] = [x.length, x.length, 3 * (k + Number(zero))].map(n => bench.output(4 * n)) as [
        number,
        number,
        number,
      ];
      bench.run("f32_codebook", { ...at, zero: Number(zero), y, index, scratch });
      const found = Array.from({ length: rows }, (_, r) => twin.f32_codebook(row(x, r, length), row(c, r, k), zero));
      const indices = Int32Array.from(found.flatMap(of => [...of.index]));
      expect([...bench.f32.subarray(y / 4, y / 4 + x.length)]).toEqual(found.flatMap(of => [...of.y]));
      expect(bench.i32.slice(index / 4, index / 4 + x.length)).toEqual(indices);
      for (const mean of [false, true]) {
        bench.reset();
        const sizes = { rows, length, k, mean: Number(mean), dy: bench.input(dy), index: bench.input(indices) };
        const [dc, scratch] = [bench.output(4 * c.length), bench.output(4 * k)];
        bench.run("f32_codebook_gradient", { ...sizes, dc, scratch });
        for (let r = 0; r < rows; r++)
          expect(bench.f32.slice(dc / 4 + r * k, dc / 4 + (r + 1) * k)).toEqual(
            twin.f32_codebook_gradient(row(dy, r, length), found[r]!.index, k, mean),
          );
      }
    },
  );
});
