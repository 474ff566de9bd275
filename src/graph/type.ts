/** The type of a value: shape, element type, quantization. */
import type { DType, Shape } from "../base/shape.ts";

/** real = scale * (q - zeroPoint). `axis`: one scale per index of that axis (weights), else a single scale. */
export interface Quantization {
  scale: Float32Array;
  zeroPoint: number;
  axis?: number;
}

export interface Type {
  shape: Shape;
  dtype: DType;
  batched: boolean;
  quantization?: Quantization;
}
