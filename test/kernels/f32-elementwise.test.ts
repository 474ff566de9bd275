import { expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-elementwise.ts";
import { noise, overVariants } from "./harness.ts";

const SIZES = [1, 3, 4, 5, 11];

overVariants("f32-elementwise", "train", bench => {
  const read = (at: number, n: number) => bench.f32.slice(at / 4, at / 4 + n);

  for (const kernel of ["f32_relu"] as const)
    test.each(SIZES)(`${kernel}, %i elements`, n => {
      bench.reset();
      const x = noise(n, n).map(v => v * 8);
      const y = bench.output(n * 4);
      bench.run(kernel, { n, x: bench.input(x), y });
      expect(read(y, n)).toEqual(x.map(v => twin[kernel](v)));
    });

  for (const kernel of ["f32_add", "f32_sub", "f32_mul"] as const)
    test.each(SIZES)(`${kernel}, %i elements`, n => {
      bench.reset();
      const a = noise(n, n);
      const b = noise(n, n + 1);
      const y = bench.output(n * 4);
      bench.run(kernel, { n, a: bench.input(a), b: bench.input(b), y });
      expect(read(y, n)).toEqual(a.map((v, i) => twin[kernel](v, b[i]!)));
    });

  for (const kernel of ["f32_relu_gradient"] as const)
    test.each(SIZES)(`${kernel}, %i elements`, n => {
      bench.reset();
      const dy = noise(n, n);
      const y = noise(n, n + 7).map((v, i) => (i % 3 === 0 ? 0 : v));
      const dx = bench.output(n * 4);
      bench.run(kernel, { n, dy: bench.input(dy), y: bench.input(y), dx });
      expect(read(dx, n)).toEqual(dy.map((v, i) => twin[kernel](v, y[i]!)));
    });
});
