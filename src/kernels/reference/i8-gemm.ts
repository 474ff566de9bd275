/** Slow twins of assembly/i8-gemm.ts and i8-dense.ts: on int8 and the weights as they are before packing. */
import { requantized } from "./stored.ts";

export interface Product {
  n: number;
  k: number;
  cout: number;
  /** [n][k] int8. */
  x: Int8Array;
  /** Zero point of x. */
  zero: number;
  /** [cout][k] int8. */
  weight: Int8Array;
  bias: Int32Array;
}

/** y[n][cout] = bias + sum over k of (x - zero) * weight, in 32 bits. */
export function i8_gemm({ n, k, cout, x, zero, weight, bias }: Product): Int32Array {
  const y = new Int32Array(n * cout);
  for (let i = 0; i < n; i++)
    for (let o = 0; o < cout; o++) {
      let sum = bias[o]!;
      for (let j = 0; j < k; j++) sum += (x[i * k + j]! - zero) * weight[o * k + j]!;
      y[i * cout + o] = sum;
    }
  return y;
}

export interface Requantization {
  /** f32(f32(s_in * s_w[c]) / s_out), one per output. */
  scale: Float32Array;
  /** Zero point of y. */
  zero: number;
  qmin: number;
  qmax: number;
}

/** The same in int8; also the twin of i8_dense. */
export function i8_gemm_requantize(product: Product, { scale, zero, qmin, qmax }: Requantization): Int8Array {
  return Int8Array.from(i8_gemm(product), (acc, i) => requantized(acc, scale[i % product.cout]!, zero, qmin, qmax));
}

/** f32(f32(acc) * scale of x) * scale[out] + bias[out], each step rounded to f32, with a quantization of x per row. */
export function i8_gemm_dynamic(
  product: Omit<Product, "zero" | "bias">,
  chosen: { scale: number; zero: number }[],
  scale: Float32Array,
  bias: Float32Array,
): Float32Array {
  const { n, k, cout } = product;
  const y = new Float32Array(n * cout);
  for (let i = 0; i < n; i++) {
    const row = {
      ...product,
      n: 1,
      x: product.x.subarray(i * k, (i + 1) * k),
      zero: chosen[i]!.zero,
      bias: new Int32Array(cout),
    };
    i8_gemm(row).forEach((acc, o) => {
      const real = Math.fround(Math.fround(Math.fround(acc) * Math.fround(chosen[i]!.scale)) * scale[o]!);
      y[i * cout + o] = real + bias[o]!;
    });
  }
  return y;
}
