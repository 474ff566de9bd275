import { expect, test } from "vitest";
import { oneChannelPackedBytes, stripBytes } from "../../src/kernels/i8/conv2d-1c.ts";
import { firPackedBytes, firScratchBytes } from "../../src/kernels/i8/conv2d-fir.ts";
import {
  winogradBand,
  winogradFits,
  winogradPackedBytes,
  winogradScratchBytes,
} from "../../src/kernels/i8/conv2d-winograd.ts";
import { pixelAxes, resultAxes, runsOf, type TableAxes, tapAxes } from "../../src/kernels/i8/offsets.ts";
import { groupsOf, panelBytes } from "../../src/kernels/i8/panels.ts";
import { type Halo, imageOf, NO_HALO, storedBytes, storedImage } from "../../src/kernels/i8/stored.ts";
import * as twin from "../../src/kernels/reference/i8-conv2d.ts";
import type { Requantization } from "../../src/kernels/reference/i8-gemm.ts";
import { offsets } from "../../src/kernels/reference/memory.ts";
import { type Bench, noise, overVariants } from "./harness.ts";
import { biases, bytes, fromStored, scales, storedImages, weights, zeroPoint } from "./i8.ts";

interface Case {
  h: number;
  w: number;
  cin: number;
  cout: number;
  kernel: [number, number];
  strides?: [number, number];
  dilations?: [number, number];
  pads?: Halo;
  /** Halo of x, if it is larger than the pads. */
  around?: Halo;
  /** Halo of y. */
  beyond?: Halo;
}

const CASES: Case[] = [
  { h: 1, w: 1, cin: 1, cout: 1, kernel: [1, 1] },
  { h: 1, w: 3, cin: 4, cout: 7, kernel: [1, 1] },
  { h: 3, w: 3, cin: 5, cout: 8, kernel: [1, 1] },
  { h: 5, w: 4, cin: 3, cout: 9, kernel: [3, 3], pads: [1, 1, 1, 1] },
  { h: 7, w: 5, cin: 6, cout: 16, kernel: [5, 5], pads: [2, 2, 2, 2] },
  {
    h: 6,
    w: 7,
    cin: 2,
    cout: 3,
    kernel: [3, 2],
    strides: [2, 1],
    pads: [0, 0, 1, 1],
  },
  {
    h: 9,
    w: 8,
    cin: 3,
    cout: 5,
    kernel: [3, 3],
    dilations: [2, 2],
    pads: [2, 2, 2, 2],
  },
  { h: 9, w: 8, cin: 1, cout: 5, kernel: [4, 3], dilations: [2, 1], strides: [1, 2] },
  { h: 3, w: 3, cin: 7, cout: 32, kernel: [1, 1], beyond: [1, 1, 2, 3] },
  { h: 1, w: 1, cin: 8, cout: 16, kernel: [1, 1] },
  { h: 2, w: 9, cin: 3, cout: 16, kernel: [1, 4] },
  { h: 10, w: 4, cin: 1, cout: 19, kernel: [10, 4], around: [1, 2, 0, 1] },
  { h: 5, w: 5, cin: 8, cout: 12, kernel: [2, 2], beyond: [1, 1, 2, 3] },
];

const POOLED: Case[] = [
  { h: 2, w: 2, cin: 1, cout: 1, kernel: [1, 1] },
  { h: 6, w: 7, cin: 3, cout: 6, kernel: [3, 3] },
  { h: 9, w: 8, cin: 6, cout: 16, kernel: [5, 5], beyond: [1, 1, 1, 1] },
  { h: 5, w: 6, cin: 4, cout: 9, kernel: [3, 3], pads: [1, 1, 1, 1] },
];

/**
 * Kernels around the k-groups of both variants, pooled widths around a strip of 4, an even and an odd number of
 * outputs.
 */
const ONE_CHANNEL: Case[] = [
  [1, 1],
  [2, 2],
  [3, 3],
  [4, 4],
  [5, 5],
  [3, 6],
  [7, 7],
  [8, 9],
  [2, 8],
].flatMap(kernel =>
  [4, 5, 7, 8, 11].map((width, i) => ({
    h: 2 * (1 + (i % 3)) + kernel[0]! - 1 + (i & 1),
    w: 2 * width + kernel[1]! - 1 + (i & 1),
    cin: 1,
    cout: 1 + i,
    kernel: kernel as [number, number],
    ...(i === 3 && { pads: [1, 1, 1, 1] }),
    ...(i === 2 && { beyond: [1, 1, 2, 3] }),
  })),
);

