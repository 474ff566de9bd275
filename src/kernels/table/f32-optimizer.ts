import { rows } from "./row.ts";

/**
 * Optimizer steps over `n` stored floats (a multiple of 4) in any layout; a zero gradient on padding keeps it zero.
 * `rate` and `decay` are addresses of one f32 each, so that schedules are data: decay = learning rate * weight decay, and
 * every step begins with w -= w * decay, as Keras does.
 */
export const f32Optimizer = rows({
  /**
   * m += (g - m) (1 - beta1); v += (g^2 - v) (1 - beta2); w -= m * rate / (sqrt(v) + epsilon).
   * `rate` holds lr * sqrt(1 - beta2^t) / (1 - beta1^t). (Kingma & Ba 2014, in Keras' order.)
   */
  f32_adam: {
    args: {
      n: "int",
      w: "update",
      m: "update",
      v: "update",
      g: "read",
      rate: "read",
      decay: "read",
      beta1: "float",
      beta2: "float",
      epsilon: "float",
    },
    binary: "train",
  },
});
