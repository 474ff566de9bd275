/** Benchmarks of single kernels, on memory that is laid out as by the planner. */
import { Random } from "../../base/random.ts";
import type { RawKernels } from "../../kernels/arrays.ts";
import { groupsOf, panelBytes } from "../../kernels/i8/panels.ts";
import { storedBytes } from "../../kernels/i8/stored.ts";
import { panels } from "../../kernels/layout.ts";
import { gemmScratch, MODE } from "../../kernels/table/f32-gemm.ts";
import { KERNELS, type KernelArgs, type KernelName } from "../../kernels/table.ts";
import { type Case, i8PerCycle, least, PER_CYCLE, SHORT } from "./measure.ts";

type Sizes = readonly [m: number, n: number, k: number];

const floats = (n: number, seed: number): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => random.uniform(-1, 1));
};

const integers = (n: number, seed: number): Int8Array => {
  const random = new Random(seed);
  return Int8Array.from({ length: n }, () => Math.floor(random.uniform(-127, 128)));
};

/** Binds a kernel to arguments given by name, in the order of the kernel table. */
function call<K extends KernelName>(kernels: RawKernels, name: K, args: KernelArgs<K, number>): () => void {
  const values = Object.keys(KERNELS[name].args).map(key => (args as Record<string, number>)[key]!);
  const kernel = kernels[name] as (...args: number[]) => void;
  return () => kernel(...values);
}

/** c[m][n] = a[m][k] * b[k][n] + bias, with b packed beforehand, like weights. */
export function f32Gemm(kernels: RawKernels, [m, n, k]: Sizes): Case {
  const at = (data: number | Float32Array) => kernels.alloc(Float32Array, data).byteOffset;
  return {
    name: `f32_gemm ${m}x${n}x${k}`,
    unit: "GMAC/s",
    amount: m * n * k,
    perCycle: PER_CYCLE.f32,
    measure: effort =>
      kernels.scope(() => {
        const weight = at(panels.bytes([n, k], "f32") / 4);
        call(kernels, "f32_pack_panels", { n, k, x: at(floats(n * k, 2)), xn: 4, xk: 4 * n, y: weight })();
        const ends = { a: at(floats(m * k, 1)), lda: 4 * k, weight, c: at(m * n), ldc: 4 * n };
        const finish = { mode: MODE.bias, aux: at(floats(n, 3)), scratch: at(gemmScratch(k) / 4) };
        return least(call(kernels, "f32_gemm", { m, n, k, ...ends, ...finish }), effort);
      }),
  };
}

/**
 * c[m][n] = a[m][k] * b[k][n] + bias in int8 with int32 results, with b packed beforehand and a stored as activations
 * are.
 */
export function i8Gemm(kernels: RawKernels, [m, n, k]: Sizes): Case {
  const { variant } = kernels;
  const at = (bytes: number | Int8Array) => kernels.alloc(Int8Array, bytes).byteOffset;
  return {
    name: `i8_gemm ${m}x${n}x${k}`,
    unit: "GMAC/s",
    amount: m * n * k,
    perCycle: i8PerCycle(variant),
    measure: effort =>
      kernels.scope(() => {
        const zero = 3;
        const k_groups = groupsOf(variant, 1, k);
        const weight = at(panelBytes(n, k_groups));
        const weights = { weight: at(integers(n * k, 2)), bias: at(4 * n), scale: at(4 * n) };
        call(kernels, "i8_gemm_pack", { cout: n, runs: 1, length: k, ...weights, zero, y: weight })();
        const xs = k * storedBytes(variant);
        const x = at(m * xs);
        const image = { h: 1, w: 1, c: k, pad_t: 0, pad_b: 0, pad_l: 0, pad_r: 0, zero };
        call(kernels, "i8_enter", { n: m, x: at(integers(m * k, 1)), xs: k, y: x, ys: xs, ...image })();
        return least(
          call(kernels, "i8_gemm", { n: m, x, xs, k_groups, weight, y: at(4 * m * n), ys: 4 * n, cout: n }),
          effort,
        );
      }),
  };
}

/** Sizes around the tiles of the kernels, and one between. */
const SIDES = [1, 7, 17, 33, 63, 127, 255];

/** Both GEMMs at all m, n, k of `SIDES`, or only at equal m, n, k. */
export function gemmSweep(kernels: RawKernels, cubesOnly: boolean): Case[] {
  const sizes: Sizes[] = cubesOnly
    ? SIDES.map(s => [s, s, s])
    : SIDES.flatMap(m => SIDES.flatMap(n => SIDES.map((k): Sizes => [m, n, k])));
  const short = (c: Case): Case => ({ ...c, measure: () => c.measure(SHORT) });
  return [i8Gemm, f32Gemm].flatMap(gemm => sizes.map(size => short(gemm(kernels, size))));
}

/** A sparse [side][side] times a dense [side][side]; only products of non-zeros are counted. */
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
        const at = (data: number | Int32Array) => kernels.alloc(Int32Array, data).byteOffset;
        const operand = (n: number, seed: number) =>
          dtype === "f32" ? kernels.alloc(Float32Array, floats(n, seed)) : kernels.alloc(Int8Array, integers(n, seed));
        const dense = operand(side * side, 5);
        const places = { columns: at(s.columns), pointers: at(s.pointers) };
        const sparse = { rows: side, n: side, values: operand(kept, 4).byteOffset, ...places };
        const right = { b: dense.byteOffset, ldb: side * dense.BYTES_PER_ELEMENT };
        const ends = { bias: at(side), y: at(side * side), ldy: 4 * side };
        return least(call(kernels, kernel, { ...sparse, ...right, ...ends }), effort);
      }),
  };
}

/** Positions of a random matrix with exactly round(side^2 (1 - sparsity)) non-zeros. */
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

/** Converts f32 to stored int8, and back: 64 k numbers, none of them clamped. */
export function conversions(kernels: RawKernels): Case[] {
  const length = 65536;
  const ends = (x: Float32Array, q: Int8Array) => {
    const [real, stored] = [4 * length, q.length];
    return {
      quantize: { x: x.byteOffset, xs: real, y: q.byteOffset, ys: stored, inverse: 127, zero: 0 },
      dequantize: { x: q.byteOffset, xs: stored, y: x.byteOffset, ys: real, scale: 1 / 127, zero: 0 },
    };
  };
  return (["quantize", "dequantize"] as const).map(direction => ({
    name: `i8_${direction} ${length}`,
    unit: "Gvalue/s",
    amount: length,
    measure: effort =>
      kernels.scope(() => {
        const row_stride = length * storedBytes(kernels.variant);
        const args = ends(kernels.alloc(Float32Array, floats(length, 7)), kernels.alloc(Int8Array, row_stride));
        const rows = { n: 1, rows: 1, length, row_stride };
        const quantize = call(kernels, "i8_quantize", { ...rows, ...args.quantize });
        quantize();
        const dequantize = call(kernels, "i8_dequantize", { ...rows, ...args.dequantize });
        return least(direction === "quantize" ? quantize : dequantize, effort);
      }),
  }));
}