/** Kernels of even and odd sides, cin around the vector of 8, pooled widths around the tile of 4. */
const FIR: Case[] = (
  [
    [3, 3, 1],
    [3, 3, 8],
    [5, 5, 6],
    [2, 2, 7],
    [4, 3, 9],
    [3, 4, 16],
    [5, 2, 19],
    [7, 5, 3],
  ] as const
).flatMap(([kh, kw, cin], k) =>
  [4, 5, 9].map((width, i) => ({
    h: 2 * (1 + i) + kh - 1 + (k & 1),
    w: 2 * width + kw - 1 + (k & 1),
    cin,
    cout: 7 + i + k,
    kernel: [kh, kw] as [number, number],
    ...(i === 1 && { pads: [1, 1, 1, 1] }),
    ...(i === 2 && { beyond: [1, 1, 2, 3] }),
  })),
);

/** Heights and widths around tiles of 4, cin and outputs around vectors of 8. */
const WINOGRAD: Case[] = (
  [
    [4, 4],
    [5, 4],
    [4, 7],
    [8, 9],
    [11, 13],
    [6, 19],
  ] as const
).flatMap(([h, w], s) =>
  [8, 9, 15, 16, 24].map((cin, i) => ({
    h,
    w,
    cin,
    cout: [8, 16, 9, 13, 19][(i + s) % 5]!,
    kernel: [3, 3] as [number, number],
    pads: [1, 1, 1, 1],
    ...(i === 1 && { around: [2, 1, 1, 3] }),
    ...(i === 2 && { beyond: [1, 1, 2, 3] }),
  })),
);

const name = (c: Case) => {
  const window = `kernel ${c.kernel.join("x")}, strides ${c.strides ?? 1}, dilations ${c.dilations ?? 1}`;
  return `${c.h}x${c.w}x${c.cin} to ${c.cout}, ${window}${c.pads ? ", padded" : ""}`;
};

function setUp(bench: Bench, c: Case) {
  bench.reset();
  const { h, w, cin, cout, kernel } = c;
  const length = kernel[0] * kernel[1] * cin;
  const reach = 127 * 80 * Math.sqrt(length);
  const convolution = (image: number): twin.Convolution => ({
    h,
    w,
    cin,
    groups: 1,
    cout,
    kernel,
    strides: c.strides ?? [1, 1],
    dilations: c.dilations ?? [1, 1],
    pads: c.pads ?? NO_HALO,
    x: bytes(h * w * cin, 3 + image, bench),
    zero: zeroPoint(5, bench),
    weight: weights(cout * length, 7),
    bias: biases(cout, reach / 4, 11),
  });
  const images = [convolution(0), convolution(1)];
  const first = images[0]!;
  const halo = c.around ?? first.pads;
  const x = storedImage([h, w, cin], bench.variant, halo);
  const xs = x.bytes + 36;
  const at = bench.input(
    storedImages(
      bench,
      images.map(i => i.x),
      [h, w, cin],
      halo,
      first.zero,
      xs,
    ),
  );
  const requantization: Requantization = {
    scale: scales(cout, reach, 13),
    zero: zeroPoint(17, bench),
    qmin: -101,
    qmax: 120,
  };
  const { runs, length: run } = runsOf(first, cin);
  const groups = groupsOf(bench.variant, runs, run);
  const pack = (dynamic: boolean) => {
    const y = bench.output(panelBytes(cout, groups));
    bench.run("i8_gemm_pack", {
      cout,
      runs,
      length: run,
      weight: bench.input(first.weight),
      bias: dynamic ? 0 : bench.input(first.bias),
      scale: bench.input(requantization.scale),
      zero: dynamic ? -127 : first.zero,
      y,
    });
    return y;
  };
  const table = (axes: TableAxes) => bench.input(offsets(axes));
  const taps = table(tapAxes(bench.variant, x, first));
  // the first tap of the first pixel
  const start = at + x.first - first.pads[0] * x.rowStride - first.pads[1] * x.pixelStride;
  return { images, first, x, requantization, pack, table, args: { n: 2, x: start, xs, k_groups: groups, taps, cout } };
}

