import { expect, test } from "vitest";
import { type Costs, cheapest } from "../../src/kernels/cost/cheapest.ts";
import { i8Conv2d } from "../../src/kernels/cost/i8-conv2d.ts";
import { i8Conv2dMaxPool2d } from "../../src/kernels/cost/i8-conv2d-max-pool2d.ts";
import { directWork, tilePixels } from "../../src/kernels/i8/conv2d.ts";
import { oneChannelWork } from "../../src/kernels/i8/conv2d-1c.ts";
import { firWork } from "../../src/kernels/i8/conv2d-fir.ts";
import { winogradFits, winogradWork } from "../../src/kernels/i8/conv2d-winograd.ts";
import { groupsOf } from "../../src/kernels/i8/panels.ts";
import type { Variant } from "../../src/kernels/load.ts";

const shape = { oh: 16, ow: 16, cin: 32, cout: 32, kh: 3, kw: 3, stride_h: 1, stride_w: 1 };
type Size = typeof shape;

const groups = (variant: Variant, { kh, kw, cin }: Size) => groupsOf(variant, kh, kw * cin);

/** The algorithm of a convolution 3x3. */
const unpooled = (variant: Variant, size: Size) =>
  cheapest(i8Conv2d[variant], algorithm =>
    algorithm === "winograd"
      ? winogradWork(size)
      : algorithm === "direct"
        ? directWork(size.oh * size.ow, size.cout, groups(variant, size))
        : undefined,
  );

/** The algorithm of one with a pool. */
const pooled = (variant: Variant, size: Size) =>
  cheapest(
    i8Conv2dMaxPool2d[variant],
    algorithm =>
      ({
        oneChannel: oneChannelWork(variant, size),
        fir: firWork(size),
        direct: directWork(4 * size.oh * size.ow, size.cout, groups(variant, size)),
      })[algorithm],
  );

test("cheapest sums up costs, takes the first of equals, and leaves out what has no costs or no work", () => {
  const costs: Costs<"a" | "b" | "c" | "d"> = { a: [2, 1], b: [3], c: [0] };
  const works = { a: [1, 2], b: [1], c: undefined, d: [0] };
  expect(cheapest(costs, algorithm => works[algorithm])).toBe("b");
  expect(cheapest({ a: [1], b: [1] }, () => [1])).toBe("a");
  expect(cheapest(costs, () => undefined)).toBeUndefined();
  expect(cheapest({ a: [1] }, () => [Number.NaN])).toBeUndefined();
});

test("tilePixels goes by the number of pixels and the length of rows", () => {
  for (const variant of ["simd", "relaxed"] as const) {
    expect(tilePixels(variant, 128, 36, 64)).toBe(4);
    expect(tilePixels(variant, 128, 9, 64)).toBe(2);
    expect(tilePixels(variant, 128, 9, 24)).toBe(4);
    expect(tilePixels(variant, 128, 1, 64)).toBe(4);
    expect(tilePixels(variant, 4, 36, 16)).toBe(2);
    expect(tilePixels(variant, 4, 36, 24)).toBe(4);
  }
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
