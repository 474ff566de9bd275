import type { Rows } from "./row.ts";

/**
 * Weights are panels of 8 outputs, `length` rows each (`panels` of src/kernels/layout.ts): a lane is an output. `scale`
 * has a number for every output, whole panels of them, those behind the last output too.
 */
const panel = { outputs: "int", length: "int" } as const;

/** Activations in any layout, padding included. `range` is [low, high, weight, rate]. */
const activations = { overRead: 12, overWrite: 12 } as const;

export const f32FakeQuantize = {
  /**
   * y = max |x| / levels for each output, or of all outputs where `single` is 1; 2^-126 at least.
   */
  f32_weight_scales: {
    args: { ...panel, x: "read", y: "write", levels: "float", single: "int" },
    binary: "both",
  },
  /**
   * y = mean of those |x| that are greater than 0.7 mean |x|, for each output, or of all outputs where `single` is 1;
   * 2^-126 at least. An output's sums run in the order of its rows.
   */
  f32_ternary_scales: {
    args: { ...panel, x: "read", y: "write", single: "int" },
    binary: "both",
  },
  /**
   * y = max(step, 2^-10) unit for each output, or that of output 0 for all where `single` is 1; 2^-126 at least, and 1
   * behind the last output.
   */
  f32_learned_scales: {
    args: { outputs: "int", step: "read", unit: "read", y: "write", single: "int" },
    binary: "both",
  },
  /** y = scale clamp(round(x / scale), -levels, levels), halves to even. */
  f32_fake_quantize: {
    args: { ...panel, x: "read", scale: "read", y: "write", levels: "float" },
    binary: "both",
  },
  /** dx = |x / scale| < levels ? dy : 0. */
  f32_fake_quantize_gradient: {
    args: { ...panel, dy: "read", x: "read", scale: "read", dx: "write", levels: "float" },
    binary: "train",
  },
  /**
   * y = gain / unit times the sum of dy (q - x / scale) where |x / scale| < levels, and of dy q elsewhere; q is the
   * rounded and clamped x / scale. For each output, in the order of its rows, or of all outputs where `single` is 1.
   */
  f32_fake_quantize_step_gradient: {
    args: {
      ...panel,
      dy: "read",
      x: "read",
      scale: "read",
      unit: "read",
      y: "write",
      levels: "float",
      gain: "float",
      single: "int",
    },
    binary: "train",
  },

  /**
   * y = what the int8 numbers of `range` hold of x: scale (clamp(round(x / scale) + zero, -128, 127) - zero), halves to
   * even, where low..high with 0 in it are 255 steps. y = x where weight is 0.
   */
  f32_fake_quantize_activation: {
    args: { n: "int", x: "read", range: "read", y: "write" },
    binary: "both",
    ...activations,
  },
  /** dx = dy where x is not beyond the least and the greatest number of `range`, else 0. dx = dy where weight is 0. */
  f32_fake_quantize_activation_gradient: {
    args: { n: "int", dy: "read", x: "read", range: "read", dx: "write" },
    binary: "train",
    ...activations,
  },
  /** y = [Infinity, -Infinity]. */
  f32_no_range: { args: { y: "write" }, binary: "train" },
  /**
   * y = [min(y[0], x), max(y[1], x)] over the `length` floats x of all images, NaN left out; nothing where the rate of
   * `range` is 0.
   */
  f32_observe_range: {
    args: { n: "count", x: "read", xs: "int", length: "int", range: "read", y: "update" },
    binary: "train",
  },
  /**
   * range = [low + (x[0] - low) rate / w, high + (x[1] - high) rate / w, w, rate] with w = weight + rate (1 - weight):
   * an average with exponential weights that sum up to 1. Nothing where the rate is 0.
   */
  f32_move_range: { args: { x: "read", range: "update" }, binary: "train" },
} as const satisfies Rows;