overVariants("i8-conv2d", "run", bench => {
  const TILED = CASES.flatMap(c =>
    [2, 4]
      .filter(rows => rows > 2 || c.cout % 16 === 0)
      .flatMap(rows => {
        const beside = c.kernel[0] === 1 && (c.kernel[1] === 1 || !c.dilations);
        return [true, ...(beside ? [false] : [])].map(table => [name(c), rows, table, c] as const);
      }),
  );
  test.each(TILED)("%s, tiles of %i, by a table: %s", (_, rows, scattered, c) => {
    const { images, first, x, requantization, pack, table, args } = setUp(bench, c);
    const shape = [...twin.outputSize(first), c.cout];
    const halo = c.beyond ?? NO_HALO;
    const image = storedImage(shape, bench.variant, halo);
    const ys = image.bytes + 8;
    const y = bench.output(2 * ys);
    bench.u8.fill(0, y, y + 2 * ys);
    const { zero, qmin, qmax } = requantization;
    bench.run("i8_conv2d", {
      ...args,
      weight: pack(false),
      ...(!scattered && { taps: 0 }),
      rows,
      tiles: Math.ceil((image.height * image.width) / rows),
      pixels: table(pixelAxes(x, image, first)),
      results: table(resultAxes(image)),
      y: y + image.first,
      ys,
      zero,
      qmin,
      qmax,
    });
    images.forEach((one, i) => {
      expect([...fromStored(bench, y + i * ys, shape, halo)]).toEqual([...twin.i8_conv2d(one, requantization)]);
    });
    // the halo of y and the gaps between images are unchanged
    const written = 2 * shape.reduce((a, b) => a * b) * storedBytes(bench.variant);
    expect(bench.u8.subarray(y, y + 2 * ys).filter(v => v !== 0).length).toBeLessThanOrEqual(written);
  });

  test.each(POOLED.map(c => [name(c), c] as const))("pooled: %s", (_, c) => {
    const { images, first, x, requantization, pack, table, args } = setUp(bench, c);
    const [oh, ow] = twin.outputSize(first);
    const shape = [oh >> 1, ow >> 1, c.cout];
    const halo = c.beyond ?? NO_HALO;
    const image = storedImage(shape, bench.variant, halo);
    const ys = image.bytes + 8;
    const y = bench.output(ys + image.bytes);
    const { zero, qmin, qmax } = requantization;
    bench.run("i8_conv2d_max_pool2d", {
      ...args,
      weight: pack(false),
      tiles: image.height * image.width,
      pixels: table(pixelAxes(x, image, first, true)),
      results: table(resultAxes(image)),
      y: y + image.first,
      ys,
      zero,
      qmin,
      qmax,
    });
    images.forEach((one, i) => {
      expect([...fromStored(bench, y + i * ys, shape, halo)]).toEqual([
        ...twin.i8_conv2d_max_pool2d(one, requantization),
      ]);
    });
  });

  test.each(ONE_CHANNEL.map(c => [name(c), c] as const))("one channel, pooled: %s", (_, c) => {
    const { images, first, x, requantization, args } = setUp(bench, c);
    const [oh, ow] = twin.outputSize(first);
    const shape = [oh >> 1, ow >> 1, c.cout];
    const halo = c.beyond ?? NO_HALO;
    const image = storedImage(shape, bench.variant, halo);
    const [kh, kw] = c.kernel;
    const weight = bench.output(oneChannelPackedBytes({ cout: c.cout, kh, kw }, bench.variant));
    bench.run("i8_conv2d_1c_pack", {
      cout: c.cout,
      kh,
      kw,
      weight: bench.input(first.weight),
      bias: bench.input(first.bias),
      scale: bench.input(requantization.scale),
      zero: first.zero,
      y: weight,
    });
    const ys = image.bytes + 8;
    const y = bench.output(2 * ys);
    bench.u8.fill(0, y, y + 2 * ys);
    const { zero, qmin, qmax } = requantization;
    bench.run("i8_conv2d_1c_max_pool2d", {
      n: 2,
      x: args.x,
      xs: args.xs,
      x_row_stride: x.rowStride,
      kh,
      kw,
      scratch: bench.output(stripBytes({ oh: shape[0]!, kh }, bench.variant)),
      weight,
      y: y + image.first,
      ys,
      y_row_stride: image.rowStride,
      y_pixel_stride: image.pixelStride,
      oh: shape[0]!,
      ow: shape[1]!,
      cout: c.cout,
      zero,
      qmin,
      qmax,
    });
    images.forEach((one, i) => {
      const expected = twin.i8_conv2d_max_pool2d(one, requantization);
      expect([...fromStored(bench, y + i * ys, shape, halo)]).toEqual([...expected]);
    });
    const written = 2 * shape.reduce((a, b) => a * b) * storedBytes(bench.variant);
    expect(bench.u8.subarray(y, y + 2 * ys).filter(v => v !== 0).length).toBeLessThanOrEqual(written);
  });

  // the relaxed dot product has no room for sums of weights
  if (bench.variant === "simd")
    test.each(FIR.map(c => [name(c), c] as const))("fast FIR, pooled: %s", (_, c) => {
      const { images, first, x, requantization, args } = setUp(bench, c);
      const [oh, ow] = twin.outputSize(first);
      const shape = [oh >> 1, ow >> 1, c.cout];
      const halo = c.beyond ?? NO_HALO;
      const image = storedImage(shape, bench.variant, halo);
      const [kh, kw] = c.kernel;
      const weight = bench.output(firPackedBytes({ cout: c.cout, kh, kw, cin: c.cin }));
      bench.run("i8_conv2d_fir_pack", {
        cout: c.cout,
        kh,
        kw,
        cin: c.cin,
        weight: bench.input(first.weight),
        bias: bench.input(first.bias),
        scale: bench.input(requantization.scale),
        zero: first.zero,
        y: weight,
      });
      const ys = image.bytes + 8;
      const y = bench.output(2 * ys);
      bench.u8.fill(0, y, y + 2 * ys);
      const { zero, qmin, qmax } = requantization;
      bench.run("i8_conv2d_fir_max_pool2d", {
        n: 2,
        x: args.x,
        xs: args.xs,
        x_row_stride: x.rowStride,
        cin: c.cin,
        kh,
        kw,
        scratch: bench.output(firScratchBytes({ oh: shape[0]!, ow: shape[1]!, kh, kw, cin: c.cin })),
        weight,
        y: y + image.first,
        ys,
        y_row_stride: image.rowStride,
        y_pixel_stride: image.pixelStride,
        oh: shape[0]!,
        ow: shape[1]!,
        cout: c.cout,
        zero,
        qmin,
        qmax,
      });
      images.forEach((one, i) => {
        const expected = twin.i8_conv2d_max_pool2d(one, requantization);
        expect([...fromStored(bench, y + i * ys, shape, halo)]).toEqual([...expected]);
      });
      const written = 2 * shape.reduce((a, b) => a * b) * storedBytes(bench.variant);
      expect(bench.u8.subarray(y, y + 2 * ys).filter(v => v !== 0).length).toBeLessThanOrEqual(written);
    });

  for (const wide of [false, true])
    test.each(WINOGRAD.map(c => [name(c), c] as const))(
      `Winograd, ${wide ? "as many rows of tiles as the planner takes" : "tiles row by row"}: %s`,
      (_, c) => {
        const { images, first, x, requantization, args } = setUp(bench, c);
        const [oh, ow] = twin.outputSize(first);
        const shape = [oh, ow, c.cout];
        const halo = c.beyond ?? NO_HALO;
        const image = storedImage(shape, bench.variant, halo);
        const { cin, cout } = c;
        const geometry = { oh, ow, cin, cout };
        const band = wide ? winogradBand(geometry) : 1;
        const weight = bench.output(winogradPackedBytes(geometry));
        bench.run("i8_conv2d_winograd_pack", {
          cout,
          cin,
          weight: bench.input(first.weight),
          bias: bench.input(first.bias),
          scale: bench.input(requantization.scale),
          zero: first.zero,
          y: weight,
        });
        const ys = image.bytes + 8;
        const y = bench.output(2 * ys);
        bench.u8.fill(0, y, y + 2 * ys);
        const { zero, qmin, qmax } = requantization;
        bench.run("i8_conv2d_winograd", {
          n: 2,
          x: args.x,
          xs: args.xs,
          x_row_stride: x.rowStride,
          cin,
          weight,
          scratch: bench.output(winogradScratchBytes(geometry)),
          band,
          y: y + image.first,
          ys,
          y_row_stride: image.rowStride,
          oh,
          ow,
          cout,
          zero,
          qmin,
          qmax,
        });
        images.forEach((one, i) => {
          expect([...fromStored(bench, y + i * ys, shape, halo)]).toEqual([...twin.i8_conv2d(one, requantization)]);
        });
        const written = 2 * shape.reduce((a, b) => a * b) * storedBytes(bench.variant);
        expect(bench.u8.subarray(y, y + 2 * ys).filter(v => v !== 0).length).toBeLessThanOrEqual(written);
      },
    );

  test.each([8, 227])("Winograd is exact at the ends of its range: %i channels", cin => {
    bench.reset();
    const geometry = { oh: 4, ow: 4, cin, cout: 8 };
    expect(winogradFits(geometry)).toBe(true);
    // the lower ends of both: the largest possible sums; then the most negative ones
    for (const value of [-128, 127]) {
      const image = storedImage([6, 6, cin], bench.variant);
      const x = new Int8Array(36 * cin).fill(-128);
      const weight = bench.output(winogradPackedBytes(geometry));
      // the largest sum becomes 100
      const scale = new Float32Array(8).fill(100 / (9 * cin * 128 * 128));
      bench.run("i8_conv2d_winograd_pack", {
        cout: 8,
        cin,
        weight: bench.input(new Int8Array(8 * 9 * cin).fill(value)),
        bias: bench.input(new Int32Array(8)),
        scale: bench.input(scale),
        zero: 0,
        y: weight,
      });
      const to = storedImage([4, 4, 8], bench.variant);
      const y = bench.output(to.bytes);
      bench.run("i8_conv2d_winograd", {
        n: 1,
        x: bench.input(storedImages(bench, [x], [6, 6, cin], NO_HALO, 0, image.bytes)),
        xs: 0,
        x_row_stride: image.rowStride,
        cin,
        weight,
        scratch: bench.output(winogradScratchBytes(geometry)),
        band: 1,
        y,
        ys: 0,
        y_row_stride: to.rowStride,
        oh: 4,
        ow: 4,
        cout: 8,
        zero: 0,
        qmin: -128,
        qmax: 127,
      });
      const expected = value < 0 ? 100 : -99;
      expect([...fromStored(bench, y, [4, 4, 8])]).toEqual(new Array(128).fill(expected));
    }
  });

  test.each(CASES.map(c => [name(c), c] as const))("quantized at run time: %s", (_, c) => {
    const { images, first, x, requantization, pack, table, args } = setUp(bench, c);
    const [oh, ow] = twin.outputSize(first);
    // f32 results are stored flat
    const image = imageOf([oh, ow, c.cout], 4);
    const length = oh * ow * c.cout;
    const ys = 4 * length + 16;
    const y = bench.output(ys + 4 * length);
    const bias = noise(c.cout, 29);
    const choice = new Float32Array([0.02, 50, 0, 0, 0.03, 33, 0, 0]);
    new Int32Array(choice.buffer)[2] = new Int32Array(choice.buffer)[6] = first.zero;
    bench.run("i8_conv2d_dynamic", {
      ...args,
      weight: pack(true),
      tiles: Math.ceil((oh * ow) / 4),
      pixels: table(pixelAxes(x, image, first)),
      results: table(resultAxes(image)),
      y,
      ys,
      chosen: bench.input(choice),
      cs: 16,
      bias: bench.input(bias),
    });
    images.forEach((one, i) => {
      const got = bench.f32.subarray((y + i * ys) / 4, (y + i * ys) / 4 + length);
      expect([...got]).toEqual([...twin.i8_conv2d_dynamic(one, choice[4 * i]!, requantization.scale, bias)]);
    });
  });
});
