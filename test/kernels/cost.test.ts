import { expect, test } from "vitest";
import { fitCosts, miss } from "../../scripts/costs/fit.ts";
import { type Costs, cheapest } from "../../src/kernels/cost/cheapest.ts";
import { i8Conv2d } from "../../src/kernels/cost/i8-conv2d.ts";
import { i8Conv2dMaxPool2d } from "../../src/kernels/cost/i8-conv2d-max-pool2d.ts";
import { directWork } from "../../src/kernels/i8/conv2d.ts";
import { oneChannelWork } from "../../src/kernels/i8/conv2d-1c.ts";
import { firWork } from "../../src/kernels/i8/conv2d-fir.ts";
import { winogradFits, winogradWork } from "../../src/kernels/i8/conv2d-winograd.ts";
import { groupsOf } from "../../src/kernels/i8/panels.ts";
import type { Variant } from "../../src/kernels/load.ts";
import { algorithmFor } from "../../src/ops/fused/conv2d-relu-max-pool2d.ts";

const shape = { oh: 16, ow: 16, cin: 32, cout: 32, kh: 3, kw: 3, stride_h: 1, stride_w: 1 };
type Size = typeof shape;

const groups = (variant: Variant, { kh, kw, cin }: Size) => groupsOf(variant, kh, kw * cin);

/** The algorithm of a convolution. */
const unpooled = (variant: Variant, size: Size) =>
  cheapest(i8Conv2d[variant], {
    winograd: winogradWork(size),
    direct: directWork(size.oh * size.ow, size.cout, groups(variant, size)),
  });

/** The algorithm of one with a pool. */
const pooled = (variant: Variant, size: Size) =>
  cheapest(i8Conv2dMaxPool2d[variant], {
    oneChannel: oneChannelWork(variant, size),
    fir: firWork(size),
    direct: directWork(4 * size.oh * size.ow, size.cout, groups(variant, size)),
  });

test("cheapest sums up costs, takes the first of equals, and leaves out what has no costs or no work", () => {
  const costs: Costs<"a" | "b" | "c" | "d"> = { a: [2, 1], b: [3], c: [0] };
  const works = { a: [1, 2], b: [1], c: undefined, d: [0] };
  expect(cheapest(costs, works)).toBe("b");
  expect(cheapest({ a: [1], b: [1] }, { b: [1], a: [1] })).toBe("a");
  expect(cheapest(costs, {})).toBeUndefined();
  expect(cheapest({ a: [1] }, { a: [Number.NaN] })).toBeUndefined();
});

test("i8Conv2d takes Winograd where it fits and pays", () => {
  expect(unpooled("simd", shape)).toBe("winograd");
  expect(unpooled("relaxed", shape)).toBe("winograd");
  for (const odd of [{ oh: 3 }, { ow: 3 }, { cin: 7 }, { cin: 228 }, { cout: 7 }]) {
    expect(winogradFits({ ...shape, ...odd })).toBe(false);
    expect(unpooled("simd", { ...shape, ...odd })).toBe("direct");
  }
  // most of a second tile in either direction is thrown away, and the relaxed dot product takes twice as many taps
  expect(unpooled("relaxed", { ...shape, oh: 5, ow: 5 })).toBe("direct");
  expect(unpooled("relaxed", { ...shape, cin: 8, cout: 8 })).toBe("direct");
});

test("i8Conv2dMaxPool2d takes fast FIR where it saves more than its planes cost, in the plain variant alone", () => {
  const lenet = { oh: 4, ow: 4, cin: 6, cout: 16, kh: 5, kw: 5, stride_h: 1, stride_w: 1 };
  expect(pooled("simd", lenet)).toBe("fir");
  expect(pooled("relaxed", lenet)).toBe("direct");
  expect(pooled("simd", { ...lenet, kh: 1 })).toBe("direct");
  expect(pooled("simd", { ...lenet, ow: 3 })).toBe("direct");
  for (const variant of ["simd", "relaxed"] as const) {
    expect(pooled(variant, { ...lenet, cin: 1 })).toBe("oneChannel");
    expect(pooled(variant, { ...lenet, cin: 1, kw: 9 })).not.toBe("oneChannel");
  }
});

test("algorithmFor goes by shapes alone, as recorded hashes want it", () => {
  const algorithm = (side: number, channels: number, kernel: number) =>
    algorithmFor([side, side, channels], [16, kernel, kernel, channels]);
  expect([1, 2, 3, 4, 6, 64].map(channels => algorithm(14, channels, 5))).toEqual([
    "plane",
    "direct",
    "direct",
    "winograd",
    "winograd",
    "winograd",
  ]);
  expect([1, 4, 64].map(channels => algorithm(14, channels, 3))).toEqual(["plane", "direct", "direct"]);
  expect([1, 4].map(channels => algorithm(7, channels, 5))).toEqual(["direct", "direct"]);
  expect(algorithm(4, 1, 5)).toBeUndefined();
});

test("fitCosts finds the costs that measurements follow, whatever one in ten of them says", () => {
  const samples = Array.from({ length: 40 }, (_, i) => {
    const work = [1 + i * i, 1 + ((7 * i) % 40), 3];
    const nanoseconds = 2 * work[0]! + 0.5 * work[1]!;
    return { work, nanoseconds: i % 10 === 3 ? 3 * nanoseconds : nanoseconds };
  });
  const costs = fitCosts(samples);
  expect(costs[0]).toBeCloseTo(2, 2);
  expect(costs[1]).toBeCloseTo(0.5, 2);
  expect(costs[2]).toBeCloseTo(0, 2);
  expect(miss(costs, samples)).toBeCloseTo(0.1 * (2 / 3), 2);
});
