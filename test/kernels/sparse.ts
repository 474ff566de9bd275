/** Weights of the patterns that pruning leaves, for the suites of the sparse kernels. */
import { noise } from "./harness.ts";

export const PATTERNS = ["nothing", "single weights", "blocks of 1x4", "blocks of 4x16", "half", "all"] as const;
export type Pattern = (typeof PATTERNS)[number];

/** Does weight k of output o stay? Of the patterns with zeros, output 1 and input 2 have none at all. */
function stays(pattern: Pattern, o: number, k: number, chance: (n: number) => number): boolean {
  if (pattern === "all") return true;
  if (pattern === "nothing" || o === 1 || k === 2) return false;
  if (pattern === "blocks of 1x4") return chance(1000 * Math.floor(o / 4) + k) < 0.3;
  if (pattern === "blocks of 4x16") return chance(1000 * Math.floor(o / 16) + Math.floor(k / 4)) < 0.4;
  return chance(1000 * o + k) < (pattern === "half" ? 0.5 : 0.1);
}

/** `weights` [outs][length] with zeros in them. */
export function pruned<T extends Float32Array | Int8Array>(weights: T, outs: number, pattern: Pattern): T {
  const draws = noise(8191, 77);
  const length = weights.length / outs;
  return weights.map((w, i) => {
    const [o, k] = [Math.floor(i / length), i % length];
    return stays(pattern, o, k, n => (draws[n % draws.length]! + 1) / 2) ? w : 0;
  }) as T;
}
