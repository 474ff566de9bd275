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
  sh: 1,
  sw: 1,
  pt: 0,
  pl: 0,
  dh: 1,
  dw: 1,
  groups: 1,
  pb: 0,
  pr: 0,
};

const cases: Record<string, Partial<typeof base>> = {
  valid: {},
  cropped: { pt: -1, pl: -2, pb: -1, pr: -1, h: 11, w: 12 },
  "cropped and padded": { pt: -1, pl: 2, pb: 1, pr: -2, sw: 2 },
  "one input channel, 5 x 5": { cin: 1, cout: 6, kh: 5, kw: 5 },
  "whole panels": { cin: 8, cout: 16 },
  "panels and a rest": { cin: 9, cout: 19 },
  pointwise: { kh: 1, kw: 1, cin: 10, cout: 12 },
  "pointwise, stride 2": { kh: 1, kw: 1, cin: 10, cout: 12, sh: 2, sw: 2 },
  "one output pixel": { kh: 9, kw: 8 },
  "three output pixels": { kh: 7, kw: 8 },
  "one row of input": { h: 1, kh: 1, kw: 4 },
  same: { pt: 1, pl: 1, pb: 1, pr: 1 },
  "four different pads": { pt: 2, pl: 0, pb: 1, pr: 3 },
  "padding without a kernel": { kh: 1, kw: 1, pt: 1, pl: 2, pb: 0, pr: 1 },
  "stride 2": { sh: 2, sw: 2 },
  "stride 3 by 2, last pixels unused": { sh: 3, sw: 2, pt: 1, w: 9 },
  "stride over the kernel": { kh: 2, kw: 1, sh: 3, sw: 3 },
  "dilation 2": { dh: 2, dw: 2, pt: 2, pl: 2, pb: 2, pr: 2 },
  "dilation 2 by 3, stride 2": { dh: 2, dw: 3, sh: 2, sw: 2, pt: 1, pl: 3, pr: 3 },
  "dilation 4, stride 2: one phase": { dh: 4, dw: 2, sh: 2, sw: 2, kh: 2 },
  "groups, 4 outputs each": { cin: 6, cout: 12, groups: 3, pt: 1, pl: 1 },
  "groups of one channel": { cin: 9, cout: 18, groups: 9 },
  "groups of whole panels": { cin: 16, cout: 16, groups: 2, sh: 2, sw: 2, pt: 1 },
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
    const gy = noise(N * size.y, 3);
    const weight = noise(size.weight, 4);
    const gxs = size.x + gap;
    const gx = bench.output((N * gxs - gap) * 4);
    const scratch = bench.output(conv2dInputGradientScratch(g));
    const inPanels = bench.output(inputPanels.bytes(weightShape(g), "f32"));
    const [out, taps, cin] = [g.cout, g.kh * g.kw, g.cin / g.groups];
    bench.run("f32_conv2d_input_panels", {
      out,
      taps,
      cin,
      x: bench.input(stored(panels, weightShape(g), weight)),
      y: inPanels,
    });
    const wantedPanels = stored(inputPanels, weightShape(g), weight);
    expect(bench.f32.slice(inPanels / 4, inPanels / 4 + wantedPanels.length)).toEqual(wantedPanels);
    bench.run("f32_conv2d_input_gradient", {
      n: N,
      gy: bench.input(spread(gy, N, size.y + 2)),
      gys: (size.y + 2) * 4,
      weight: inPanels,
      gx,
      gxs: gxs * 4,
      ...g,
      scratch,
    });
    expectSame(bench, gathered(bench, gx, N, size.x, gxs), twin.f32_conv2d_input_gradient(N, g, gy, weight));
    expectGapsUntouched(bench, gx, N - 1, size.x, gxs);
  });

  test.each(sweep)("f32_conv2d_weight_gradient, %s", (_, g) => {
    bench.reset();
    const size = sizes(g);
    const padded = Math.ceil(g.cout / 8) * 8;
    const x = noise(N * size.x, 3);
    const gy = noise(N * size.y, 4);
    const gw = bench.output(panels.bytes(weightShape(g), "f32"));
    const gb = bench.output(padded * 4);
    const scratch = bench.output(conv2dScratch(g));
    const [xs, gys] = [(size.x + 2) * 4, (size.y + 3) * 4];
    const [xAt, gyAt] = [bench.input(spread(x, N, size.x + 2)), bench.input(spread(gy, N, size.y + 3))];
    const wantedW = new Float32Array(size.weight);
    const wantedB = new Float32Array(g.cout);
    const check = () => {
      const wanted = stored(panels, weightShape(g), wantedW);
      expectSame(bench, bench.f32.slice(gw / 4, gw / 4 + wanted.length), wanted);
      expectSame(bench, bench.f32.slice(gb / 4, gb / 4 + padded), stored(panels, [g.cout, 1], wantedB));
    };
    const call = (from: number, n: number, accumulate: number) =>
      bench.run("f32_conv2d_weight_gradient", {
        n,
        x: xAt + from * xs,
        xs,
        gy: gyAt + from * gys,
        gys,
        gw,
        gb,
        accumulate,
        ...g,
        scratch,
      });
    call(0, N, 0);
    twin.f32_conv2d_weight_gradient(N, g, x, gy, wantedW, wantedB);
    check();
    // in two parts the bits are those of one sum
    call(0, 1, 1);
    call(1, N - 1, 1);
    twin.f32_conv2d_weight_gradient(N, g, x, gy, wantedW, wantedB);
    check();
  });
});
