/** Tables of LiteRT's results for each int8 value, for the functions that it does not delegate to XNNPACK. */
import { erf, tanh } from "../../base/math.ts";
import { halfEven } from "../../base/rounding.ts";
import { clamp } from "../../kernels/reference/stored.ts";
import type { Affine } from "../../ops/quantized/int8-types.ts";
import { highProduct, multiplied, multipliedUp, multiplierOf, powerOf2, shiftedDown } from "./fixed-point.ts";

const f = Math.fround;

/** Evaluates a function for q from -128 to 127. */
const tableOf = (of: (q: number) => number): Int8Array =>
  Int8Array.from({ length: 256 }, (_, i) => clamp(of(i - 128), -128, 127));

/** A function of real numbers in f32, rounded half away from zero (LUTPopulate of TensorFlow Lite). */
export function realTable(from: Affine, to: Affine, of: (x: number) => number): Int8Array {
  const inverse = f(1 / f(to.scale));
  return tableOf(q => {
    const steps = f(f(of(f(f(from.scale) * (q - from.zero)))) * inverse);
    return (steps < 0 ? -Math.floor(0.5 - steps) : Math.floor(steps + 0.5)) + to.zero;
  });
}

/** x in another quantization, as LiteRT converts between int8 and uint8. */
export function requantizedTable(from: Affine, to: Affine): Int8Array {
  const ratio = multiplierOf(f(from.scale) / f(to.scale));
  return tableOf(q => multipliedUp(q - from.zero, ratio) + to.zero);
}

/** x in another quantization, clamped to low..high. */
export function clampTable(from: Affine, to: Affine, low: number, high: number): Int8Array {
  const ratio = multiplierOf(f(f(from.scale) / f(to.scale)));
  const [least, most] = [low, high].map(bound => {
    const steps = f(bound / f(to.scale));
    return clamp((steps < 0 ? -Math.floor(0.5 - steps) : Math.floor(steps + 0.5)) + to.zero, -128, 127);
  });
  return tableOf(q => clamp(multiplied(q - from.zero, ratio) + to.zero, least!, most!));
}

/** x if it is not negative, else alpha x: a table per slope, in the quantization `slope`. */
export function preluTable(from: Affine, to: Affine, slope: Affine, alpha: number): Int8Array {
  const ratio = multiplierOf(f(f(from.scale) / f(to.scale)));
  const below = multiplierOf(f(f(f(from.scale) * f(slope.scale)) / f(to.scale)));
  return tableOf(q => {
    const x = q - from.zero;
    return (x >= 0 ? multiplied(x, ratio) : multiplied(x * (alpha - slope.zero), below)) + to.zero;
  });
}

/**
 * A leaky ReLU with a slope of either sign. XNNPACK's qs8-vlrelu has ratios of scales in units of 1/256, with one
 * rounding half up; ratios out of its range use multipliers of 31 bits.
 */
export function leakyReluTable(from: Affine, to: Affine, alpha: number): Int8Array {
  const ratio = f(f(from.scale) / f(to.scale));
  const below = f(ratio * f(alpha));
  const fits =
    ratio >= 2 ** -8 && ratio <= 2 ** 7 && Math.abs(below) >= 2 ** -8 && below >= -127.99609375 && below <= 2 ** 7;
  if (!fits) {
    const slope = f(f(f(from.scale) * f(alpha)) / f(to.scale));
    const [over, under] = [multiplierOf(ratio), multiplierOf(Math.abs(slope))];
    return tableOf(q => {
      const x = q - from.zero;
      return (x >= 0 ? multiplied(x, over) : multiplied(slope < 0 ? -x : x, under)) + to.zero;
    });
  }
  const [up, down] = [halfEven(256 * ratio), halfEven(256 * below)];
  return tableOf(q => (((q - from.zero) * (q >= from.zero ? up : down) + 128) >> 8) + to.zero);
}

/** |x|, in the quantization of the output. */
export function absoluteTable(from: Affine, to: Affine): Int8Array {
  const same = from.scale === to.scale;
  const ratio = multiplierOf(f(f(from.scale) / f(to.scale)));
  return tableOf(q => {
    const x = Math.abs(q - from.zero);
    return (same ? x : multiplied(x, ratio)) + to.zero;
  });
}

/** x / 2 erfc(-x / sqrt(2)), or its approximation by the hyperbolic tangent, every step in f32. */
export function geluTable(from: Affine, to: Affine, approximate: boolean): Int8Array {
  const [root, cubic] = [f(Math.sqrt(2 / Math.PI)), f(0.044715)];
  const bent = (x: number) => f(tanh(f(root * f(x + f(f(f(cubic * x) * x) * x)))));
  const share = (x: number) => (approximate ? f(1 + bent(x)) : f(1 + erf(f(x * f(Math.SQRT1_2)))));
  return realTable(from, to, x => f(f(0.5 * x) * share(x)));
}

/** sqrt(x), truncated to a multiple of the output's scale. */
export const sqrtTable = (from: Affine, to: Affine): Int8Array =>
  tableOf(q => {
    const root = f(Math.sqrt(f(f(from.scale) * Math.max(q - from.zero, 0))));
    return Math.trunc(f(root / f(to.scale))) + to.zero;
  });

/** 1 / sqrt(x), with the root in units of 2^-20; the largest value unless x is positive. */
export function rsqrtTable(from: Affine, to: Affine): Int8Array {
  const { significand, exponent } = multiplierOf(1 / (f(Math.sqrt(f(from.scale))) * f(to.scale)));
  const ratio = { significand, exponent: exponent - 20 };
  return tableOf(q => {
    const x = q - from.zero;
    return x > 0 ? multiplied(Math.round(2 ** 20 / Math.sqrt(x)), ratio) + to.zero : 127;
  });
}

const short = (x: number): number => clamp(x, -32768, 32767);

/** A multiplier of 15 bits. */
const shortOf = (significand: number): number => (significand >= 0x7fff8000 ? 32767 : (significand + 0x8000) >> 16);

/** x min(max(x + 3, 0), 6) / 6 in numbers of 16 bits. */
export function hardSwishTable(from: Affine, to: Affine): Int8Array {
  // x in 1/128 of its scale; the ramp in units of 3 / 32768
  const fine = f(f(1 / 128) * f(from.scale));
  const out = multiplierOf(f(fine / f(to.scale)));
  const ramp = multiplierOf(f(fine / f(3 / 32768)));
  return tableOf(q => {
    const x = (q - from.zero) * 128;
    const value = highProduct(x, shortOf(out.significand), 15);
    let r = x;
    if (ramp.exponent > 0) r = short(r * powerOf2(ramp.exponent - 1));
    r = highProduct(r, shortOf(ramp.significand), 15);
    if (ramp.exponent > 0) r = short(r * 2);
    if (ramp.exponent < 0) r = shiftedDown(r, -ramp.exponent);
    // from -1..1 to 0..1
    const share = (r + 32768) >> 1;
    return shiftedDown(Math.trunc((share * value) / 32768), -out.exponent) + to.zero;
  });
}
