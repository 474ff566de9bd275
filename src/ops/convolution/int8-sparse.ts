/** Layers with int8 weights that are mostly zeros and do not change, as kernel calls. */
import type { Works } from "../../kernels/cost/cheapest.ts";
import { pixelAxes, resultAxes } from "../../kernels/i8/offsets.ts";
import { storedBytes } from "../../kernels/i8/stored.ts";
import {
  type Entry,
  int8Rows,
  kGroup,
  type Matrix,
  matrixOf,
  pack,
  roundable,
  rowWork,
  tileBytes,
  tileWork,
} from "../../kernels/sparse.ts";
import { type StaticLayer, table } from "./int8-layer.ts";

/** The weights of a layer of one kernel, if there may be many zeros in them. */
const weightsOf = ({ size, groups, parts, numbers }: StaticLayer): Matrix | undefined =>
  groups * parts === 1 ? matrixOf(numbers.weights, size.cout) : undefined;

const entryOf = ({ c }: StaticLayer, outputs: 1 | 4 | 16): Entry => ({ inputs: kGroup(c.variant), outputs });

/** The work of a convolution by tiles: fours of outputs share inputs (`blocks`), or each has its own (`lists`). */
export function sparseWorks(layer: StaticLayer): Works<"blocks" | "lists"> {
  const { c, window, from, to, numbers } = layer;
  const matrix = weightsOf(layer);
  if (!matrix || !roundable(matrix, numbers)) return {};
  const rows = int8Rows(c.variant, from, window);
  const work = (outputs: 1 | 4) => tileWork(matrix, entryOf(layer, outputs), to.height * to.width, rows);
  return { blocks: work(4), lists: work(1) };
}

/** Lowers a convolution by tiles. */
export function lowerTiles(layer: StaticLayer, outputs: 1 | 4): void {
  const { c, window, from, to, numbers, running } = layer;
  const rows = int8Rows(c.variant, from, window);
  c.each("i8_sparse_conv2d", {
    ...running,
    weight: c.constant("sparse weights", pack(weightsOf(layer)!, entryOf(layer, outputs), 4, rows.rows, numbers)),
    blocks: outputs >> 2,
    chunks: rows.chunks.length,
    places: c.constant("chunks", rows.chunks),
    count: to.height * to.width,
    pixels: table(c, "pixels", pixelAxes(from, to, window)),
    results: table(c, "results", resultAxes(to)),
    scratch: c.scratch("transposed pixels", tileBytes(rows, 8, storedBytes(c.variant))),
  });
}

/** The work of a dense layer image by image. */
export function sparseDenseWorks(layer: StaticLayer): Works<"rows"> {
  const matrix = weightsOf(layer);
  return matrix ? { rows: rowWork(matrix, entryOf(layer, 16), layer.c.batch) } : {};
}

/** Lowers a dense layer image by image. */
export function lowerRows(layer: StaticLayer): void {
  const { c, numbers, running } = layer;
  const words = pack(weightsOf(layer)!, entryOf(layer, 16), 16, undefined, numbers);
  c.each("i8_sparse_dense", { ...running, weight: c.constant("sparse weights", words) });
}
