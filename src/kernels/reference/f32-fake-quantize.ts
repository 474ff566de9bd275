/** Twins of fake quantization. Sums run in the order of the kernels. */
import { halfEven } from "../../base/rounding.ts";

type Row = ArrayLike<number>;

const f = Math.fround;

/** No scale is less, so that no weight is divided by 0. */
const LEAST = 2 ** -126;

/** The least learned step, as a share of its unit. */
const LEAST_STEP = 2 ** -10;

/** max |x| / levels. */
export const f32_weight_scales = (x: Row, levels: number): number =>
  Math.max(f(Array.from(x).reduce((top, v) => Math.max(top, Math.abs(v)), 0) / levels), LEAST);

/** A sum in f32, in order. */
const sum = (x: Row, of: (v: number) => number): number => Array.from(x).reduce((a, v) => f(a + of(v)), 0);

/** The mean of those |x| of an output that are greater than 0.7 of the mean |x|. */
export function f32_ternary_scales(x: Row): number {
  const limit = f(f(sum(x, Math.abs) / x.length) * f(0.7));
  const greater = Array.from(x, Math.abs).filter(v => v > limit);
  return Math.max(f(sum(greater, v => v) / Math.max(greater.length, 1)), LEAST);
}

/** The sum over outputs in f64, panel by panel of 8. */
export function overOutputs(each: readonly number[]): number {
  let total = 0;
  for (let o = 0; o < each.length; o += 8) total += each.slice(o, o + 8).reduce((a, b) => a + b, 0);
  return total;
}

/** The same over all outputs. */
export function f32_ternary_scale(outputs: readonly Row[]): number {
  const add = (of: (x: Row) => number): number => overOutputs(outputs.map(of));
  const limit = f(0.7 * (add(x => sum(x, Math.abs)) / add(x => x.length)));
  const greater = (v: number): boolean => Math.abs(v) > limit;
  const count = add(x => Array.from(x).filter(greater).length);
  const all = add(x => sum(x, v => (greater(v) ? Math.abs(v) : 0)));
  return Math.max(f(all / Math.max(count, 1)), LEAST);
}

export const f32_learned_scales = (step: number, unit: number): number =>
  Math.max(f(Math.max(step, LEAST_STEP) * unit), LEAST);

const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high);

export const f32_fake_quantize = (x: number, scale: number, levels: number): number =>
  f(clamp(halfEven(f(x / scale)), -levels, levels) * scale) + 0;

export const f32_fake_quantize_gradient = (dy: number, x: number, scale: number, levels: number): number =>
  Math.abs(f(x / scale)) < levels ? dy : 0;

/** The sum over one output. */
export function f32_fake_quantize_step_gradient(dy: Row, x: Row, scale: number, levels: number): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) {
    const r = f(x[i]! / scale);
    const q = clamp(halfEven(r), -levels, levels);
    total = f(total + f(dy[i]! * f(q - (Math.abs(r) < levels ? r : 0))));
  }
  return total;
}

/** The step and the zero of [low, high, ...]. */
function affine([low, high]: number[]): { step: number; zero: number } {
  const [bottom, top] = [Math.min(0, low!), Math.max(0, high!)];
  const step = top - bottom ? Math.max((top - bottom) / 255, LEAST) : 1;
  return { step, zero: clamp(Math.round(-128 - bottom / step), -128, 127) };
}

export function f32_fake_quantize_activation(x: number, range: Row): number {
  if (range[2] === 0) return x;
  const { step, zero } = affine(Array.from(range));
  return f(clamp(halfEven(f(x * f(1 / f(step)))), -128 - zero, 127 - zero) * f(step)) + 0;
}

export function f32_fake_quantize_activation_gradient(dy: number, x: number, range: Row): number {
  if (range[2] === 0) return dy;
  const { step, zero } = affine(Array.from(range));
  return x >= f((-128 - zero) * f(step)) && x <= f((127 - zero) * f(step)) ? dy : 0;
}

/** The range after a step in which the smallest and the largest number were `seen`. */
export function f32_move_range([low, high, weight, rate]: number[], seen: Row): number[] {
  if (rate === 0) return [low!, high!, weight!, rate];
  const moved = f(weight! + f(rate! * f(1 - weight!)));
  const share = f(rate! / moved);
  const toward = (from: number, to: number): number => f(from + f(f(to - from) * share));
  return [toward(low!, seen[0]!), toward(high!, seen[1]!), moved, rate!];
}
