import { describe, expect, test } from "vitest";
import { pixelAxes, resultAxes } from "../../src/kernels/i8/offsets.ts";
import { type Halo, NO_HALO, storedBytes, storedImage } from "../../src/kernels/i8/stored.ts";
import * as convolution from "../../src/kernels/reference/i8-conv2d.ts";
import * as product from "../../src/kernels/reference/i8-gemm.ts";
import { offsets } from "../../src/kernels/reference/memory.ts";
import { gathering, pack, roundable } from "../../src/kernels/sparse.ts";
import { overVariants } from "./harness.ts";
import { biases, bytes, fromStored, scales, storedImages, weights, zeroPoint } from "./i8.ts";
import { PATTERNS, pruned } from "./sparse.ts";

interface Case {
  h: number;
  w: number;
  cin: number;
  cout: number;
  kernel: [number, number];
  strides?: [number, number];
  dilations?: [number, number];
  pads?: Halo;
  /** Halo of y. */
  beyond?: Halo;
}

/** Pixels around the tile of 8, outputs around the fours, cin around the chunks of 8. */
const CASES: Case[] = [
  { h: 1, w: 1, cin: 1, cout: 1, kernel: [1, 1] },
  { h: 1, w: 7, cin: 9, cout: 3, kernel: [1, 1] },
  { h: 2, w: 4, cin: 8, cout: 4, kernel: [1, 1] },
  { h: 3, w: 3, cin: 7, cout: 5, kernel: [1, 1], beyond: [1, 1, 2, 3] },
  { h: 5, w: 4, cin: 3, cout: 9, kernel: [3, 3], pads: [1, 1, 1, 1] },
  { h: 7, w: 7, cin: 5, cout: 19, kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  { h: 6, w: 7, cin: 2, cout: 6, kernel: [3, 2], strides: [2, 1], pads: [0, 0, 1, 1] },
  { h: 9, w: 8, cin: 3, cout: 7, kernel: [3, 3], dilations: [2, 2], pads: [2, 2, 2, 2] },
  { h: 4, w: 5, cin: 17, cout: 11, kernel: [2, 1], beyond: [0, 1, 0, 0] },
];

const name = (c: Case) =>
  `${c.h}x${c.w}x${c.cin} to ${c.cout}, kernel ${c.kernel}, strides ${c.strides ?? 1}, dilations ${c.dilations ?? 1}`;

overVariants("i8-sparse", "run", bench => {
  const inputs = 4 / storedBytes(bench.variant);

  describe.each(CASES.map(c => [name(c), c] as const))("%s", (_, c) => {
    test.each(PATTERNS.flatMap(pattern => [true, false].map(blocks => [pattern, blocks] as const)))(
      "i8_sparse_conv2d, %s, blocks: %s",
      (pattern, blocks) => {
        bench.reset();
        const { h, w, cin, cout, kernel } = c;
        const length = kernel[0] * kernel[1] * cin;
        const reach = 127 * 80 * Math.sqrt(length);
        const of = (image: number): convolution.Convolution => ({
          ...{ h, w, cin, groups: 1, cout, kernel },
          strides: c.strides ?? [1, 1],
          dilations: c.dilations ?? [1, 1],
          pads: c.pads ?? NO_HALO,
          x: bytes(h * w * cin, 3 + image, bench),
          zero: zeroPoint(5, bench),
          weight: pruned(weights(cout * length, 7), cout, pattern),
          bias: biases(cout, reach / 4, 11),
        });
        const images = [of(0), of(1)];
        const [first] = images as [convolution.Convolution];
        const x = storedImage([h, w, cin], bench.variant, first.pads);
        const xs = x.bytes + 36;
        const given = images.map(image => image.x);
        const at = bench.input(storedImages(bench, given, [h, w, cin], first.pads, first.zero, xs));
        const shape = [...convolution.outputSize(first), cout];
        const halo = c.beyond ?? NO_HALO;
        const image = storedImage(shape, bench.variant, halo);
        const ys = image.bytes + 8;
        const y = bench.output(2 * ys);
        bench.u8.fill(0, y, y + 2 * ys);
        const scale = scales(cout, reach, 13);
        const clamp = { zero: zeroPoint(17, bench), qmin: -101, qmax: 120 };
        const matrix = { data: first.weight, cout, length };
        const numbers = { bias: first.bias, scale, zero: first.zero };
        expect(roundable(matrix, numbers)).toBe(true);
        const { chunks, rows, scratch } = gathering(x, first);
        const words = pack(matrix, { inputs, outputs: blocks ? 4 : 1 }, 4, rows, numbers);
        bench.run("i8_sparse_conv2d", {
          n: 2,
          x: at + x.first - first.pads[0] * x.rowStride - first.pads[1] * x.pixelStride,
          xs,
          weight: bench.input(words),
          blocks: blocks ? 1 : 0,
          chunks: chunks.length,
          places: bench.input(chunks),
          count: shape[0]! * shape[1]!,
          pixels: bench.input(offsets(pixelAxes(x, image, first))),
          results: bench.input(offsets(resultAxes(image))),
          y: y + image.first,
          ys,
          cout,
          ...clamp,
          scratch: bench.output(scratch),
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

  const SIZES = [1, 7, 8, 9, 15, 16, 17, 35].flatMap(cout => [1, 3, 4, 5, 37].map(k => [k, cout] as const));
  describe.each(SIZES)("%i inputs to %i outputs", (k, cout) => {
    test.each(PATTERNS)("i8_sparse_dense, %s", pattern => {
      bench.reset();
      const n = 2;
      const reach = 127 * 80 * Math.sqrt(k);
      const given = Array.from({ length: n }, (_, i) => bytes(k, 3 + i, bench));
      const zero = zeroPoint(5, bench);
      const weight = pruned(weights(cout * k, 7), cout, pattern);
      const bias = biases(cout, reach / 4, 11);
      const xs = storedBytes(bench.variant) * k + 36;
      const at = bench.input(storedImages(bench, given, [k], NO_HALO, zero, xs));
      const image = storedImage([cout], bench.variant, NO_HALO);
      const ys = image.bytes + 8;
      const y = bench.output(ys + image.bytes);
      const scale = scales(cout, reach, 13);
      const clamp = { zero: zeroPoint(17, bench), qmin: -101, qmax: 120 };
      const matrix = { data: weight, cout, length: k };
      const words = pack(matrix, { inputs, outputs: 16 }, 16, undefined, { bias, scale, zero });
      bench.run("i8_sparse_dense", { n, x: at, xs, weight: bench.input(words), y, ys, cout, ...clamp });
      given.forEach((x, i) => {
        const wanted = product.i8_gemm_requantize({ n: 1, k, cout, x, zero, weight, bias }, { scale, ...clamp });
        expect([...fromStored(bench, y + i * ys, [cout])]).toEqual([...wanted]);
      });
    });
  });
});

test("roundable: sums that may leave what is rounded without a clamp", () => {
  const matrix = { data: Int8Array.of(127, 0, -127, 1), cout: 2, length: 2 };
  const numbers = { bias: Int32Array.of(5, -5), zero: 3 };
  // 127 * 255 + 5 and 128 * 255 + 5 steps of 64 and 64.25
  expect(roundable(matrix, { ...numbers, scale: Float32Array.of(64, 64) })).toBe(true);
  expect(roundable(matrix, { ...numbers, scale: Float32Array.of(64, 64.25) })).toBe(false);
  expect(roundable(matrix, { ...numbers, scale: Float32Array.of(NaN, 1) })).toBe(false);
});
