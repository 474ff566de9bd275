/** int8 dense layers: assembly/i8-dense.ts and assembly/i8-gemm.ts. */
import type { Work } from "../cost/cheapest.ts";
import type { Variant } from "../load.ts";
import { directWork } from "./conv2d.ts";
import { groupsOf } from "./panels.ts";

/** The work of a layer vector by vector, and as a matrix product in tiles of 4 images. */
export function denseWorks(
  variant: Variant,
  images: number,
  length: number,
  cout: number,
): Record<"vector" | "tiles", Work> {
  const groups = groupsOf(variant, 1, length);
  const rows = images * Math.ceil(cout / 8);
  return { vector: [rows * groups, rows], tiles: directWork(images, cout, groups) };
}
