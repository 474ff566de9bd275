import { expect, test } from "vitest";
import {
  depthwise3x3Fits,
  depthwise3x3PackedBytes,
  depthwise3x3ScratchBytes,
  depthwisePackedBytes,
} from "../../src/kernels/i8/depthwise.ts";
import { depthwiseTapAxes, pixelAxes, resultAxes, type TableAxes, type Window } from "../../src/kernels/i8/offsets.ts";
import { type Halo, NO_HALO, storedBytes, storedImage } from "../../src/kernels/i8/stored.ts";
import { outputSize } from "../../src/kernels/reference/i8-conv2d.ts";
import { i8_depthwise_conv2d } from "../../src/kernels/reference/i8-depthwise.ts";
import { offsets } from "../../src/kernels/reference/memory.ts";
import { overVariants } from "./harness.ts";
import { biases, bytes, fromStored, scales, storedImages, weights, zeroPoint } from "./i8.ts";

const one: Halo = [1, 1, 1, 1];
const WINDOWS: Window[] = [
  { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], pads: NO_HALO },
  { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: one },
  { kernel: [3, 3], strides: [2, 2], dilations: [1, 1], pads: [0, 0, 1, 1] },
  { kernel: [2, 5], strides: [1, 2], dilations: [1, 1], pads: [0, 2, 1, 2] },
  { kernel: [3, 2], strides: [1, 1], dilations: [2, 3], pads: one },
];
const CASES = WINDOWS.flatMap((window, i) =>
  [1, 7, 8, 9, 16, 19].map(channels => [`${window.kernel} ${i}`, channels, window] as const),
);

/** Heights around two rows of results, widths around two columns, all steps, channels around vectors of 4. */
const SMALL = [1, 2, 3, 7].flatMap((oh, h) =>
  [1, 2, 5, 8].flatMap((ow, w) =>
    [4, 5, 7, 8, 11, 16].map((cin, i) => ({
      oh,
      ow,
      cin,
      strides: [
        [1, 1],
        [2, 2],
        [1, 2],
        [2, 1],
        [1, 1],
      ][(h + w + i) % 5] as [number, number],
      around: (w + i) % 3 === 1,
    })),
  ),
);

