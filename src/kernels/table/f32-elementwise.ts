import type { Row, Rows } from "./row.ts";
import { backward, inputGradient, rows, source, target } from "./rows.ts";

/**
 * Elementwise kernels run over `n` stored floats, any layout, padding included, and may run in place (an output may be
 * an input). They work in whole vectors, so up to three floats after the last are read and written.
 */
const vectors = { overRead: 12, overWrite: 12 };

const unary = { args: { n: "int", x: "read", y: "write" }, binary: "both", ...vectors } as const satisfies Row;

/** Kernels for users of `penjing/kernels` to which no op is lowered: not in the running binary. */
const unaryOutside = { ...unary, binary: "train" } as const satisfies Row;

/** dx from the upstream gradient and the forward's output. */
const fromOutput = {
  args: { n: "int", dy: "read", y: "read", dx: "write" },
  binary: "train",
  ...vectors,
} as const satisfies Row;

/** dx from the upstream gradient and the forward's input. */
const fromInput = {
  args: { n: "int", dy: "read", x: "read", dx: "write" },
  binary: "train",
  ...vectors,
} as const satisfies Row;

const binary = {
  args: { n: "int", a: "read", b: "read", y: "write" },
  binary: "both",
  ...vectors,
} as const satisfies Row;

/** y = x where a and b compare so, else 0. */
const where = {
  args: { n: "int", x: "read", a: "read", b: "read", y: "write" },
  binary: "train",
  ...vectors,
} as const satisfies Row;

/** s is the address of one f32. */
const withScalar = {
  args: { n: "int", x: "read", s: "read", y: "write" },
  binary: "train",
  ...vectors,
} as const satisfies Row;

