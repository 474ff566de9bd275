/** Places logical arrays in memory as kernels take them, and reads results back. */
import { expect } from "vitest";
import type { Shape } from "../../src/base/shape.ts";
import type { Layout } from "../../src/kernels/layout.ts";
import { outputSize } from "../../src/ops/convolution/window.ts";
import { type Bench, noise } from "./harness.ts";

/** `data` as `layout` stores it. */
export const stored = (layout: Layout, shape: Shape, data: Float32Array): Float32Array =>
  Float32Array.from(layout.map!(shape), j => (j < 0 ? 0 : data[j]!));

/** `rows` of `length` elements each, `stride` elements apart, with NaN between them. */
export function spread(data: Float32Array, rows: number, stride: number): Float32Array {
  const length = data.length / rows;
  const all = new Float32Array(rows * stride).fill(NaN);
  for (let r = 0; r < rows; r++) all.set(data.subarray(r * length, (r + 1) * length), r * stride);
  return all;
}

/** Reads rows from memory: the inverse of `spread`. */
export function gathered(bench: Bench, at: number, rows: number, length: number, stride: number): Float32Array {
  const all = new Float32Array(rows * length);
  for (let r = 0; r < rows; r++)
    all.set(bench.f32.subarray(at / 4 + r * stride, at / 4 + r * stride + length), r * length);
  return all;
}

/** The gaps between rows are still poisoned. */
export function expectGapsUntouched(bench: Bench, at: number, rows: number, length: number, stride: number): void {
  for (let r = 0; r < rows; r++)
    for (let i = length; i < stride; i++) expect(bench.u32[at / 4 + r * stride + i]).toBe(bench.poison);
}

/** Equal bits; if the binary may fuse multiply and add, equal within `tolerance`. */
export function expectSame(bench: Bench, got: Float32Array, wanted: Float32Array, tolerance = 1e-4): void {
  expect(got.length).toBe(wanted.length);
  const fused = bench.binary === "train" && bench.variant === "relaxed";
  const bad = wanted.findIndex((v, i) => {
    if (Object.is(v, got[i]) || v === got[i]) return false;
    return !fused || !(Math.abs(v - got[i]!) <= tolerance * Math.max(1, Math.abs(v)));
  });
  if (bad >= 0) expect.fail(`element ${bad} of ${wanted.length}: expected ${wanted[bad]}, got ${got[bad]}`);
}

/** Numbers in [-1, 1), some of them exactly zero. */
export const sparseNoise = (n: number, seed = 1): Float32Array => noise(n, seed).map(v => (Math.abs(v) < 0.1 ? 0 : v));

/** The numbers of a window, with the padding below and right. */
interface Padded {
  h: number;
  w: number;
  kh: number;
  kw: number;
  stride_h: number;
  stride_w: number;
  dilation_h: number;
  dilation_w: number;
  pad_t: number;
  pad_l: number;
  pad_b: number;
  pad_r: number;
}

/** Arguments of kernels: with output sizes instead of the padding below and right. */
export const withOutputs = <G extends Padded>({ pad_b, pad_r, ...g }: G) => ({
  ...g,
  oh: outputSize(g.h, g.kh, g.stride_h, g.dilation_h, g.pad_t, pad_b),
  ow: outputSize(g.w, g.kw, g.stride_w, g.dilation_w, g.pad_l, pad_r),
});
