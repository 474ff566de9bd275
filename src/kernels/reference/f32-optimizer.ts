/** Twins of the optimizer steps, one element at a time: new values of the state. Each operation is rounded to f32. */

const f = Math.fround;

/** w - w * decay, which begins every step. */
const decayed = (w: number, decay: number): number => f(w - f(w * decay));

/** Keras 3's Adam; `rate` is lr * sqrt(1 - beta2^t) / (1 - beta1^t). */
export function f32_adam(
  s: { w: number; m: number; v: number },
  g: number,
  { rate, decay, beta1, beta2, epsilon }: Record<"rate" | "decay" | "beta1" | "beta2" | "epsilon", number>,
): { w: number; m: number; v: number } {
  const m = f(s.m + f(f(g - s.m) * f(1 - f(beta1))));
  const v = f(s.v + f(f(f(g * g) - s.v) * f(1 - f(beta2))));
  const step = f(f(m * f(rate)) / f(f(Math.sqrt(v)) + f(epsilon)));
  return { w: f(decayed(s.w, f(decay)) - step), m, v };
}