export const f32Elementwise = {
  /** y = max(x, 0). */
  f32_relu: unary,
  /** dx = y > 0 ? dy : 0. */
  f32_relu_gradient: fromOutput,
  /** y = min(max(x, low), high): ReLU6 is 0..6. */
  f32_clip: { args: { ...unary.args, low: "float", high: "float" }, binary: "both", ...vectors },
  /** dx = low < y < high ? dy : 0. */
  f32_clip_gradient: { args: { ...fromOutput.args, low: "float", high: "float" }, binary: "train", ...vectors },
  /** y = x > 0 ? x : alpha x, alpha >= 0. */
  f32_leaky_relu: { args: { ...unary.args, alpha: "float" }, binary: "both", ...vectors },
  /** dx = y > 0 ? dy : alpha dy. */
  f32_leaky_relu_gradient: { args: { ...fromOutput.args, alpha: "float" }, binary: "train", ...vectors },
  /** y = x > 0 ? x : alpha (exp(x) - 1), alpha >= 0. */
  f32_elu: { args: { ...unary.args, alpha: "float" }, binary: "both", ...vectors },
  /** dx = y > 0 ? dy : dy (y + alpha). */
  f32_elu_gradient: { args: { ...fromOutput.args, alpha: "float" }, binary: "train", ...vectors },
  /** y = min(max(alpha x + beta, 0), 1): Keras has 1/6 and 1/2. */
  f32_hard_sigmoid: { args: { ...unary.args, alpha: "float", beta: "float" }, binary: "both", ...vectors },
  /** dx = 0 < y < 1 ? alpha dy : 0. */
  f32_hard_sigmoid_gradient: { args: { ...fromOutput.args, alpha: "float" }, binary: "train", ...vectors },
  /** y = x min(max(x + 3, 0), 6) / 6. */
  f32_hard_swish: unary,
  /** From the input: dx = dy (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 1/2). */
  f32_hard_swish_gradient: fromInput,
  /** y = 1 / (1 + exp(-x)). */
  f32_sigmoid: unary,
  /** dx = dy y (1 - y). */
  f32_sigmoid_gradient: fromOutput,
  /** y = tanh(x). */
  f32_tanh: unary,
  /** dx = dy (1 - y^2). */
  f32_tanh_gradient: fromOutput,

  /** y = x (1 + erf(x / sqrt(2))) / 2. */
  f32_gelu: unary,
  /** From the input: dx = dy (Phi(x) + x phi(x)), with the normal distribution and its density. */
  f32_gelu_gradient: fromInput,
  /** y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. */
  f32_gelu_tanh: unary,
  /** From the input: dx = dy times the derivative of f32_gelu_tanh. */
  f32_gelu_tanh_gradient: fromInput,
  /** y = x / (1 + exp(-x)). */
  f32_silu: unary,
  /** From the input: dx = dy s (1 + x (1 - s)), s = 1 / (1 + exp(-x)). */
  f32_silu_gradient: fromInput,

  /** y = exp(x). */
  f32_exp: unary,
  /** dx = dy y. */
  f32_exp_gradient: fromOutput,
  /** Natural logarithm: -Infinity at 0, NaN below. */
  f32_log: unary,
  /** From the input: dx = dy / x. */
  f32_log_gradient: fromInput,
  /** y = sqrt(x). */
  f32_sqrt: unary,
  /** dx = dy / (2 y). */
  f32_sqrt_gradient: fromOutput,
  /** y = 1 / sqrt(x). */
  f32_rsqrt: unary,
  /** dx = -dy y^3 / 2. */
  f32_rsqrt_gradient: fromOutput,
  /** y = x x. */
  f32_square: unaryOutside,
  /** y = -1, 0 or 1. */
  f32_sign: unaryOutside,
  /** y = scale x. */
  f32_scale: { args: { ...unary.args, scale: "float" }, binary: "both", ...vectors },
  /** y = scale x + offset. */
  f32_rescale: { args: { ...unary.args, scale: "float", offset: "float" }, binary: "both", ...vectors },
  /** y = value. */
  f32_fill: { args: { n: "int", y: "write", value: "float" }, binary: "train", ...vectors },

  /** y = a + b. */
  f32_add: binary,
  /** y = a - b. */
  f32_sub: binary,
  /** y = a b. */
  f32_mul: binary,
  /** y = a / b. */
  f32_div: binary,
  /** y = min(a, b). */
  f32_min: binary,
  /** y = max(a, b). */
  f32_max: binary,
  /** y = alpha a + beta b. */
  f32_axpby: { args: { ...binary.args, alpha: "float", beta: "float" }, binary: "train", ...vectors },
  /** y = a >= b ? x : 0. */
  f32_where_greater_equal: where,
  /** y = a > b ? x : 0. */
  f32_where_greater: where,
  /** y = x + s. */
  f32_add_scalar: withScalar,
  /** y = x s. */
  f32_mul_scalar: withScalar,

  /**
   * y = x > 0 ? x : alpha x; alpha has k elements and is repeated over the image's `repeat` * k. Zeros in the padding
   * of y.
   */
  f32_prelu: { args: { ...source, alpha: "read", ...target, ...rows }, binary: "both", overRead: 12 },
  /** dx = x > 0 ? dy : alpha dy. Zeros in the padding of dx. */
  f32_prelu_gradient: {
    args: { ...backward, alpha: "read", ...inputGradient, ...rows },
    binary: "train",
    overRead: 12,
  },
  /** dalpha += sum over images and repeats, in order, of dy min(x, 0). */
  f32_prelu_alpha_gradient: { args: { ...backward, dalpha: "update", ...rows }, binary: "train", overRead: 12 },

  /** y = min(max(x, 0), max(alpha, 0)); alpha is the address of one f32. */
  f32_pact: { args: { n: "int", x: "read", alpha: "read", y: "write" }, binary: "both", ...vectors },
  /** dx = 0 < x < alpha ? dy : 0. */
  f32_pact_gradient: {
    args: { n: "int", dy: "read", x: "read", alpha: "read", dx: "write" },
    binary: "train",
    ...vectors,
  },
  /** dalpha += sum over images, in order, of dy where x >= alpha; within an image lane i adds elements i, i + 4, ... */
  f32_pact_alpha_gradient: {
    args: {
      n: "count",
      dy: "read",
      dys: "int",
      x: "read",
      xs: "int",
      alpha: "read",
      dalpha: "update",
      length: "int",
    },
    binary: "train",
    overRead: 12,
  },

  /** y = x g over `rows` rows of `length` floats one behind another, a number of g for each row. */
  f32_gate: {
    args: { rows: "int", length: "int", x: "read", g: "read", y: "write" },
    binary: "both",
    ...vectors,
  },
  /**
   * dg = sum of dy x over each row; lane i adds elements i, i + 4, ..., then the lanes are added as (0 + 2) + (1 + 3).
   */
  f32_gate_gradient: {
    args: { rows: "int", length: "int", dy: "read", x: "read", dg: "write" },
    binary: "train",
    overRead: 12,
  },

  /**
   * y = 0 with probability `rate`, else x / (1 - rate). The random bits are a hash of (seed, salt, number of the image,
   * element): nothing is kept, the backward is this kernel again. `salt` tells the layers of one network apart. `image`
   * holds one u32 per image, 4 bytes apart, `seed` one u32. Zeros in the padding of y.
   */
  f32_dropout: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      k: "int",
      image: "read",
      seed: "read",
      salt: "int",
      rate: "float",
    },
    binary: "train",
    overRead: 12,
  },
} as const satisfies Rows;
