/** Packed int8 weights: the bytes that the packing kernels of matrix products write. */
import type { Variant } from "../load.ts";
import { storedBytes } from "./stored.ts";

/**
 * k-groups of a row of weights: `runs` of `length` numbers, each padded to whole groups. A packed group has four bytes.
 */
export const groupsOf = (variant: Variant, runs: number, length: number): number =>
  runs * Math.ceil((length * storedBytes(variant)) / 4);

/** Bytes that `i8_gemm_pack` writes: panels of 8 outputs. */
export const panelBytes = (cout: number, groups: number): number => Math.ceil(cout / 8) * (64 + groups * 32);

/** Bytes that `i8_dense_pack` writes. */
export function densePackedBytes(variant: Variant, cout: number, length: number): number {
  const relaxed = variant === "relaxed";
  return relaxed
    ? Math.ceil(cout / 4) * (32 + 16 * Math.ceil(length / 4))
    : panelBytes(cout, 2 * Math.ceil(length / 8));
}
