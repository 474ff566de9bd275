import { describe, test } from "vitest";
import { taps } from "../../src/kernels/layout.ts";
import * as twin from "../../src/kernels/reference/f32-depthwise.ts";
import { type DepthwiseGeometry, depthwiseScratch } from "../../src/kernels/table/f32-depthwise.ts";
import { MODE } from "../../src/kernels/table/f32-gemm.ts";
import { noise, overVariants } from "./harness.ts";
import { expectGapsUntouched, expectSame, gathered, spread, stored, withOutputs } from "./placing.ts";

const base = {
  h: 9,
  w: 8,
  cin: 3,
  multiplier: 1,
  kh: 3,
  kw: 3,
  stride_h: 1,
  stride_w: 1,
  pad_t: 0,
  pad_l: 0,
  dilation_h: 1,
  dilation_w: 1,
  pad_b: 0,
  pad_r: 0,
};

const cases: Record<string, Partial<typeof base>> = {
  valid: {},
  cropped: { pad_t: -1, pad_l: -2, pad_b: -1, pad_r: -1, h: 11, w: 12 },
  "cropped and padded": { pad_t: -1, pad_l: 2, pad_b: 1, pad_r: -2, stride_w: 2 },
  "whole vectors": { cin: 8 },
  "vectors and a rest": { cin: 19 },
  "one channel": { cin: 1 },
  same: { cin: 7, pad_t: 1, pad_l: 1, pad_b: 1, pad_r: 1 },
  "four different pads, stride 2": { cin: 9, pad_t: 2, pad_l: 0, pad_b: 1, pad_r: 3, stride_h: 2, stride_w: 2 },
  "dilation 2 by 3, stride 2": {
    dilation_h: 2,
    dilation_w: 3,
    stride_h: 2,
    stride_w: 2,
    pad_t: 1,
    pad_l: 3,
    pad_r: 3,
    cin: 5,
  },
  "stride over the kernel": { kh: 2, kw: 1, stride_h: 3, stride_w: 3, cin: 4 },
  "multiplier 2": { multiplier: 2, cin: 5 },
  "multiplier 3, padded": { multiplier: 3, cin: 4, pad_t: 1, pad_l: 2, pad_b: 2, pad_r: 1 },
  "one output pixel": { kh: 9, kw: 8, cin: 6 },
};
const sweep = Object.entries(cases).map(([name, g]) => [name, withOutputs({ ...base, ...g })] as const);

const N = 3;
const gap = 7;
const weightShape = (g: DepthwiseGeometry) => [g.cin * g.multiplier, g.kh, g.kw, 1];
const sizes = (g: DepthwiseGeometry) => ({
  x: g.h * g.w * g.cin,
  y: g.oh * g.ow * g.cin * g.multiplier,
  out: g.cin * g.multiplier,
  weight: g.cin * g.multiplier * g.kh * g.kw,
});

overVariants("f32-depthwise", "run", bench => {
  describe.each(sweep)("%s", (_, g) => {
    test.each(Object.entries(MODE))("f32_depthwise, mode %s", (_, mode) => {
      bench.reset();
      const size = sizes(g);
      const x = noise(N * size.x, 3);
      const weight = noise(size.weight, 4);
      const aux = noise(mode === MODE.mask ? N * size.y : size.out, 5);
      const ys = size.y + gap;
      const y = bench.output((N * ys - gap) * 4);
      const scratch = bench.output(depthwiseScratch(g));
      bench.run("f32_depthwise", {
        n: N,
        x: bench.input(spread(x, N, size.x + 2)),
        xs: (size.x + 2) * 4,
        weight: bench.input(stored(taps, weightShape(g), weight)),
        y,
        ys: ys * 4,
        mode,
        aux: bench.input(mode === MODE.mask ? spread(aux, N, ys) : aux),
        ...g,
        scratch,
      });
      expectSame(bench, gathered(bench, y, N, size.y, ys), twin.f32_depthwise(N, g, mode, x, weight, aux));
      expectGapsUntouched(bench, y, N - 1, size.y, ys);
    });
  });
});

overVariants("f32-depthwise", "train", bench => {
  test.each(sweep)("f32_depthwise_input_gradient, %s", (_, g) => {
    bench.reset();
    const size = sizes(g);
    const dy = noise(N * size.y, 3);
    const weight = noise(size.weight, 4);
    const dxs = size.x + gap;
    const dx = bench.output((N * dxs - gap) * 4);
    bench.run("f32_depthwise_input_gradient", {
      n: N,
      dy: bench.input(spread(dy, N, size.y + 2)),
      dys: (size.y + 2) * 4,
      weight: bench.input(stored(taps, weightShape(g), weight)),
      dx,
      dxs: dxs * 4,
      ...g,
    });
    expectSame(bench, gathered(bench, dx, N, size.x, dxs), twin.f32_depthwise_input_gradient(N, g, dy, weight));
    expectGapsUntouched(bench, dx, N - 1, size.x, dxs);
  });

  test.each(sweep)("f32_depthwise_weight_gradient, %s", (_, g) => {
    bench.reset();
    const size = sizes(g);
    const padded = Math.ceil(size.out / 8) * 8;
    const x = noise(N * size.x, 3);
    const dy = noise(N * size.y, 4);
    const dw = bench.output(taps.bytes(weightShape(g), "f32"));
    const db = bench.output(padded * 4);
    const scratch = bench.output(depthwiseScratch(g));
    const [xs, dys] = [(size.x + 2) * 4, (size.y + 3) * 4];
    const [xAt, gyAt] = [bench.input(spread(x, N, size.x + 2)), bench.input(spread(dy, N, size.y + 3))];
    const wantedW = new Float32Array(size.weight);
    const wantedB = new Float32Array(size.out);
    const check = () => {
      const wanted = stored(taps, weightShape(g), wantedW);
      expectSame(bench, bench.f32.slice(dw / 4, dw / 4 + wanted.length), wanted);
      expectSame(bench, bench.f32.slice(db / 4, db / 4 + padded), stored(taps, [size.out, 1, 1, 1], wantedB));
    };
    const call = (from: number, n: number, accumulate: number) =>
      bench.run("f32_depthwise_weight_gradient", {
        n,
        x: xAt + from * xs,
        xs,
        dy: gyAt + from * dys,
        dys,
        dw,
        db,
        accumulate,
        ...g,
        scratch,
      });
    call(0, N, 0);
    twin.f32_depthwise_weight_gradient(N, g, x, dy, wantedW, wantedB);
    check();
    call(0, 1, 1);
    call(1, N - 1, 1);
    twin.f32_depthwise_weight_gradient(N, g, x, dy, wantedW, wantedB);
    check();
  });
});
