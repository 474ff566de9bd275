import { describe, expect, test } from "vitest";
import * as twin from "../../src/kernels/reference/f32-pool.ts";
import { noise, overVariants } from "./harness.ts";
import { expectGapsUntouched, expectSame, gathered, spread } from "./placing.ts";

const base = {
  h: 9,
  w: 8,
  c: 5,
  kh: 2,
  kw: 2,
  stride_h: 2,
  stride_w: 2,
  pad_t: 0,
  pad_l: 0,
  dilation_h: 1,
  dilation_w: 1,
  pad_b: 0,
  pad_r: 0,
  ceil: 0,
};

/** oh and ow from the padding below and right, rounded down or up. */
function geometry({ ceil, ...g }: typeof base) {
  const outputs = (size: number, kernel: number, stride: number, dilation: number) =>
    (ceil ? Math.ceil : Math.floor)((size - (kernel - 1) * dilation - 1) / stride) + 1;
  return {
    ...g,
    oh: outputs(g.h + g.pad_t + g.pad_b, g.kh, g.stride_h, g.dilation_h),
    ow: outputs(g.w + g.pad_l + g.pad_r, g.kw, g.stride_w, g.dilation_w),
  };
}
type Geometry = ReturnType<typeof geometry>;

const cases: Record<string, Partial<typeof base>> = {
  "2 x 2": {},
  "one channel": { c: 1 },
  "three channels": { c: 3 },
  "whole vectors": { c: 8 },
  "vectors and a rest": { c: 19 },
  "overlapping 3 x 3": { kh: 3, kw: 3, stride_h: 1, stride_w: 1 },
  "3 x 2, stride 2 x 1, padded all round": { kh: 3, kw: 2, stride_w: 1, pad_t: 1, pad_l: 1, pad_b: 2, pad_r: 1, c: 4 },
  "rounded up": { ceil: 1, kh: 3, kw: 3, c: 6 },
  "rounded up and padded": { ceil: 1, kh: 3, kw: 3, pad_t: 1, pad_l: 1, pad_b: 1, pad_r: 1, c: 9 },
  dilated: { dilation_h: 2, dilation_w: 3, stride_h: 1, stride_w: 1, pad_l: 2, pad_r: 2 },
  global: { kh: 9, kw: 8, c: 12 },
  "stride over the window": { kh: 1, kw: 2, stride_h: 3, stride_w: 3 },
};
const sweep = Object.entries(cases).map(([name, g]) => [name, geometry({ ...base, ...g })] as const);

const N = 3;
const gap = 7;
const sizes = (g: Geometry) => ({ x: g.h * g.w * g.c, y: g.oh * g.ow * g.c });
const plain = ({ pad_b, pad_r, ...g }: Geometry) => g;
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
    test.each([0, 1])("f32_average_pool2d, include_pad %i", include_pad => {
      bench.reset();
      const x = noise(N * size.x, 3);
      const y = bench.output((N * ys - gap) * 4);
      const at = bench.input(spread(x, N, size.x + 2));
      bench.run("f32_average_pool2d", { n: N, x: at, xs: (size.x + 2) * 4, y, ys: ys * 4, ...g, include_pad });
      expectSame(bench, gathered(bench, y, N, size.y, ys), twin.f32_average_pool2d(N, { ...g, include_pad }, x));
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
      const dy = noise(N * size.y, 7);
      const dxs = size.x + gap;
      const dx = bench.output((N * dxs - gap) * 4);
      bench.run("f32_max_pool2d_gradient", {
        n: N,
        dy: bench.input(spread(dy, N, ys)),
        dys: ys * 4,
        index,
        is: ys * 4,
        dx,
        dxs: dxs * 4,
        inputs: size.x,
        outputs: size.y,
      });
      expectSame(bench, gathered(bench, dx, N, size.x, dxs), twin.f32_max_pool2d_gradient(N, g, dy, wanted.index));
      expectGapsUntouched(bench, dx, N - 1, size.x, dxs);
    });
    test.each([0, 1])("f32_average_pool2d_gradient, include_pad %i", include_pad => {
      bench.reset();
      const dy = noise(N * size.y, 3);
      const dxs = size.x + gap;
      const dx = bench.output((N * dxs - gap) * 4);
      const at = bench.input(spread(dy, N, ys));
      bench.run("f32_average_pool2d_gradient", { n: N, dy: at, dys: ys * 4, dx, dxs: dxs * 4, ...g, include_pad });
      const wanted = twin.f32_average_pool2d_gradient(N, { ...g, include_pad }, dy);
      expectSame(bench, gathered(bench, dx, N, size.x, dxs), wanted);
      expectGapsUntouched(bench, dx, N - 1, size.x, dxs);
    });
  });
});
