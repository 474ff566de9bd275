import { expect, test } from "vitest";
import { u8_rescale } from "../../src/kernels/reference/u8-rescale.ts";
import { overVariants } from "./harness.ts";

overVariants("u8-rescale", "run", bench => {
  test.each([1, 3, 4, 5, 11, 16])("%i bytes of an image", k => {
    bench.reset();
    const n = 3;
    const xs = k + 5;
    const ys = Math.ceil(k / 8) * 8 + 8;
    const x = Uint8Array.from({ length: n * xs }, (_, i) => (i * 89 + 7) & 255);
    const y = bench.output(n * ys * 4);
    bench.run("u8_rescale", { n, x: bench.input(x), xs, y, ys: ys * 4, k, scale: 1 / 255, offset: -0.5 });
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < k; j++) expect(bench.f32[y / 4 + i * ys + j]).toBe(u8_rescale(x[i * xs + j]!, 1 / 255, -0.5));
      for (let j = k; j % 8; j++) expect(bench.f32[y / 4 + i * ys + j]).toBe(0);
    }
  });
});
