import { describe, test } from "vitest";
import { pixelAxes, resultAxes, type Window } from "../../src/kernels/i8/offsets.ts";
import { imageOf } from "../../src/kernels/i8/stored.ts";
import * as convolution from "../../src/kernels/reference/f32-conv2d.ts";
import * as product from "../../src/kernels/reference/f32-gemm.ts";
import { offsets } from "../../src/kernels/reference/memory.ts";
import { gathering, pack } from "../../src/kernels/sparse.ts";
import { MODE } from "../../src/kernels/table/f32-gemm.ts";
import { noise, overVariants } from "./harness.ts";
import { expectGapsUntouched, expectSame, gathered, spread, withOutputs } from "./placing.ts";
import { PATTERNS, pruned } from "./sparse.ts";

const base = {
  h: 5,
  w: 4,
  cin: 3,
  cout: 5,
  kh: 1,
  kw: 1,
  stride_h: 1,
  stride_w: 1,
  pad_t: 0,
  pad_l: 0,
  dilation_h: 1,
  dilation_w: 1,
  groups: 1,
  pad_b: 0,
  pad_r: 0,
};

/** Pixels around the tile of 8, outputs around the fours, channels around the chunks of 4. */
const cases: Record<string, Partial<typeof base>> = {
  "one pixel": { h: 1, w: 1, cin: 1, cout: 1 },
  "seven pixels": { h: 1, w: 7, cin: 5, cout: 3 },
  "eight pixels": { h: 2, w: 4, cin: 4, cout: 4 },
  "nine pixels": { h: 3, w: 3, cin: 9, cout: 19 },
  same: { kh: 3, kw: 3, pad_t: 1, pad_l: 1, pad_b: 1, pad_r: 1, cout: 8 },
  "stride 2, padded": { h: 7, w: 7, kh: 3, kw: 3, stride_h: 2, stride_w: 2, pad_t: 1, pad_l: 1, pad_b: 1, pad_r: 1 },
  "four different pads": { kh: 3, kw: 2, pad_t: 2, pad_l: 0, pad_b: 1, pad_r: 3, cout: 6 },
  "dilation 2 by 3": { h: 7, w: 9, kh: 2, kw: 3, dilation_h: 2, dilation_w: 3 },
  "last pixels unused": { h: 6, w: 8, kh: 2, kw: 2, stride_h: 3, stride_w: 3 },
};
const sweep = Object.entries(cases).map(([name, c]) => {
  const g = { ...base, ...c };
  return [name, withOutputs(g), [g.pad_t, g.pad_l, g.pad_b, g.pad_r] as const] as const;
});

const N = 2;
const gap = 7;
const modes = [MODE.plain, MODE.bias, MODE.biasRelu];

overVariants("f32-sparse", "run", bench => {
  describe.each(sweep)("%s", (_, g, pads) => {
    test.each(PATTERNS.flatMap(pattern => modes.map(mode => [pattern, mode] as const)))(
      "f32_sparse_conv2d, %s, mode %i",
      (pattern, mode) => {
        bench.reset();
        const [each, size] = [g.h * g.w * g.cin, g.oh * g.ow * g.cout];
        const length = g.kh * g.kw * g.cin;
        const x = noise(N * each, 3);
        const data = pruned(noise(g.cout * length, 4), g.cout, pattern);
        const aux = noise(g.cout, 5);
        const window: Window = {
          kernel: [g.kh, g.kw],
          strides: [g.stride_h, g.stride_w],
          dilations: [g.dilation_h, g.dilation_w],
          pads,
        };
        const image = imageOf([g.h, g.w, g.cin], 4, pads);
        const result = imageOf([g.oh, g.ow, g.cout], 4);
        const padded = pads.some(pad => pad > 0);
        const matrix = { data, cout: g.cout, length };
        const { chunks, rows, scratch } = gathering(image, window);
        const ys = size + gap;
        const y = bench.output((N * ys - gap) * 4);
        bench.run("f32_sparse_conv2d", {
          n: N,
          x: bench.input(spread(x, N, each + 2)),
          xs: (each + 2) * 4,
          weight: bench.input(pack(matrix, { inputs: 1, outputs: 1 }, 4, rows)),
          chunks: chunks.length,
          places: bench.input(chunks),
          count: g.oh * g.ow,
          pixels: bench.input(offsets(pixelAxes(image, result, window))),
          results: bench.input(offsets(resultAxes(result))),
          y,
          ys: ys * 4,
          cout: g.cout,
          mode,
          aux: bench.input(aux),
          ...{ h: g.h, w: g.w, pixel: image.pixelStride, pad_t: g.pad_t, pad_l: g.pad_l },
          rows: padded ? image.bytes / image.rowStride : 0,
          columns: image.rowStride / image.pixelStride,
          scratch: bench.output(scratch + (padded ? image.bytes : 0)),
        });
        expectSame(bench, gathered(bench, y, N, size, ys), convolution.f32_conv2d(N, g, mode, x, data, aux));
        expectGapsUntouched(bench, y, N, size, ys);
      },
    );
  });

  const SIZES = [1, 4, 15, 16, 17, 35].flatMap(cout => [1, 5, 37].map(k => [k, cout] as const));
  describe.each(SIZES)("%i inputs to %i outputs", (k, cout) => {
    test.each(PATTERNS.map((pattern, i) => [pattern, modes[i % 3]!] as const))(
      "f32_sparse_dense, %s, mode %i",
      (pattern, mode) => {
        bench.reset();
        const x = noise(N * k, 3);
        const data = pruned(noise(cout * k, 4), cout, pattern);
        const aux = noise(cout, 5);
        const ys = cout + gap;
        const y = bench.output((N * ys - gap) * 4);
        const matrix = { data, cout, length: k };
        bench.run("f32_sparse_dense", {
          n: N,
          x: bench.input(spread(x, N, k + 2)),
          xs: (k + 2) * 4,
          weight: bench.input(pack(matrix, { inputs: 1, outputs: 16 }, 16)),
          y,
          ys: ys * 4,
          cout,
          mode,
          aux: bench.input(aux),
        });
        expectSame(bench, gathered(bench, y, N, cout, ys), product.f32_gemm({ m: N, n: cout, k, mode }, x, data, aux));
        expectGapsUntouched(bench, y, N, cout, ys);
      },
    );
  });
});
