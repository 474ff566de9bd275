import { type Shape, size } from "./shape.ts";

/**
 * What `evaluate` computes on: the numbers of any dtype, in float64. A batched value has the number of images as its first axis.
 * Slow and obvious; kernels never see it.
 */
export interface Tensor {
  shape: Shape;
  data: Float64Array;
}

export function tensor(shape: Shape, data: Float64Array = new Float64Array(size(shape))): Tensor {
  return { shape, data };
}
