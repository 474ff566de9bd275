import { describe, expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-pool.ts";
import { noise, overVariants } from "./harness.ts";
import { expectGapsUntouched, expectSame, gathered, spread } from "./placing.ts";

const base = { h: 9, w: 8, c: 5, kh: 2, kw: 2, sh: 2, sw: 2, pt: 0, pl: 0, dh: 1, dw: 1, pb: 0, pr: 0, ceil: 0 };

/** oh and ow from the padding below and right, rounded down or up. */
function geometry({ ceil, ...g }: typeof base) {
  const outputs = (size: number, kernel: number, stride: number, dilation: number) =>
    (ceil ? Math.ceil : Math.floor)((size - (kernel - 1) * dilation - 1) / stride) + 1;
  return { ...g, oh: outputs(g.h + g.pt + g.pb, g.kh, g.sh, g.dh), ow: outputs(g.w + g.pl + g.pr, g.kw, g.sw, g.dw) };
}
type Geometry = ReturnType<typeof geometry>;

const cases: Record<string, Partial<typeof base>> = {
  "2 x 2": {},
  "one channel": { c: 1 },
  "three channels": { c: 3 },
  "whole vectors": { c: 8 },
  "vectors and a rest": { c: 19 },
  "overlapping 3 x 3": { kh: 3, kw: 3, sh: 1, sw: 1 },
  "3 x 2, stride 2 x 1, padded all round": { kh: 3, kw: 2, sw: 1, pt: 1, pl: 1, pb: 2, pr: 1, c: 4 },
  "rounded up": { ceil: 1, kh: 3, kw: 3, c: 6 },
  "rounded up and padded": { ceil: 1, kh: 3, kw: 3, pt: 1, pl: 1, pb: 1, pr: 1, c: 9 },
  dilated: { dh: 2, dw: 3, sh: 1, sw: 1, pl: 2, pr: 2 },
  global: { kh: 9, kw: 8, c: 12 },
  "stride over the window": { kh: 1, kw: 2, sh: 3, sw: 3 },
};
const sweep = Object.entries(cases).map(([name, g]) => [name, geometry({ ...base, ...g })] as const);

const N = 3;
const gap = 7;
const sizes = (g: Geometry) => ({ x: g.h * g.w * g.c, y: g.oh * g.ow * g.c });
const plain = ({ pb, pr, ...g }: Geometry) => g;
/** Many ties, with zeros of both signs. */
const steps = (n: number, seed: number) => noise(n, seed).map(v => Math.round(v * 2) / 2);

overVariants("f32-pool", "run", bench => {
  describe.each(sweep)("%s", (_, g) => {
    const size = sizes(g);
    const ys = size.y + gap;
    test("f32_max_pool2d", () => {
      bench.reset();
      const x = noise(N * size.x, 3);
      x[size.x >> 1] = NaN;
      x[0] = NaN;
      x[N * size.x - 1] = -Infinity;
      const y = bench.output((N * ys - gap) * 4);
      const at = bench.input(spread(x, N, size.x + 2));
      bench.run("f32_max_pool2d", { n: N, x: at, xs: (size.x + 2) * 4, y, ys: ys * 4, ...plain(g) });
      expectSame(bench, gathered(bench, y, N, size.y, ys), twin.f32_max_pool2d(N, g as never, x).y);
      expectGapsUntouched(bench, y, N - 1, size.y, ys);
    });
    test.each([0, 1])("f32_average_pool2d, includePad %i", includePad => {
      bench.reset();
      const x = noise(N * size.x, 3);
      const y = bench.output((N * ys - gap) * 4);
      const at = bench.input(spread(x, N, size.x + 2));
      bench.run("f32_average_pool2d", { n: N, x: at, xs: (size.x + 2) * 4, y, ys: ys * 4, ...g, includePad });
      expectSame(bench, gathered(bench, y, N, size.y, ys), twin.f32_average_pool2d(N, { ...g, includePad }, x));
      expectGapsUntouched(bench, y, N - 1, size.y, ys);
    });
  });
});

overVariants("f32-pool", "train", bench => {
  describe.each(sweep)("%s", (_, g) => {
    const size = sizes(g);
    const ys = size.y + gap;
    test("f32_max_pool2d_index and its gradient", () => {
      bench.reset();
      const x = steps(N * size.x, 3);
      x[size.x >> 1] = NaN;
      const y = bench.output((N * ys - gap) * 4);
      const index = bench.output((N * ys - gap) * 4);
      const at = bench.input(spread(x, N, size.x + 2));
      bench.run("f32_max_pool2d_index", {
        n: N,
        x: at,
        xs: (size.x + 2) * 4,
        y,
        ys: ys * 4,
        index,
        is: ys * 4,
        ...plain(g),
      });
      const wanted = twin.f32_max_pool2d(N, g, x);
      expectSame(bench, gathered(bench, y, N, size.y, ys), wanted.y);
      for (let i = 0; i < N; i++)
        expect([...bench.i32.subarray(index / 4 + i * ys, index / 4 + i * ys + size.y)]).toEqual([
          ...wanted.index.subarray(i * size.y, (i + 1) * size.y),
        ]);
      const gy = noise(N * size.y, 7);
      const gxs = size.x + gap;
      const gx = bench.output((N * gxs - gap) * 4);
      bench.run("f32_max_pool2d_gradient", {
        n: N,
        gy: bench.input(spread(gy, N, ys)),
        gys: ys * 4,
        index,
        is: ys * 4,
        gx,
        gxs: gxs * 4,
        inputs: size.x,
        outputs: size.y,
      });
      expectSame(bench, gathered(bench, gx, N, size.x, gxs), twin.f32_max_pool2d_gradient(N, g, gy, wanted.index));
      expectGapsUntouched(bench, gx, N - 1, size.x, gxs);
    });
    test.each([0, 1])("f32_average_pool2d_gradient, includePad %i", includePad => {
      bench.reset();
      const gy = noise(N * size.y, 3);
      const gxs = size.x + gap;
      const gx = bench.output((N * gxs - gap) * 4);
      const at = bench.input(spread(gy, N, ys));
      bench.run("f32_average_pool2d_gradient", { n: N, gy: at, gys: ys * 4, gx, gxs: gxs * 4, ...g, includePad });
      const wanted = twin.f32_average_pool2d_gradient(N, { ...g, includePad }, gy);
      expectSame(bench, gathered(bench, gx, N, size.x, gxs), wanted);
      expectGapsUntouched(bench, gx, N - 1, size.x, gxs);
    });
  });
});
