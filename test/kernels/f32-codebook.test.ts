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
] as const;

/** Weights with zeros, ties between neighbours and numbers far outside. */
const weights = (n: number, values: Float32Array): Float32Array =>
  noise(n, 3).map(
    (v, i) => [v, 0, ((values[0] ?? 0) + (values[1] ?? 0)) / 2, values[i % values.length]!, 40 * v][i % 5]!,
  );

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
        return { rows, length, k, zero: Number(zero), x: bench.input(x), c: bench.input(c) };
      };
      const sizes = place();
      const y = bench.output(4 * x.length);
      bench.run("f32_codebook", { ...sizes, y });
      const expected = [...x].map((v, i) => twin.f32_codebook(v, row(c, Math.floor(i / length), k), zero));
      expect([...bench.f32.subarray(y / 4, y / 4 + x.length)]).toEqual(expected);
      for (const mean of [false, true]) {
        const sizes = { ...place(), mean: Number(mean), dy: bench.input(dy) };
        const [dc, scratch] = [bench.output(4 * c.length), bench.output(4 * k)];
        bench.run("f32_codebook_gradient", { ...sizes, dc, scratch });
        for (let r = 0; r < rows; r++)
          expect(bench.f32.slice(dc / 4 + r * k, dc / 4 + (r + 1) * k)).toEqual(
            twin.f32_codebook_gradient(row(dy, r, length), row(x, r, length), row(c, r, k), { zero, mean }),
          );
      }
    },
  );
});
