import { expect, test } from "vitest";
import { clockGHz } from "../../src/kernels/clock.ts";
import { penjing } from "./penjing.ts";

interface Row {
  name: string;
  unit: string;
  value: number;
  limit?: number;
  fraction?: number;
}

const bench = async (filter: string): Promise<Row[]> =>
  (await penjing(["bench", "--json", "--short", "--filter", filter])).json.rows;

test("clockGHz is the clock of a processor", () => {
  expect(clockGHz()).toBeGreaterThan(0.2);
  expect(clockGHz()).toBeLessThan(10);
});

test("bench: the document has engine, variant, clock, rows with limit and fraction", async () => {
  const { code, json, errors } = await penjing(["bench", "--json", "--quick", "--filter", "gemm 7x7x7"]);
  expect([code, errors]).toEqual([0, ""]);
  expect(Object.keys(json)).toEqual(["engine", "variant", "clockGHz", "rows"]);
  expect(json.engine).toContain("node ");
  expect(["simd", "relaxed"]).toContain(json.variant);
  expect(json.rows.map((r: Row) => r.name)).toEqual(["i8_gemm 7x7x7", "f32_gemm 7x7x7"]);
  for (const { unit, value, limit, fraction } of json.rows) {
    expect(unit).toBe("GMAC/s");
    expect(value).toBeGreaterThan(0);
    expect(fraction).toBeCloseTo(value / limit, 10);
  }
  expect(json.rows[1].limit).toBeCloseTo(8 * json.clockGHz, 10);
});

test("bench: both GEMMs at all sizes around the tiles, only the cubes with --quick", async () => {
  // among the rows of a name: one size given, the other all seven
  expect((await bench("f32_gemm 1x1x")).length).toBe(7);
  const quick = await penjing(["bench", "--quick", "--json", "--filter", "i8_gemm 1"]);
  expect(quick.json.rows.map((r: Row) => r.name)).toEqual(["i8_gemm 1x1x1", "i8_gemm 17x17x17", "i8_gemm 127x127x127"]);
});

test("bench: of time per image, the fraction is limit / value", async () => {
  const rows = await bench("lenet5 int8");
  expect(rows.map(r => [r.name, r.unit])).toEqual([
    ["lenet5 int8 batch 1", "us/image"],
    ["lenet5 int8 batch 256", "us/image"],
  ]);
  for (const { value, limit, fraction } of rows) expect(fraction).toBeCloseTo(limit! / value, 10);
});

test("bench: convolutions by the kernel that runs them, sparse products, conversions", async () => {
  expect((await bench("conv2d")).length).toBe(8);
  expect((await bench("csr_spmm")).map(r => r.name.split(" ").at(-1))).toEqual([
    "50%",
    "50%",
    "80%",
    "80%",
    "90%",
    "90%",
    "95%",
    "95%",
  ]);
  const conversions = await bench("quantize");
  expect(conversions.map(r => [r.name, r.unit])).toEqual([
    ["i8_quantize 65536", "Gvalue/s"],
    ["i8_dequantize 65536", "Gvalue/s"],
  ]);
  for (const row of conversions) expect(row).not.toHaveProperty("limit");
});

test("bench: how many times pruned layers are faster than the same layers without zeros", async () => {
  const rows = await bench("sparse");
  expect(rows.map(r => r.name)).toEqual([
    "sparse int8 1x1 of 64 to 64, 32x32, 80% of 1x4 blocks",
    "sparse int8 1x1 of 64 to 64, 32x32, 90% of weights",
    "sparse int8 dense 512x512, 80% of 4x16 blocks",
    "sparse f32 512x512 times 64, 90% of weights",
    "sparse f32 1x1 of 64 to 64, 32x32, 80% of 1x4 blocks",
    "sparse f32 dense 512x512, 80% of 4x16 blocks",
  ]);
  for (const { unit, value } of rows) {
    expect(unit).toBe("x dense");
    expect(value).toBeGreaterThan(0);
  }
});

test("bench: prints a table", async () => {
  const { out } = await penjing(["bench", "--filter", "f32_gemm 7x7x7"]);
  expect(out).toMatch(/^name +value +unit +limit +of limit$/m);
  expect(out).toMatch(/^f32_gemm 7x7x7 +[\d.]+ +GMAC\/s +[\d.]+ +\d+ %$/m);
});
