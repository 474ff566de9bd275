/** Benchmarks of single kernels, on memory that is laid out as the planner would lay it out. */
import { Random } from "../../base/random.ts";
import type { RawKernels } from "../../kernels/arrays.ts";
import { panels } from "../../kernels/layout.ts";
import { groupsOf, panelBytes, storedBytes } from "../../kernels/stored.ts";
import { gemmScratch, MODE } from "../../kernels/table/f32-gemm.ts";
import { type Case, type Effort, least, PER_CYCLE, SHORT } from "./measure.ts";

type Sizes = readonly [m: number, n: number, k: number];

const floats = (n: number, seed: number): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => random.uniform(-1, 1));
};

const integers = (n: number, seed: number): Int8Array => {
  const random = new Random(seed);
  return Int8Array.from({ length: n }, () => Math.floor(random.uniform(-127, 128)));
};

/** c[m][n] = a[m][k] * b[k][n] + bias, b packed before, as weights are. */
export function f32Gemm(kernels: RawKernels, [m, n, k]: Sizes): Case {
  return {
    name: `f32_gemm ${m}x${n}x${k}`,
    unit: "GMAC/s",
    amount: m * n * k,
    perCycle: PER_CYCLE.f32,
    measure: effort =>
      kernels.scope(() => {
        const a = kernels.alloc(Float32Array, floats(m * k, 1)).byteOffset;
        const b = kernels.alloc(Float32Array, panels.bytes([n, k], "f32") / 4).byteOffset;
        kernels.f32_pack_panels(n, k, kernels.alloc(Float32Array, floats(n * k, 2)).byteOffset, 4, 4 * n, b);
        const c = kernels.alloc(Float32Array, m * n).byteOffset;
        const bias = kernels.alloc(Float32Array, floats(n, 3)).byteOffset;
        const scratch = kernels.alloc(Uint8Array, gemmScratch(k)).byteOffset;
        return least(() => kernels.f32_gemm_packed(m, n, k, a, 4 * k, b, c, 4 * n, MODE.bias, bias, scratch), effort);
      }),
  };
}

/** c[m][n] = a[m][k] * b[k][n] + bias in int8 with int32 results, b packed before, a in the stored form of activations. */
export function i8Gemm(kernels: RawKernels, [m, n, k]: Sizes): Case {
  const { variant } = kernels;
  return {
    name: `i8_gemm ${m}x${n}x${k}`,
    unit: "GMAC/s",
    amount: m * n * k,
    perCycle: PER_CYCLE[variant],
    measure: effort =>
      kernels.scope(() => {
        const groups = groupsOf(variant, 1, k);
        const b = kernels.alloc(Uint8Array, panelBytes(n, groups)).byteOffset;
        const weights = kernels.alloc(Int8Array, integers(n * k, 2)).byteOffset;
        const bias = kernels.alloc(Int32Array, n).byteOffset;
        kernels.i8_gemm_pack(n, 1, k, weights, bias, kernels.alloc(Float32Array, n).byteOffset, 3, b);
        const pitch = k * storedBytes(variant);
        const a = kernels.alloc(Uint8Array, m * pitch).byteOffset;
        const from = kernels.alloc(Int8Array, integers(m * k, 1)).byteOffset;
        kernels.i8_enter(1, from, m * k, a, m * pitch, m, k, pitch);
        const c = kernels.alloc(Int32Array, m * n).byteOffset;
        return least(() => kernels.i8_gemm(m, a, pitch, groups, b, c, 4 * n, n), effort);
      }),
  };
}

/** Sizes around the tiles of the kernels, and one between. */
const SIDES = [1, 7, 17, 33, 63, 127, 255];

/** Both GEMMs at all m, n, k of `SIDES`, or only where all three are equal. */
export function gemmSweep(kernels: RawKernels, cubesOnly: boolean): Case[] {
  const sizes: Sizes[] = cubesOnly
    ? SIDES.map(s => [s, s, s])
    : SIDES.flatMap(m => SIDES.flatMap(n => SIDES.map((k): Sizes => [m, n, k])));
  const short = (c: Case): Case => ({ ...c, measure: () => c.measure(SHORT) });
  return [i8Gemm, f32Gemm].flatMap(gemm => sizes.map(size => short(gemm(kernels, size))));
}

/** A sparse [side][side] times a dense [side][side]; the products counted are those of non-zeros. */
export function csr(kernels: RawKernels, dtype: "f32" | "i8", sparsity: number): Case {
  const side = 256;
  const s = sparse(side, sparsity);
  const kept = s.columns.length;
  const kernel = `${dtype}_csr_spmm` as const;
  return {
    name: `${kernel} ${side}x${side}x${side} ${Math.round(100 * sparsity)}%`,
    unit: "GMAC/s",
    amount: kept * side,
    ...(dtype === "f32" && { perCycle: PER_CYCLE.f32 }),
    measure: effort =>
      kernels.scope(() => {
        const operand = (n: number, seed: number) =>
          dtype === "f32" ? kernels.alloc(Float32Array, floats(n, seed)) : kernels.alloc(Int8Array, integers(n, seed));
        const values = operand(kept, 4).byteOffset;
        const columns = kernels.alloc(Int32Array, s.columns).byteOffset;
        const pointers = kernels.alloc(Int32Array, s.pointers).byteOffset;
        const dense = operand(side * side, 5);
        const pitch = side * dense.BYTES_PER_ELEMENT;
        const bias = kernels.alloc(Int32Array, side).byteOffset;
        const y = kernels.alloc(Int32Array, side * side).byteOffset;
        const b = dense.byteOffset;
        return least(() => kernels[kernel](side, side, values, columns, pointers, b, pitch, bias, y, 4 * side), effort);
      }),
  };
}

/** Places of a random matrix with exactly round(side^2 (1 - sparsity)) non-zeros. */
function sparse(side: number, sparsity: number): { columns: Int32Array; pointers: Int32Array } {
  const kept = Math.round(side * side * (1 - sparsity));
  const places = new Random(6)
    .permutation(side * side)
    .subarray(0, kept)
    .sort();
  const pointers = new Int32Array(side + 1);
  for (const place of places) pointers[Math.floor(place / side) + 1]!++;
  for (let row = 0; row < side; row++) pointers[row + 1]! += pointers[row]!;
  return { columns: places.map(place => place % side), pointers };
}

/** f32 to the stored form of int8, and back: an image of 64 k numbers. */
export function conversions(kernels: RawKernels): Case[] {
  const length = 65536;
  const pitch = length * storedBytes(kernels.variant);
  const conversion = (name: "i8_quantize" | "i8_dequantize", call: (x: number, q: number) => void): Case => ({
    name: `${name} ${length}`,
    unit: "Gvalue/s",
    amount: length,
    measure: (effort: Effort) =>
      kernels.scope(() => {
        const x = kernels.alloc(Float32Array, floats(length, 7)).byteOffset;
        const q = kernels.alloc(Uint8Array, pitch).byteOffset;
        kernels.i8_quantize(1, x, 4 * length, q, pitch, 1, length, pitch, 127, 3);
        return least(() => call(x, q), effort);
      }),
  });
  return [
    conversion("i8_quantize", (x, q) => kernels.i8_quantize(1, x, 4 * length, q, pitch, 1, length, pitch, 127, 3)),
    conversion("i8_dequantize", (x, q) =>
      kernels.i8_dequantize(1, q, pitch, x, 4 * length, 1, length, pitch, 1 / 127, 3),
    ),
  ];
}
