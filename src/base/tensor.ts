import { type Shape, size } from "./shape.ts";

/**
 * The type `evaluate` computes on: numbers of any dtype, in float64. The first axis of a batched value is the number of
 * images. Slow and obvious; kernels never see it.
 */
export interface Tensor {
  shape: Shape;
  data: Float64Array;
}

export function tensor(shape: Shape, data: Float64Array = new Float64Array(size(shape))): Tensor {
  return { shape, data };
}
