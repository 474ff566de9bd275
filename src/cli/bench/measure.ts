/** Timing: the minimum of many loops, since disturbances only make code slower. */

import { supported, type Variant } from "../../kernels/load.ts";

/** Units: products, images or numbers per second, time per image, or speed relative to dense kernels. */
export type Unit = "GMAC/s" | "us/image" | "images/s" | "Gvalue/s" | "x dense";

export interface Case {
  readonly name: string;
  readonly unit: Unit;
  /** Work of one call: MAC (GMAC/s), images (us/image, images/s) or numbers (Gvalue/s); 1 where times are compared. */
  readonly amount: number;
  /** MAC of one image, for units per image. */
  readonly macs?: number;
  /** Upper bound for a kernel of this kind on 128-bit SIMD, in MAC per clock cycle; undefined if unknown. */
  readonly perCycle?: number;
  /** Returns the minimum time of one call in seconds; where times are compared, as a share of the other. */
  measure(effort: Effort): number | Promise<number>;
}

export interface Row {
  name: string;
  unit: Unit;
  value: number;
  /** The limit at the measured clock. */
  limit?: number;
  /** The fraction of the limit that is reached, 0 .. 1. */
  fraction?: number;
}

export interface Effort {
  /** Minimum number of loops; fewer once `milliseconds` are over. */
  readonly loops: number;
  /** Calls per loop; fewer if they would exceed `loopMilliseconds`. */
  readonly calls: number;
  readonly loopMilliseconds: number;
  readonly milliseconds: number;
}

/** 100 loops of 400 calls; fewer calls if one takes more than 10 us. */
export const THOROUGH: Effort = { loops: 100, calls: 400, loopMilliseconds: 4, milliseconds: Infinity };

/** For the many sizes of a sweep, and for `--short`. */
export const SHORT: Effort = { loops: 100, calls: 400, loopMilliseconds: 0.25, milliseconds: 10 };

/** Measures the minimum time of one call of `work` in seconds. */
export function least(work: (call: number) => void, { loops, calls, loopMilliseconds, milliseconds }: Effort): number {
  const loop = (n: number): number => {
    const began = performance.now();
    for (let call = 0; call < n; call++) work(call);
    return performance.now() - began;
  };
  // until the engine's optimizing compiler is done with it
  let once = Infinity;
  const warm = performance.now() + Math.min(20, milliseconds / 2);
  do once = Math.min(once, loop(1));
  while (performance.now() < warm);
  const n = Math.max(1, Math.min(calls, Math.floor(loopMilliseconds / Math.max(once, 1e-4))));
  let shortest = Infinity;
  const end = performance.now() + milliseconds;
  for (let i = 0; i < loops && (i < 3 || performance.now() < end); i++) shortest = Math.min(shortest, loop(n) / n);
  return shortest / 1000;
}

/** Makes the row of a case that takes `seconds` per call, at a clock of `gigahertz`. */
export function rowOf({ name, unit, amount, macs, perCycle }: Case, seconds: number, gigahertz: number): Row {
  const value =
    unit === "us/image"
      ? (seconds * 1e6) / amount
      : (amount / seconds) * (unit === "images/s" || unit === "x dense" ? 1 : 1e-9);
  if (perCycle === undefined) return { name, unit, value };
  const gigamacs = perCycle * gigahertz;
  switch (unit) {
    case "GMAC/s":
      return { name, unit, value, limit: gigamacs, fraction: value / gigamacs };
    case "us/image": {
      const limit = macs! / gigamacs / 1e3;
      return { name, unit, value, limit, fraction: limit / value };
    }
    case "images/s": {
      const limit = (gigamacs * 1e9) / macs!;
      return { name, unit, value, limit, fraction: value / limit };
    }
    case "Gvalue/s":
    case "x dense":
      return { name, unit, value };
  }
}

/**
 * MAC per cycle on 128-bit SIMD with two vector units (x86 since Zen 3 and Golden Cove): multiplications are the
 * bottleneck.
 */
export const PER_CYCLE = {
  /** Two multiplications of 4. */
  f32: 8,
  /** i32x4.dot_i16x8_s: two of 8. */
  i8: 16,
  /** The relaxed dot product as one instruction (VNNI, SDOT): two of 16. */
  i8Dot: 32,
} as const;

/**
 * The bound for int8 kernels of a variant. An engine without an instruction for the relaxed dot product computes it by
 * pairs of 16 bits, like the plain variant.
 */
export const i8PerCycle = (variant: Variant): number =>
  variant === "relaxed" && supported().relaxedDot !== "saturating" ? PER_CYCLE.i8Dot : PER_CYCLE.i8;
