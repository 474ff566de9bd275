/** Timing: the least of many loops, since everything else on a machine only ever makes code slower. */

import { supported, type Variant } from "../../kernels/load.ts";

/** What a benchmark counts: products, images or numbers a second, time an image, or how many times faster it is than dense kernels. */
export type Unit = "GMAC/s" | "us/image" | "images/s" | "Gvalue/s" | "x dense";

export interface Case {
  readonly name: string;
  readonly unit: Unit;
  /** How many MAC (GMAC/s), images (us/image, images/s) or numbers (Gvalue/s) one call does; 1 of what is compared. */
  readonly amount: number;
  /** MAC of one image, where the unit is about images. */
  readonly macs?: number;
  /** MAC a clock cycle that no kernel of this kind can pass on 128-bit SIMD; undefined: no such bound is known. */
  readonly perCycle?: number;
  /** The least seconds of one call; of what is compared, as a share of the dense kernel's. */
  measure(effort: Effort): number | Promise<number>;
}

export interface Row {
  name: string;
  unit: Unit;
  value: number;
  /** What the clock allows. */
  limit?: number;
  /** How much of the limit is reached, 0 .. 1. */
  fraction?: number;
}

export interface Effort {
  /** At least this many loops, or fewer once `milliseconds` are over. */
  readonly loops: number;
  /** Calls in a loop: this many, or as many as take `loopMilliseconds`. */
  readonly calls: number;
  readonly loopMilliseconds: number;
  readonly milliseconds: number;
}

/** 100 loops of 400 calls; of fewer calls where one takes more than 10 us. */
export const THOROUGH: Effort = { loops: 100, calls: 400, loopMilliseconds: 4, milliseconds: Infinity };

/** For the many sizes of a sweep, and for those in a hurry. */
export const SHORT: Effort = { loops: 100, calls: 400, loopMilliseconds: 0.25, milliseconds: 10 };

/** The least seconds of one call of `work`. */
export function least(work: (call: number) => void, { loops, calls, loopMilliseconds, milliseconds }: Effort): number {
  const loop = (n: number): number => {
    const began = performance.now();
    for (let call = 0; call < n; call++) work(call);
    return performance.now() - began;
  };
  // until the engine's second compiler is done with it
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

/** The row of a case that takes `seconds` a call, at a clock of `gigahertz`. */
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

/** MAC a cycle on 128-bit SIMD with two vector units (x86 since Zen 3 and Golden Cove): the multiplications are the bound. */
export const PER_CYCLE = {
  /** Two multiplications of 4. */
  f32: 8,
  /** i32x4.dot_i16x8_s: two of 8. */
  i8: 16,
  /** The relaxed dot product as one instruction (VNNI, SDOT): two of 16. */
  i8Dot: 32,
} as const;

/** For int8 kernels of a variant. Where the engine has no instruction for the relaxed dot product, it makes pairs of 16 bits, as the plain one does. */
export const i8PerCycle = (variant: Variant): number =>
  variant === "relaxed" && supported().relaxedDot !== "saturating" ? PER_CYCLE.i8Dot : PER_CYCLE.i8;