overVariants("i8-depthwise", "run", bench => {
  test.each(CASES)("kernel %s, %i channels", (_, cin, window) => {
    bench.reset();
    const [h, w] = [6, 7];
    const taps = window.kernel[0] * window.kernel[1];
    const zero = zeroPoint(5, bench);
    const images = [3, 4].map(seed => bytes(h * w * cin, seed, bench, false));
    const weight = weights(cin * taps, 7);
    const reach = 127 * 80 * Math.sqrt(taps);
    const bias = biases(cin, reach / 4, 11);
    const requantization = { scale: scales(cin, reach, 13), zero: -3, qmin: -101, qmax: 120 };
    const convolution = (x: Int8Array) => ({ ...window, h, w, cin, x, zero, weight, bias });

    const from = storedImage([h, w, cin], bench.variant, window.pads);
    const xs = from.bytes + 12;
    const shape = [...outputSize({ ...convolution(images[0]!), groups: cin, cout: cin }), cin];
    const to = storedImage(shape, bench.variant, one);
    const pack = bench.output(depthwisePackedBytes({ cin, kh: window.kernel[0], kw: window.kernel[1] }));
    bench.run("i8_depthwise_pack", {
      cin,
      taps,
      weight: bench.input(weight),
      bias: bench.input(bias),
      scale: bench.input(requantization.scale),
      zero,
      y: pack,
    });
    const ys = to.bytes + 4;
    const y = bench.output(2 * ys);
    bench.u8.fill(0, y, y + 2 * ys);
    const table = (axes: TableAxes) => bench.input(offsets(axes));
    const x = bench.input(storedImages(bench, images, [h, w, cin], window.pads, zero, xs));
    bench.run("i8_depthwise_conv2d", {
      n: 2,
      x: x + from.first - window.pads[0] * from.rowStride - window.pads[1] * from.pixelStride,
      xs,
      weight: pack,
      pairs: Math.ceil(taps / 2),
      taps: table(depthwiseTapAxes(from, window)),
      tiles: Math.ceil((to.height * to.width) / 4),
      pixels: table(pixelAxes(from, to, window)),
      results: table(resultAxes(to)),
      y: y + to.first,
      ys,
      cin,
      zero: requantization.zero,
      qmin: requantization.qmin,
      qmax: requantization.qmax,
    });
    images.forEach((x, i) => {
      const expected = i8_depthwise_conv2d(convolution(x), requantization);
      expect([...fromStored(bench, y + i * ys, shape, one)]).toEqual([...expected]);
    });
    const written = 2 * shape.reduce((a, b) => a * b) * storedBytes(bench.variant);
    expect(bench.u8.subarray(y, y + 2 * ys).filter(v => v !== 0).length).toBeLessThanOrEqual(written);
  });

  test.each(SMALL.map(c => [`${c.oh}x${c.ow}x${c.cin}`, c.strides.join(), c] as const))(
    "3x3 to %s in steps of %s",
    (_, __, { oh, ow, cin, strides, around }) => {
      bench.reset();
      const zero = zeroPoint(5, bench);
      const pads: Halo = [1, 0, 0, 1];
      const [h, w] = [(oh - 1) * strides[0] + 2, (ow - 1) * strides[1] + 2];
      const window: Window = { kernel: [3, 3], strides, dilations: [1, 1], pads };
      expect(depthwise3x3Fits(window, cin)).toBe(true);
      const images = [3, 4].map(seed => bytes(h * w * cin, seed, bench));
      const kernel = weights(cin * 9, 7);
      const reach = 127 * 80 * 3;
      const bias = biases(cin, reach / 4, 11);
      const requantization = { scale: scales(cin, reach, 13), zero: -3, qmin: -101, qmax: 120 };
      const halo: Halo = around ? [2, 3, 1, 1] : pads;
      const from = storedImage([h, w, cin], bench.variant, halo);
      const shape = [oh, ow, cin];
      const beyond = around ? one : NO_HALO;
      const to = storedImage(shape, bench.variant, beyond);
      const pack = bench.output(depthwise3x3PackedBytes({ cin }, bench.variant));
      bench.run("i8_depthwise_3x3_pack", {
        cin,
        weight: bench.input(kernel),
        bias: bench.input(bias),
        scale: bench.input(requantization.scale),
        zero,
        y: pack,
      });
      const xs = from.bytes + 12;
      const ys = to.bytes + 4;
      const y = bench.output(2 * ys);
      bench.u8.fill(0, y, y + 2 * ys);
      const x = bench.input(storedImages(bench, images, [h, w, cin], halo, zero, xs));
      bench.run("i8_depthwise_conv2d_3x3", {
        n: 2,
        x: x + from.first - pads[0] * from.rowStride - pads[1] * from.pixelStride,
        xs,
        x_row_stride: from.rowStride,
        cin,
        stride_h: strides[0],
        stride_w: strides[1],
        weight: pack,
        scratch: bench.output(depthwise3x3ScratchBytes({ ow, stride_w: strides[1], cin }, bench.variant)),
        y: y + to.first,
        ys,
        y_row_stride: to.rowStride,
        oh,
        ow,
        zero: requantization.zero,
        qmin: requantization.qmin,
        qmax: requantization.qmax,
      });
      images.forEach((image, i) => {
        const convolution = { ...window, h, w, cin, x: image, zero, weight: kernel, bias };
        const expected = i8_depthwise_conv2d(convolution, requantization);
        expect([...fromStored(bench, y + i * ys, shape, beyond)]).toEqual([...expected]);
      });
      const written = 2 * oh * ow * cin * storedBytes(bench.variant);
      expect(bench.u8.subarray(y, y + 2 * ys).filter(v => v !== 0).length).toBeLessThanOrEqual(written);
    },
  );

  test("3x3 is for steps of 1 and 2, undilated, from 4 channels on", () => {
    const window: Window = { kernel: [3, 3], strides: [2, 1], dilations: [1, 1], pads: one };
    expect(depthwise3x3Fits(window, 4)).toBe(true);
    expect(depthwise3x3Fits(window, 3)).toBe(false);
    expect(depthwise3x3Fits({ ...window, kernel: [3, 2] }, 8)).toBe(false);
    expect(depthwise3x3Fits({ ...window, strides: [1, 3] }, 8)).toBe(false);
    expect(depthwise3x3Fits({ ...window, dilations: [1, 2] }, 8)).toBe(false);
  });
});
