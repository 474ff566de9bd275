import { beforeAll, describe, expect, test } from "vitest";
import { kernels, type RawKernels } from "../../src/kernels/index.ts";
import { supported } from "../../src/kernels/load.ts";
import { f32_conv2d } from "../../src/kernels/reference/f32-conv2d.ts";
import { f32_gemm } from "../../src/kernels/reference/f32-gemm.ts";
import { type Csr, f32_csr_spmm } from "../../src/kernels/reference/f32-spmm.ts";
import { i8_gemm } from "../../src/kernels/reference/i8-gemm.ts";
import { MODE } from "../../src/kernels/table/f32-gemm.ts";
import { KERNEL_NAMES } from "../../src/kernels/table.ts";
import { noise } from "./harness.ts";

let k: RawKernels;
beforeAll(async () => {
  k = await kernels({ bytes: 1 << 22 });
});

/** [rows][columns] -> [columns][rows]. */
const transposed = (x: Float32Array, rows: number, columns: number): Float32Array =>
  x.map((_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!);

describe("kernels()", () => {
  test("has every kernel by name, and reports the variant", () => {
    for (const name of KERNEL_NAMES) expect(k[name], name).toBeTypeOf("function");
    expect(k.variant).toBe(supported().relaxedDot === "u8" ? "relaxed" : "simd");
  });

  test("accepts a variant and fused training kernels if the engine has them", async () => {
    expect((await kernels({ variant: "simd" })).variant).toBe("simd");
    const fused = kernels({ fused: true, bytes: 65536 });
    if (supported().relaxed) expect((await fused).f32_adam).toBeTypeOf("function");
    else await expect(fused).rejects.toThrow(expect.objectContaining({ code: "no-relaxed-simd" }));
  });

  test("refuses unknown options", async () => {
    await expect(kernels({ pages: 3 } as never)).rejects.toThrow('"kernels" has no option "pages"');
    await expect(kernels({ bytes: 3 })).rejects.toThrow('"bytes" expected integer in 65536..');
    await expect(kernels({ variant: "fast" as never })).rejects.toThrow('"variant" expected one of "simd", "relaxed"');
  });
});

describe("kernels: the memory", () => {
  test("holds arrays apart from each other, aligned and zeroed, and a scope frees them", () => {
    const outer = k.alloc(Float32Array, [1, 2, 3]);
    const address = k.scope(() => {
      const a = k.alloc(Int8Array, 5).fill(7);
      const b = k.alloc(Float32Array, 2);
      expect(b.byteOffset % 64).toBe(0);
      expect(b.byteOffset).toBeGreaterThanOrEqual(a.byteOffset + 5 + 64);
      return a.byteOffset;
    });
    const again = k.alloc(Int8Array, 5);
    expect(again.byteOffset).toBe(address);
    expect([...again]).toEqual([0, 0, 0, 0, 0]);
    expect([...outer]).toEqual([1, 2, 3]);
  });

  test("is freed when work throws, and reports when it is full", () => {
    const before = k.scope(() => k.alloc(Int8Array, 1).byteOffset);
    expect(() => k.scope(() => k.alloc(Int8Array, 1 << 23))).toThrow('"bytes" expected a memory of at least');
    expect(k.scope(() => k.alloc(Int8Array, 1).byteOffset)).toBe(before);
  });

  test("raw kernels take its addresses", () => {
    k.scope(() => {
      const a = k.alloc(Float32Array, noise(9));
      const b = k.alloc(Float32Array, noise(9, 2));
      const y = k.alloc(Float32Array, 9);
      k.f32_add(9, a.byteOffset, b.byteOffset, y.byteOffset);
      expect(y).toEqual(a.map((v, i) => v + b[i]!));
    });
  });
});

describe("kernels on typed arrays", () => {
  for (const [m, n, depth] of [
    [1, 1, 1],
    [3, 8, 5],
    [7, 19, 33],
    [17, 63, 4],
  ] as const)
    test(`f32Gemm ${m}x${n}x${depth}`, () => {
      const a = noise(m * depth);
      const w = noise(n * depth, 2);
      const bias = noise(n, 3);
      const sizes = { m, n, k: depth };
      const twin = (mode: number) => f32_gemm({ ...sizes, mode }, a, w, bias);
      expect(k.f32Gemm(a, w, { ...sizes, bTransposed: true })).toEqual(twin(MODE.plain));
      expect(k.f32Gemm(a, transposed(w, n, depth), sizes)).toEqual(twin(MODE.plain));
      expect(k.f32Gemm(a, w, { ...sizes, bTransposed: true, bias })).toEqual(twin(MODE.bias));
      expect(k.f32Gemm(a, w, { ...sizes, bTransposed: true, bias, relu: true })).toEqual(twin(MODE.biasRelu));
    });

  test("f32Conv2d with strides, dilations, unequal pads and groups", () => {
    const options = {
      input: [9, 7, 4],
      filters: 6,
      kernel: [3, 2],
      strides: [2, 1],
      dilations: [1, 2],
      pads: [1, 0, 2, 1],
      groups: 2,
    } as const;
    const geometry = {
      h: 9,
      w: 7,
      cin: 4,
      oh: 4,
      ow: 8,
      cout: 6,
      kh: 3,
      kw: 2,
      stride_h: 2,
      stride_w: 1,
      pad_t: 1,
      pad_l: 2,
      dilation_h: 1,
      dilation_w: 2,
      groups: 2,
    };
    const x = noise(3 * 9 * 7 * 4);
    const weight = noise(6 * 3 * 2 * 2, 2);
    const bias = noise(6, 3);
    const twin = (mode: number) => f32_conv2d(3, geometry, mode, x, weight, bias);
    expect(k.f32Conv2d(x, weight, options)).toEqual(twin(MODE.plain));
    expect(k.f32Conv2d(x, weight, { ...options, bias, relu: true })).toEqual(twin(MODE.biasRelu));
  });

  /** int8 below 0, for which the relaxed dot product is the same on every engine. */
  const bytes = (n: number, seed: number) => Int8Array.from(noise(n, seed), v => Math.floor(v * 64) - 64);

  for (const variant of supported().relaxed ? (["simd", "relaxed"] as const) : (["simd"] as const))
    for (const [m, n, depth] of [
      [1, 1, 1],
      [3, 9, 5],
      [7, 19, 34],
    ] as const)
      test(`i8Gemm ${m}x${n}x${depth} (${variant})`, async () => {
        const own = await kernels({ bytes: 1 << 20, variant });
        const product = { n: m, k: depth, cout: n, x: bytes(m * depth, 1), zero: -7, weight: bytes(n * depth, 2) };
        const bias = Int32Array.from(noise(n, 3), v => v * 1e6);
        const sizes = { m, n, k: depth, zeroPoint: -7 };
        expect(
          own.i8Gemm(
            product.x,
            product.weight.map(w => w + 60),
            { ...sizes, bias },
          ),
        ).toEqual(i8_gemm({ ...product, weight: product.weight.map(w => w + 60), bias }));
        expect(
          own.i8Gemm(
            product.x,
            product.weight.map(w => w + 1),
            sizes,
          ),
        ).toEqual(i8_gemm({ ...product, weight: product.weight.map(w => w + 1), bias: new Int32Array(n) }));
      });

  test("i8Quantize and i8Dequantize", () => {
    const x = Float32Array.of(0, 0.25, 0.75, -0.25, 1, -1, 1000, -1000, Number.NaN);
    expect([...k.i8Quantize(x, { scale: 0.5, zeroPoint: 3 })]).toEqual([3, 3, 5, 3, 5, 1, 127, -128, -128]);
    expect([...k.i8Dequantize(Int8Array.of(3, 5, -128), { scale: 0.5, zeroPoint: 3 })]).toEqual([0, 1, -65.5]);
    const q = Int8Array.from({ length: 256 }, (_, i) => i - 128);
    expect(k.i8Quantize(k.i8Dequantize(q, { scale: 0.1 }), { scale: 0.1 })).toEqual(q);
  });

  const sparse = (dense: Float32Array, rows: number): Csr<Float32Array> => {
    const columns = dense.length / rows;
    const kept = [...dense.keys()].filter(i => dense[i]! > 0.4);
    return {
      values: Float32Array.from(kept, i => dense[i]!),
      columns: Int32Array.from(kept, i => i % columns),
      pointers: Int32Array.from({ length: rows + 1 }, (_, r) => kept.filter(i => i < r * columns).length),
    };
  };

  test("CSR products", () => {
    const s = sparse(noise(7 * 12), 7);
    const b = noise(12 * 5, 2);
    expect(k.f32CsrSpmm(s, b, 5)).toEqual(f32_csr_spmm(s, 5, b, new Float32Array(7)));
    expect(k.f32CsrSpmm(s, b, 5, noise(7, 3))).toEqual(f32_csr_spmm(s, 5, b, noise(7, 3)));
    const whole = { ...s, values: Int8Array.from(s.values, v => Math.round(v * 100)) };
    const int8 = Int8Array.from(b, v => Math.round(v * 127));
    const expected = f32_csr_spmm(
      { ...s, values: Float32Array.from(whole.values) },
      5,
      Float32Array.from(int8),
      new Float32Array(7),
    );
    expect([...k.i8CsrSpmm(whole, int8, 5)]).toEqual([...expected]);
  });
});

describe("kernels name wrong arguments", () => {
  const f = (n: number) => new Float32Array(n);
  const s: Csr<Float32Array> = { values: f(2), columns: Int32Array.of(0, 2), pointers: Int32Array.of(0, 1, 2) };
  for (const [what, call, message] of [
    ["a size", () => k.f32Gemm(f(4), f(4), { m: 0, n: 2, k: 2 }), '"m" expected integer >= 1, got 0'],
    ["a length", () => k.f32Gemm(f(5), f(4), { m: 2, n: 2, k: 2 }), '"a" expected 4 elements, got 5'],
    ["a bias", () => k.f32Gemm(f(4), f(4), { m: 2, n: 2, k: 2, bias: f(3) }), '"bias" expected 2 elements, got 3'],
    ["an option", () => k.f32Gemm(f(4), f(4), { m: 2, n: 2, k: 2, rlu: true } as never), 'has no option "rlu"'],
    [
      "a weight of -128",
      () => k.i8Gemm(new Int8Array(1), Int8Array.of(-128), { m: 1, n: 1, k: 1 }),
      '"b" expected int8 in',
    ],
    ["a scale", () => k.i8Quantize(f(1), { scale: 0 }), '"scale" expected finite number > 0, got 0'],
    ["a column", () => k.f32CsrSpmm(s, f(4), 2), '"columns" expected integer in 0..1, got 2'],
    [
      "a pointer",
      () => k.f32CsrSpmm({ ...s, pointers: Int32Array.of(0, 3, 2) }, f(6), 2),
      '"pointers" expected no descent',
    ],
    [
      "a kernel over the image",
      () => k.f32Conv2d(f(9), f(16), { input: [3, 3, 1], filters: 1, kernel: [4, 4] }),
      '"kernel" expected at most the padded image, 3x3, got "4x4"',
    ],
    [
      "groups",
      () => k.f32Conv2d(f(27), f(16), { input: [3, 3, 3], filters: 2, kernel: [1, 1], groups: 2 }),
      '"groups" expected a divisor of 3 channels and 2 filters, got 2',
    ],
  ] as const)
    test(what, () => expect(call).toThrow(message));
});
