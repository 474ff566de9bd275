import { expect, test } from "vitest";
import { NO_HALO, storedBytes } from "../../src/kernels/i8/stored.ts";
import * as twin from "../../src/kernels/reference/i8-reduce.ts";
import { overVariants } from "./harness.ts";
import { bytes, fromStored, storedImages } from "./i8.ts";

overVariants("i8-reduce", "run", bench => {
  const sizes = [1, 2, 7];
  const cases = sizes.flatMap(outer =>
    sizes.flatMap(length => [1, 7, 8, 9, 19].map(inner => [outer, length, inner] as const)),
  );
  test.each(cases)("mean of %i x %i x %i over the middle", (outer, length, inner) => {
    bench.reset();
    const size = storedBytes(bench.variant);
    const images = [5, 6].map(seed => bytes(outer * length * inner, seed, bench, false));
    const xs = images[0]!.length * size + 12;
    const ys = outer * inner * size + 4;
    const x = bench.input(storedImages(bench, images, [images[0]!.length], NO_HALO, 0, xs));
    const y = bench.output(ys + outer * inner * size);
    const scale = Math.fround(0.9 / length);
    const offset = Math.fround(11 + 7 * length * scale);
    bench.run("i8_mean", { n: 2, x, xs, y, ys, outer, length, inner, scale, offset });
    images.forEach((image, n) => {
      const expected = twin.i8_mean(image, { outer, length, inner }, scale, offset);
      expect([...fromStored(bench, y + n * ys, [outer * inner])]).toEqual([...expected]);
    });
  });
});
