/** quantize(x f32) -> int8 of `quantization`, and dequantize back: the borders of int8 in a graph. */
import { tensor } from "../base/tensor.ts";
import type { Op, Quantization } from "../graph/graph.ts";
import { type Axes, type CostOf, type Evaluate, type Gradient, refuse } from "../graph/meaning.ts";
import { sameAxes } from "./elementwise.ts";

export interface Quantize {
  quantization: Quantization;
}

export const quantize: Op<Quantize> = {
  name: "quantize",
  infer([x], { quantization }) {
    if (x!.dtype !== "f32") throw new TypeError(`expects f32, got ${x!.dtype}`);
    return [{ shape: x!.shape, dtype: "i8", batched: x!.batched, quantization }];
  },
};

export const dequantize: Op = {
  name: "dequantize",
  infer([x]) {
    if (x!.dtype !== "i8" || !x!.quantization) throw new TypeError(`expects i8 with a quantization, got ${x!.dtype}`);
    return [{ shape: x!.shape, dtype: "f32", batched: x!.batched }];
  },
};

/** The nearest integer, of two the even one. */
export function roundHalfEven(v: number): number {
  const floor = Math.floor(v);
  const rest = v - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** Kernels multiply by 1 / scale in f32: so does the specification. */
export const evaluate = {
  quantize([x], { quantization: q }: Quantize) {
    const inverse = Math.fround(1 / q.scale[0]!);
    const steps = (v: number) => roundHalfEven(Math.fround(Math.fround(v) * inverse)) + q.zeroPoint;
    return [
      tensor(
        x!.shape,
        x!.data.map(v => (Number.isNaN(v) ? -128 : Math.max(-128, Math.min(127, steps(v))))),
      ),
    ];
  },
  dequantize([x], _, { inputs: [type] }) {
    const { scale, zeroPoint } = type!.quantization!;
    return [
      tensor(
        x!.shape,
        x!.data.map(v => Math.fround((v - zeroPoint) * scale[0]!)),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

const noGradient = refuse("integers do not carry gradients; fakeQuant is the trainable twin");

export const gradient = { quantize: noGradient, dequantize: noGradient } satisfies Record<string, Gradient | object>;

export const lowerBackward = {
  quantize: refuse("int8 runs in the running binary, not in the training one"),
  dequantize: refuse("int8 runs in the running binary, not in the training one"),
};

export const cost = { quantize: () => ({ macs: 0 }), dequantize: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

export const axes = { quantize: sameAxes, dequantize: sameAxes } satisfies Record<string, Axes>;
