/**
 * Twins of the f32 depthwise convolutions, on arrays in logical order, weights [out][kh][kw]: convolutions with as many
 * groups as input channels, whose sums run in the same order.
 */
import type { Conv2dGeometry } from "../table/f32-conv2d.ts";
import type { DepthwiseGeometry } from "../table/f32-depthwise.ts";
import { f32_conv2d, f32_conv2d_input_gradient, f32_conv2d_weight_gradient } from "./f32-conv2d.ts";

const grouped = ({ multiplier, ...g }: DepthwiseGeometry): Conv2dGeometry => ({
  ...g,
  cout: g.cin * multiplier,
  groups: g.cin,
});

export const f32_depthwise = (
  n: number,
  g: DepthwiseGeometry,
  mode: number,
  x: Float32Array,
  weight: Float32Array,
  aux: Float32Array,
): Float32Array => f32_conv2d(n, grouped(g), mode, x, weight, aux);

export const f32_depthwise_input_gradient = (
  n: number,
  g: DepthwiseGeometry,
  dy: Float32Array,
  weight: Float32Array,
): Float32Array => f32_conv2d_input_gradient(n, grouped(g), dy, weight);

/** Adds to dw and db, in place. */
export const f32_depthwise_weight_gradient = (
  n: number,
  g: DepthwiseGeometry,
  x: Float32Array,
  dy: Float32Array,
  dw: Float32Array,
  db: Float32Array,
): void => f32_conv2d_weight_gradient(n, grouped(g), x, dy, dw, db);
