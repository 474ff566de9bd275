/** Shared by the suites of int8 kernels: random int8, and images in the stored form of a variant. */

import { type Halo, NO_HALO, type StoredImage, storedBytes, storedImage } from "../../src/kernels/i8/stored.ts";
import { supported } from "../../src/kernels/load.ts";
import type { Bench } from "./harness.ts";
import { noise } from "./harness.ts";

/**
 * n random int8, including the extremes. `dot`: activations of a relaxed dot product, which is exact on every engine
 * only for q + 128 in 0..127; if the probe finds that unsigned bytes are exact, the whole range is used.
 */
export function bytes(n: number, seed: number, bench: Bench, dot = true): Int8Array {
  const half = dot && bench.variant === "relaxed" && supported().relaxedDot !== "u8";
  return Int8Array.from(noise(n, seed), (v, i) => {
    const q = i % 11 === 3 ? (v < 0 ? -128 : 127) : Math.floor(v * 128);
    return half ? (q + 128) / 2 - 128 : q;
  });
}

/** A zero point that a halo of `bytes` may hold. */
export const zeroPoint = (seed: number, bench: Bench): number => bytes(1, seed, bench)[0]!;

/** n weights in -127..127. */
export const weights = (n: number, seed: number): Int8Array =>
  Int8Array.from(noise(n, seed), (v, i) => (i % 7 === 2 ? (v < 0 ? -127 : 127) : Math.trunc(v * 127.9)));

/** A view on the stored activations of the bench's variant. */
export const storedView = (bench: Bench, at: number, bytes: number): Uint8Array | Int16Array =>
  bench.variant === "relaxed" ? bench.u8.subarray(at, at + bytes) : new Int16Array(bench.memory.buffer, at, bytes / 2);

export const storedArray = (bench: Bench, length: number): Uint8Array | Int16Array =>
  bench.variant === "relaxed" ? new Uint8Array(length) : new Int16Array(length);

/**
 * `images` of [h][w][c] int8 in stored form with a halo of `zero`, `stride` bytes apart; the gaps between them are
 * poisoned.
 */
export function storedImages(
  bench: Bench,
  images: Int8Array[],
  shape: readonly number[],
  halo: Halo,
  zero: number,
  stride: number,
): Uint8Array {
  const all = new Uint8Array((images.length - 1) * stride + storedImage(shape, bench.variant, halo).bytes).fill(0xad);
  images.forEach((q, n) => {
    const image = storedImage(shape, bench.variant, halo);
    const size = storedBytes(bench.variant);
    const put = (at: number, v: number) => {
      all[n * stride + at] = v & 255;
      if (size === 2) all[n * stride + at + 1] = v >> 8;
    };
    for (let at = 0; at < image.bytes; at += size) put(at, zero + 128);
    each(image, size, (at, i) => put(at, q[i]! + 128));
  });
  return all;
}

function each(image: StoredImage, size: number, f: (at: number, i: number) => void): void {
  let i = 0;
  for (let y = 0; y < image.height; y++)
    for (let x = 0; x < image.width; x++)
      for (let c = 0; c < image.channels; c++)
        f(image.first + y * image.rowStride + x * image.pixelStride + c * size, i++);
}

/** Reads a stored image back as int8, without the halo. */
export function fromStored(bench: Bench, at: number, shape: readonly number[], halo: Halo = NO_HALO): Int8Array {
  const image = storedImage(shape, bench.variant, halo);
  const size = storedBytes(bench.variant);
  const stored = storedView(bench, at, image.bytes);
  const q = new Int8Array(image.height * image.width * image.channels);
  each(image, size, (p, i) => {
    const value = stored[p / size]!;
    if (value < 0 || value > 255) throw new Error(`stored ${value} is no int8`);
    q[i] = value - 128;
  });
  return q;
}

/** Scales that spread accumulators of size `reach` over int8 with some saturation. */
export const scales = (outs: number, reach: number, seed: number): Float32Array =>
  noise(outs, seed).map(v => (150 + 100 * v) / reach);

export const biases = (outs: number, reach: number, seed: number): Int32Array =>
  Int32Array.from(noise(outs, seed), v => Math.trunc(v * reach));
