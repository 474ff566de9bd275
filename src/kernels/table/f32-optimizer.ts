import type { Row, Rows } from "./row.ts";

/**
 * Optimizer steps over `n` stored floats (a multiple of 4) in any layout; a zero gradient on padding keeps it zero.
 * `rate` and `decay` are addresses of one f32 each, so that schedules are data: rate = learning rate, decay = learning
 * rate * weight decay, and every step begins with w -= w decay. Methods and their order of operations as in Keras 3.
 */
const step = <const A extends Row["args"], const P extends Row["args"]>(state: A, parameters: P) =>
  ({
    args: { n: "int", w: "update", ...state, g: "read", rate: "read", decay: "read", ...parameters },
    binary: "train",
  }) as const;

export const f32Optimizer = {
  /** w -= rate g. */
  f32_sgd: step({}, {}),
  /** m = momentum m - rate g; w += m. */
  f32_momentum: step({ m: "update" }, { momentum: "float" }),
  /** m = momentum m - rate g; w += momentum m - rate g. */
  f32_nesterov: step({ m: "update" }, { momentum: "float" }),
  /** v = rho v + (1 - rho) g^2; w -= rate g / sqrt(v + epsilon). */
  f32_rmsprop: step({ v: "update" }, { rho: "float", epsilon: "float" }),
  /** The quotient is added to m = momentum m + ..., and w -= m. */
  f32_rmsprop_momentum: step({ v: "update", m: "update" }, { rho: "float", epsilon: "float", momentum: "float" }),
  /** The variance instead of the mean square: a = rho a + (1 - rho) g, and v - a^2 in the place of v. */
  f32_rmsprop_centered: step({ v: "update", a: "update" }, { rho: "float", epsilon: "float" }),
  /** The same with momentum: m = momentum m + the quotient, and w -= m. */
  f32_rmsprop_centered_momentum: step(
    { v: "update", a: "update", m: "update" },
    { rho: "float", epsilon: "float", momentum: "float" },
  ),
  /**
   * m += (g - m) share1; v += (g^2 - v) share2; w -= m rate / (sqrt(v) + epsilon) (Kingma & Ba 2014). Here `rate` holds
   * lr sqrt(1 - beta2^t) / (1 - beta1^t), `decay` still lr * weight decay: AdamW is this kernel. share1 is 1 - beta1,
   * share2 is 1 - beta2: rounded once, as in Keras (1 - 0.999 in float32 is 1.3e-5 less, which changes logits).
   */
  f32_adam: step({ m: "update", v: "update" }, { share1: "float", share2: "float", epsilon: "float" }),
} as const satisfies Rows;
