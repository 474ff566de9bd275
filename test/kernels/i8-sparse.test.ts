import { describe, expect, test } from "vitest";
import { pixelAxes, resultAxes } from "../../src/kernels/i8/offsets.ts";
import { type Halo, NO_HALO, storedBytes, storedImage } from "../../src/kernels/i8/stored.ts";
import * as convolution from "../../src/kernels/reference/i8-conv2d.ts";
import * as product from "../../src/kernels/reference/i8-gemm.ts";
import { offsets } from "../../src/kernels/reference/memory.ts";
import { int8Rows, kGroup, pack, roundable, tileBytes } from "../../src/kernels/sparse.ts";
import { overVariants } from "./harness.ts";
import { biases, bytes, fromStored, scales, storedImages, weights, zeroPoint } from "./i8.ts";
import { PATTERNS, pruned } from "./sparse.ts";

interface Case {
  height: number;
  width: number;
  channels: number;
  outs: number;
  kernel: [number, number];
  strides?: [number, number];
  dilations?: [number, number];
  pads?: Halo;
  /** Halo of y. */
  beyond?: Halo;
}

/** Pixels around the tile of 8, outputs around the fours, channels around the chunks of 8. */
const CASES: Case[] = [
  { height: 1, width: 1, channels: 1, outs: 1, kernel: [1, 1] },
  { height: 1, width: 7, channels: 9, outs: 3, kernel: [1, 1] },
  { height: 2, width: 4, channels: 8, outs: 4, kernel: [1, 1] },
  { height: 3, width: 3, channels: 7, outs: 5, kernel: [1, 1], beyond: [1, 1, 2, 3] },
  { height: 5, width: 4, channels: 3, outs: 9, kernel: [3, 3], pads: [1, 1, 1, 1] },
  { height: 7, width: 7, channels: 5, outs: 19, kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  { height: 6, width: 7, channels: 2, outs: 6, kernel: [3, 2], strides: [2, 1], pads: [0, 0, 1, 1] },
  { height: 9, width: 8, channels: 3, outs: 7, kernel: [3, 3], dilations: [2, 2], pads: [2, 2, 2, 2] },
  { height: 4, width: 5, channels: 17, outs: 11, kernel: [2, 1], beyond: [0, 1, 0, 0] },
];

const name = (c: Case) =>
  `${c.height}x${c.width}x${c.channels} to ${c.outs}, kernel ${c.kernel}, strides ${c.strides ?? 1}, dilations ${c.dilations ?? 1}`;

overVariants("i8-sparse", "run", bench => {
  const inputs = kGroup(bench.variant);

  describe.each(CASES.map(c => [name(c), c] as const))("%s", (_, c) => {
    test.each(PATTERNS.flatMap(pattern => [true, false].map(blocks => [pattern, blocks] as const)))(
      "i8_sparse_conv2d, %s, blocks: %s",
      (pattern, blocks) => {
        bench.reset();
        const { height, width, channels, outs, kernel } = c;
        const length = kernel[0] * kernel[1] * channels;
        const reach = 127 * 80 * Math.sqrt(length);
        const of = (image: number): convolution.Convolution => ({
          ...{ height, width, channels, groups: 1, outs, kernel },
          strides: c.strides ?? [1, 1],
          dilations: c.dilations ?? [1, 1],
          pads: c.pads ?? NO_HALO,
          x: bytes(height * width * channels, 3 + image, bench),
          zero: zeroPoint(5, bench),
          w: pruned(weights(outs * length, 7), outs, pattern),
          bias: biases(outs, reach / 4, 11),
        });
        const images = [of(0), of(1)];
        const [first] = images as [convolution.Convolution];
        const x = storedImage([height, width, channels], bench.variant, first.pads);
        const xs = x.bytes + 36;
        const given = images.map(image => image.x);
        const at = bench.input(storedImages(bench, given, [height, width, channels], first.pads, first.zero, xs));
        const shape = [...convolution.outputSize(first), outs];
        const halo = c.beyond ?? NO_HALO;
        const image = storedImage(shape, bench.variant, halo);
        const ys = image.bytes + 8;
        const y = bench.output(2 * ys);
        bench.u8.fill(0, y, y + 2 * ys);
        const scale = scales(outs, reach, 13);
        const clamp = { zero: zeroPoint(17, bench), qmin: -101, qmax: 120 };
        const matrix = { data: first.w, outs, length };
        const numbers = { bias: first.bias, scale, zero: first.zero };
        expect(roundable(matrix, numbers)).toBe(true);
        const rows = int8Rows(bench.variant, x, first);
        const words = pack(matrix, { inputs, outputs: blocks ? 4 : 1 }, 4, rows.rows, numbers);
        bench.run("i8_sparse_conv2d", {
          n: 2,
          x: at + x.first - first.pads[0] * x.pitch - first.pads[1] * x.pixel,
          xs,
          w: bench.input(words),
          blocks: blocks ? 1 : 0,
          chunks: rows.chunks.length,
          places: bench.input(rows.chunks),
          count: shape[0]! * shape[1]!,
          pixels: bench.input(offsets(pixelAxes(x, image, first))),
          results: bench.input(offsets(resultAxes(image))),
          y: y + image.first,
          ys,
          outs,
          ...clamp,
          scratch: bench.output(tileBytes(rows, 8, storedBytes(bench.variant))),
        });
        images.forEach((one, i) => {
          const wanted = convolution.i8_conv2d(one, { scale, ...clamp });
          expect([...fromStored(bench, y + i * ys, shape, halo)]).toEqual([...wanted]);
        });
        // the halo of y and what is between the images stay as they were
        const written = 2 * shape.reduce((a, b) => a * b) * storedBytes(bench.variant);
        expect(bench.u8.subarray(y, y + 2 * ys).filter(v => v !== 0).length).toBeLessThanOrEqual(written);
      },
    );
  });

  const SIZES = [1, 7, 8, 9, 15, 16, 17, 35].flatMap(outs => [1, 3, 4, 5, 37].map(k => [k, outs] as const));
  describe.each(SIZES)("%i inputs to %i outputs", (k, outs) => {
    test.each(PATTERNS)("i8_sparse_dense, %s", pattern => {
      bench.reset();
      const n = 2;
      const reach = 127 * 80 * Math.sqrt(k);
      const given = Array.from({ length: n }, (_, i) => bytes(k, 3 + i, bench));
      const zero = zeroPoint(5, bench);
      const w = pruned(weights(outs * k, 7), outs, pattern);
      const bias = biases(outs, reach / 4, 11);
      const xs = storedBytes(bench.variant) * k + 36;
      const at = bench.input(storedImages(bench, given, [k], NO_HALO, zero, xs));
      const image = storedImage([outs], bench.variant, NO_HALO);
      const ys = image.bytes + 8;
      const y = bench.output(ys + image.bytes);
      const scale = scales(outs, reach, 13);
      const clamp = { zero: zeroPoint(17, bench), qmin: -101, qmax: 120 };
      const matrix = { data: w, outs, length: k };
      const words = pack(matrix, { inputs, outputs: 16 }, 16, undefined, { bias, scale, zero });
      bench.run("i8_sparse_dense", { n, x: at, xs, w: bench.input(words), y, ys, outs, ...clamp });
      given.forEach((x, i) => {
        const wanted = product.i8_gemm_requantize({ n: 1, k, outs, x, zero, w, bias }, { scale, ...clamp });
        expect([...fromStored(bench, y + i * ys, [outs])]).toEqual([...wanted]);
      });
    });
  });
});

test("roundable: sums that may leave what is rounded without a clamp", () => {
  const matrix = { data: Int8Array.of(127, 0, -127, 1), outs: 2, length: 2 };
  const numbers = { bias: Int32Array.of(5, -5), zero: 3 };
  // 127 * 255 + 5 and 128 * 255 + 5 steps of 64 and 64.25
  expect(roundable(matrix, { ...numbers, scale: Float32Array.of(64, 64) })).toBe(true);
  expect(roundable(matrix, { ...numbers, scale: Float32Array.of(64, 64.25) })).toBe(false);
  expect(roundable(matrix, { ...numbers, scale: Float32Array.of(NaN, 1) })).toBe(false);
});
