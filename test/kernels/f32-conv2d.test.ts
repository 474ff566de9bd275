import { describe, expect, test } from "vitest";
import { inputPanels, panels } from "../../src/kernels/layout.ts";
import * as twin from "../../src/kernels/reference/f32-conv2d.ts";
import { type Conv2dGeometry, conv2dInputGradientScratch, conv2dScratch } from "../../src/kernels/table/f32-conv2d.ts";
import { MODE } from "../../src/kernels/table/f32-gemm.ts";
import { noise, overVariants } from "./harness.ts";
import { expectGapsUntouched, expectSame, gathered, spread, stored, withOutputs } from "./placing.ts";

const base = {
  h: 9,
  w: 8,
  cin: 3,
  cout: 5,
  kh: 3,
  kw: 3,
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

const cases: Record<string, Partial<typeof base>> = {
  valid: {},
  cropped: { pad_t: -1, pad_l: -2, pad_b: -1, pad_r: -1, h: 11, w: 12 },
  "cropped and padded": { pad_t: -1, pad_l: 2, pad_b: 1, pad_r: -2, stride_w: 2 },
  "one input channel, 5 x 5": { cin: 1, cout: 6, kh: 5, kw: 5 },
  "whole panels": { cin: 8, cout: 16 },
  "panels and a rest": { cin: 9, cout: 19 },
  pointwise: { kh: 1, kw: 1, cin: 10, cout: 12 },
  "pointwise, stride 2": { kh: 1, kw: 1, cin: 10, cout: 12, stride_h: 2, stride_w: 2 },
  "one output pixel": { kh: 9, kw: 8 },
  "three output pixels": { kh: 7, kw: 8 },
  "one row of input": { h: 1, kh: 1, kw: 4 },
  same: { pad_t: 1, pad_l: 1, pad_b: 1, pad_r: 1 },
  "four different pads": { pad_t: 2, pad_l: 0, pad_b: 1, pad_r: 3 },
  "padding without a kernel": { kh: 1, kw: 1, pad_t: 1, pad_l: 2, pad_b: 0, pad_r: 1 },
  "stride 2": { stride_h: 2, stride_w: 2 },
  "stride 3 by 2, last pixels unused": { stride_h: 3, stride_w: 2, pad_t: 1, w: 9 },
  "stride over the kernel": { kh: 2, kw: 1, stride_h: 3, stride_w: 3 },
  "dilation 2": { dilation_h: 2, dilation_w: 2, pad_t: 2, pad_l: 2, pad_b: 2, pad_r: 2 },
  "dilation 2 by 3, stride 2": { dilation_h: 2, dilation_w: 3, stride_h: 2, stride_w: 2, pad_t: 1, pad_l: 3, pad_r: 3 },
  "dilation 4, stride 2: one phase": { dilation_h: 4, dilation_w: 2, stride_h: 2, stride_w: 2, kh: 2 },
  "groups, 4 outputs each": { cin: 6, cout: 12, groups: 3, pad_t: 1, pad_l: 1 },
  "groups of one channel": { cin: 9, cout: 18, groups: 9 },
  "groups of whole panels": { cin: 16, cout: 16, groups: 2, stride_h: 2, stride_w: 2, pad_t: 1 },
};
const sweep = Object.entries(cases).map(([name, g]) => [name, withOutputs({ ...base, ...g })] as const);

const N = 3;
const gap = 7;
const weightShape = (g: Conv2dGeometry) => [g.cout, g.kh, g.kw, g.cin / g.groups];
const sizes = (g: Conv2dGeometry) => ({
  x: g.h * g.w * g.cin,
  y: g.oh * g.ow * g.cout,
  weight: g.cout * g.kh * g.kw * (g.cin / g.groups),
});

overVariants("f32-conv2d", "run", bench => {
  describe.each(sweep)("%s", (_, g) => {
    test.each(Object.entries(MODE))("f32_conv2d, mode %s", (_, mode) => {
      bench.reset();
      const size = sizes(g);
      const x = noise(N * size.x, 3);
      const weight = noise(size.weight, 4);
      const aux = noise(mode === MODE.mask ? N * size.y : g.cout, 5);
      const ys = size.y + gap;
      const y = bench.output((N * ys - gap) * 4);
      const scratch = bench.output(conv2dScratch(g));
      bench.run("f32_conv2d", {
        n: N,
        x: bench.input(spread(x, N, size.x + 2)),
        xs: (size.x + 2) * 4,
        weight: bench.input(stored(panels, weightShape(g), weight)),
        y,
        ys: ys * 4,
        mode,
        aux: bench.input(mode === MODE.mask ? spread(aux, N, ys) : aux),
        ...g,
        scratch,
      });
      expectSame(bench, gathered(bench, y, N, size.y, ys), twin.f32_conv2d(N, g, mode, x, weight, aux));
      expectGapsUntouched(bench, y, N - 1, size.y, ys);
    });
  });
});

overVariants("f32-conv2d", "train", bench => {
  test.each(sweep)("f32_conv2d_input_gradient, %s", (_, g) => {
    bench.reset();
    const size = sizes(g);
    const dy = noise(N * size.y, 3);
    const weight = noise(size.weight, 4);
    const dxs = size.x + gap;
    const dx = bench.output((N * dxs - gap) * 4);
    const scratch = bench.output(conv2dInputGradientScratch(g));
    const inPanels = bench.output(inputPanels.bytes(weightShape(g), "f32"));
    const [out, taps, cin] = [g.cout, g.kh * g.kw, g.cin / g.groups];
    bench.run("f32_conv2d_input_panels", {
      cout: out,
      taps,
      cin,
      x: bench.input(stored(panels, weightShape(g), weight)),
      y: inPanels,
    });
    const wantedPanels = stored(inputPanels, weightShape(g), weight);
    expect(bench.f32.slice(inPanels / 4, inPanels / 4 + wantedPanels.length)).toEqual(wantedPanels);
    bench.run("f32_conv2d_input_gradient", {
      n: N,
      dy: bench.input(spread(dy, N, size.y + 2)),
      dys: (size.y + 2) * 4,
      weight: inPanels,
      dx,
      dxs: dxs * 4,
      ...g,
      scratch,
    });
    expectSame(bench, gathered(bench, dx, N, size.x, dxs), twin.f32_conv2d_input_gradient(N, g, dy, weight));
    expectGapsUntouched(bench, dx, N - 1, size.x, dxs);
  });

  test.each(sweep)("f32_conv2d_weight_gradient, %s", (_, g) => {
    bench.reset();
    const size = sizes(g);
    const padded = Math.ceil(g.cout / 8) * 8;
    const x = noise(N * size.x, 3);
    const dy = noise(N * size.y, 4);
    const dw = bench.output(panels.bytes(weightShape(g), "f32"));
    const db = bench.output(padded * 4);
    const scratch = bench.output(conv2dScratch(g));
    const [xs, dys] = [(size.x + 2) * 4, (size.y + 3) * 4];
    const [xAt, gyAt] = [bench.input(spread(x, N, size.x + 2)), bench.input(spread(dy, N, size.y + 3))];
    const wantedW = new Float32Array(size.weight);
    const wantedB = new Float32Array(g.cout);
    const check = () => {
      const wanted = stored(panels, weightShape(g), wantedW);
      expectSame(bench, bench.f32.slice(dw / 4, dw / 4 + wanted.length), wanted);
      expectSame(bench, bench.f32.slice(db / 4, db / 4 + padded), stored(panels, [g.cout, 1], wantedB));
    };
    const call = (from: number, n: number, accumulate: number) =>
      bench.run("f32_conv2d_weight_gradient", {
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
    twin.f32_conv2d_weight_gradient(N, g, x, dy, wantedW, wantedB);
    check();
    // in two parts the bits are those of one sum
    call(0, 1, 1);
    call(1, N - 1, 1);
    twin.f32_conv2d_weight_gradient(N, g, x, dy, wantedW, wantedB);
    check();
  });
});
