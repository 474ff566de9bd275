import { expect, test } from "vitest";
import { densePackedBytes, groupsOf, panelBytes } from "../../src/kernels/i8/panels.ts";
import { storedBytes } from "../../src/kernels/i8/stored.ts";
import * as twin from "../../src/kernels/reference/i8-gemm.ts";
import { type Bench, noise, overVariants } from "./harness.ts";
import { biases, bytes, fromStored, scales, storedImages, weights, zeroPoint } from "./i8.ts";

/** Rows around the tile of 4, outputs around the panel of 8 (and a block of 32), k around a k-group and 8. */
const SIZES = [1, 3, 4, 5, 11].flatMap(n =>
  [1, 7, 8, 9, 19].flatMap(cout => [1, 3, 4, 5, 8, 11].map(k => [n, cout, k] as const)),
);
const DENSE = [1, 4, 5, 8, 9, 12, 13, 19, 20, 28, 31, 32, 33, 36, 40, 67].flatMap(cout =>
  [1, 2, 7, 8, 9, 19].map(k => [cout, k] as const),
);

/** A random product, with a stride of x larger than its rows. */
function setUp(bench: Bench, n: number, cout: number, k: number) {
  bench.reset();
  const x = bytes(n * k, 3, bench);
  const zero = zeroPoint(5, bench);
  const weight = weights(cout * k, 7);
  const reach = 127 * 80 * Math.sqrt(k);
  const bias = biases(cout, reach / 4, 11);
  const scale = scales(cout, reach, 13);
  const xs = Math.ceil((k * storedBytes(bench.variant)) / 4) * 4 + 20;
  const rows = Array.from({ length: n }, (_, i) => x.slice(i * k, (i + 1) * k));
  const product = { n, k, cout, x, zero, weight, bias };
  const requantization = { scale, zero: zeroPoint(17, bench), qmin: -101, qmax: 120 };
  return {
    product,
    requantization,
    xs,
    x: bench.input(storedImages(bench, rows, [k], [0, 0, 0, 0], zero, xs)),
  };
}

type SetUp = ReturnType<typeof setUp>;

function packed(bench: Bench, { product, requantization }: SetUp, dynamic = false): number {
  const { cout, k, zero, weight, bias } = product;
  const y = bench.output(panelBytes(cout, groupsOf(bench.variant, 1, k)));
  bench.run("i8_gemm_pack", {
    cout,
    runs: 1,
    length: k,
    weight: bench.input(weight),
    bias: bench.input(dynamic ? new Int32Array(cout) : bias),
    scale: bench.input(requantization.scale),
    zero: dynamic ? -127 : zero,
    y,
  });
  return y;
}

const readRows = <T>(n: number, stride: number, read: (at: number) => T[]): T[] =>
  Array.from({ length: n }, (_, i) => read(i * stride)).flat();

overVariants("i8-gemm", "run", bench => {
  test.each(SIZES)("%i rows, %i outputs, k %i: 32 bits and requantized", (n, cout, k) => {
    const given = setUp(bench, n, cout, k);
    const weight = packed(bench, given);
    const groups = groupsOf(bench.variant, 1, k);
    const ys = 4 * cout + 12;
    const y = bench.output((n - 1) * ys + 4 * cout);
    bench.run("i8_gemm", { n, x: given.x, xs: given.xs, k_groups: groups, weight, y, ys, cout });
    expect(readRows(n, ys, at => [...bench.i32.subarray((y + at) / 4, (y + at) / 4 + cout)])).toEqual([
      ...twin.i8_gemm(given.product),
    ]);

    const zs = cout * storedBytes(bench.variant) + 6;
    const z = bench.output((n - 1) * zs + cout * storedBytes(bench.variant));
    const { zero, qmin, qmax } = given.requantization;
    bench.run("i8_gemm_requantize", {
      n,
      x: given.x,
      xs: given.xs,
      k_groups: groups,
      weight,
      y: z,
      ys: zs,
      cout,
      zero,
      qmin,
      qmax,
    });
    expect(readRows(n, zs, at => [...fromStored(bench, z + at, [cout])])).toEqual([
      ...twin.i8_gemm_requantize(given.product, given.requantization),
    ]);
  });

  test.each(SIZES.filter(([n]) => n < 4))("%i rows, %i outputs, k %i: quantized at run time", (n, cout, k) => {
    const given = setUp(bench, n, cout, k);
    const weight = packed(bench, given, true);
    const ys = 4 * cout + 12;
    const y = bench.output((n - 1) * ys + 4 * cout);
    const bias = noise(cout, 23);
    const chosen = Array.from({ length: n }, (_, i) => ({ scale: Math.fround(0.01 * (i + 1)), zero: 7 * i - 20 }));
    const choice = new Float32Array(4 * n);
    const integers = new Int32Array(choice.buffer);
    chosen.forEach(({ scale, zero }, i) => {
      choice[4 * i] = scale;
      integers[4 * i + 2] = zero;
    });
    bench.run("i8_gemm_dynamic", {
      n,
      x: given.x,
      xs: given.xs,
      k_groups: groupsOf(bench.variant, 1, k),
      weight,
      y,
      ys,
      cout,
      chosen: bench.input(choice),
      cs: 16,
      bias: bench.input(bias),
    });
    expect(readRows(n, ys, at => [...bench.f32.subarray((y + at) / 4, (y + at) / 4 + cout)])).toEqual([
      ...twin.i8_gemm_dynamic(given.product, chosen, given.requantization.scale, bias),
    ]);
  });

  test("accumulators far beyond 2^22 of the output's scale saturate", () => {
    const given = setUp(bench, 4, 9, 8);
    given.requantization.scale.fill(3e6);
    given.product.bias.forEach((_, i, bias) => {
      bias[i] = i % 2 ? 0x7000_0000 : -0x7000_0000;
    });
    const weight = packed(bench, given);
    const y = bench.output(4 * 9 * storedBytes(bench.variant));
    const { zero, qmin, qmax } = given.requantization;
    const ys = 9 * storedBytes(bench.variant);
    bench.run("i8_gemm_requantize", {
      n: 4,
      x: given.x,
      xs: given.xs,
      k_groups: groupsOf(bench.variant, 1, 8),
      weight,
      y,
      ys,
      cout: 9,
      zero,
      qmin,
      qmax,
    });
    expect([...fromStored(bench, y, [36])]).toEqual([...twin.i8_gemm_requantize(given.product, given.requantization)]);
  });
});

overVariants("i8-dense", "run", bench => {
  test.each(DENSE)("%i outputs, k %i", (cout, k) => {
    const n = 2;
    const given = setUp(bench, n, cout, k);
    const { weight, bias, zero } = given.product;
    const pack = bench.output(densePackedBytes(bench.variant, cout, k));
    const scale = bench.input(given.requantization.scale);
    bench.run("i8_dense_pack", {
      cout,
      length: k,
      weight: bench.input(weight),
      bias: bench.input(bias),
      scale,
      zero,
      y: pack,
    });
    const ys = cout * storedBytes(bench.variant) + 6;
    const y = bench.output(ys + cout * storedBytes(bench.variant));
    const { zero: to, qmin, qmax } = given.requantization;
    bench.run("i8_dense", { n, x: given.x, xs: given.xs, length: k, weight: pack, y, ys, cout, zero: to, qmin, qmax });
    expect(readRows(n, ys, at => [...fromStored(bench, y + at, [cout])])).toEqual([
      ...twin.i8_gemm_requantize(given.product, given.requantization),
    ]);
  });
});
