/** Twins of the optimizer steps, one element at a time: the new state. Each operation is rounded to f32. */

type Numbers<K extends string> = Record<K, number>;
type Rates = Numbers<"rate" | "decay">;

const f = Math.fround;

/** w - w * decay, which begins every step. */
const decayed = (w: number, decay: number): number => f(w - f(w * f(decay)));

/** old * keep + fresh * (1 - keep). */
const mix = (old: number, fresh: number, keep: number): number => f(f(old * f(keep)) + f(fresh * f(1 - f(keep))));

export const f32_sgd = (s: Numbers<"w">, g: number, { rate, decay }: Rates): Numbers<"w"> => ({
  w: f(decayed(s.w, decay) - f(g * f(rate))),
});

const momentumStep =
  (nesterov: boolean) =>
  (s: Numbers<"w" | "m">, g: number, { rate, decay, momentum }: Rates & Numbers<"momentum">): Numbers<"w" | "m"> => {
    const step = f(g * f(rate));
    const m = f(f(s.m * f(momentum)) - step);
    return { w: f(decayed(s.w, decay) + (nesterov ? f(f(m * f(momentum)) - step) : m)), m };
  };

export const f32_momentum = momentumStep(false);
export const f32_nesterov = momentumStep(true);

const rmsprop =
  (centered: boolean, moving: boolean) =>
  (s: Record<string, number>, g: number, p: Record<string, number>): Record<string, number> => {
    const v = mix(s.v!, f(g * g), p.rho!);
    const a = centered ? mix(s.a!, g, p.rho!) : 0;
    const spread = centered ? f(v - f(a * a)) : v;
    const quotient = f(f(g * f(p.rate!)) / f(Math.sqrt(f(spread + f(p.epsilon!)))));
    const m = moving ? f(f(s.m! * f(p.momentum!)) + quotient) : quotient;
    return { w: f(decayed(s.w!, p.decay!) - m), v, ...(centered && { a }), ...(moving && { m }) };
  };

export const f32_rmsprop = rmsprop(false, false);
export const f32_rmsprop_momentum = rmsprop(false, true);
export const f32_rmsprop_centered = rmsprop(true, false);
export const f32_rmsprop_centered_momentum = rmsprop(true, true);

/** `rate` is lr * sqrt(1 - beta2^t) / (1 - beta1^t); the shares of the new are 1 - beta1 and 1 - beta2. */
export function f32_adam(
  s: Numbers<"w" | "m" | "v">,
  g: number,
  { rate, decay, share1, share2, epsilon }: Rates & Numbers<"share1" | "share2" | "epsilon">,
): Numbers<"w" | "m" | "v"> {
  const m = f(s.m + f(f(g - s.m) * f(share1)));
  const v = f(s.v + f(f(f(g * g) - s.v) * f(share2)));
  const step = f(f(m * f(rate)) / f(f(Math.sqrt(v)) + f(epsilon)));
  return { w: f(decayed(s.w, decay) - step), m, v };
}
