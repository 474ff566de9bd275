// What a user's TypeScript sees; compiled against the installed tarball with `strict` and without `skipLibCheck`.
import { type Csr, kernels, type RawKernels, supported } from "penjing/kernels";

const k: RawKernels = await kernels({ bytes: 1 << 20, variant: supported().relaxed ? "relaxed" : "simd" });
const y: Float32Array = k.f32Gemm(new Float32Array(6), new Float32Array(12), { m: 2, n: 4, k: 3, relu: true });
const s: Csr<Int8Array> = { values: Int8Array.of(1), columns: Int32Array.of(0), pointers: Int32Array.of(0, 1) };
const z: Int32Array = k.i8CsrSpmm(s, Int8Array.of(2, 3), 2);
k.f32_relu(y.length, k.alloc(Float32Array, y).byteOffset, k.alloc(Float32Array, z.length).byteOffset);

// @ts-expect-error sizes are numbers
k.f32Gemm(new Float32Array(6), new Float32Array(12), { m: "2", n: 4, k: 3 });
// @ts-expect-error no such variant
kernels({ variant: "fast" });
