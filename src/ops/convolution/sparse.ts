/**
 * Layers with constant weights that are mostly zeros, as kernel calls. They compute what the dense kernels compute,
 * sums of floats in the same order.
 */
import type { Node, Value } from "../../graph/graph.ts";
import type { Lowering } from "../../graph/meaning.ts";
import { cheapest, type Works } from "../../kernels/cost/cheapest.ts";
import { f32Sparse } from "../../kernels/cost/f32-sparse.ts";
import { pixelAxes, resultAxes, type TableAxes } from "../../kernels/i8/offsets.ts";
import { covers, imageOf, NO_HALO, storedBytes } from "../../kernels/i8/stored.ts";
import { flat } from "../../kernels/layout.ts";
import {
  type Entry,
  type Gathering,
  gathering,
  type Matrix,
  matrixOf,
  pack,
  roundable,
  rowWork,
  tileWork,
} from "../../kernels/sparse.ts";
import { haloOf, type StaticLayer, table, windowOf } from "./int8-layer.ts";

const packed = (c: Lowering, words: Int32Array) => c.constant("sparse weights", words);

/** The arguments of a kernel that goes by tiles of pixels; `more` is scratch that is no tile's. */
const tiled = (c: Lowering, { chunks, scratch }: Gathering, pixels: TableAxes, results: TableAxes, more = 0) => ({
  chunks: chunks.length,
  places: c.constant("chunks", chunks),
  count: results.reduce((all, [count]) => all * count, 1),
  pixels: table(c, "pixels", pixels),
  results: table(c, "results", results),
  scratch: c.scratch("transposed pixels", scratch + more),
});

/** The weights of an int8 layer of one kernel, if there may be many zeros in them. */
const weightsOf = ({ size, groups, parts, numbers }: StaticLayer): Matrix | undefined =>
  groups * parts === 1 ? matrixOf(numbers.weights, size.cout) : undefined;

const entryOf = ({ c }: StaticLayer, outputs: 1 | 4 | 16): Entry => ({ inputs: 4 / storedBytes(c.variant), outputs });

/**
 * The work of an int8 convolution by tiles: fours of outputs share inputs (`blocks`), or each has its own (`lists`).
 */
export function sparseConv2dWorks(layer: StaticLayer): Works<"blocks" | "lists"> {
  const { window, from, to, numbers } = layer;
  const matrix = weightsOf(layer);
  if (!matrix || !roundable(matrix, numbers)) return {};
  const work = (outputs: 1 | 4) =>
    tileWork(matrix, entryOf(layer, outputs), to.height * to.width, gathering(from, window));
  return { blocks: work(4), lists: work(1) };
}

/** Lowers an int8 convolution by tiles. */
export function lowerSparseConv2dInt8(layer: StaticLayer, outputs: 1 | 4): void {
  const { c, window, from, to, numbers, running } = layer;
  const places = gathering(from, window);
  c.each("i8_sparse_conv2d", {
    ...running,
    ...tiled(c, places, pixelAxes(from, to, window), resultAxes(to)),
    weight: packed(c, pack(weightsOf(layer)!, entryOf(layer, outputs), 4, places.rows, numbers)),
    blocks: outputs >> 2,
  });
}

/** The work of an int8 dense layer image by image. */
export function sparseDenseWorks(layer: StaticLayer): Works<"rows"> {
  const matrix = weightsOf(layer);
  return matrix ? { rows: rowWork(matrix, entryOf(layer, 16), layer.c.batch) } : {};
}

/** Lowers an int8 dense layer image by image. */
export function lowerSparseDenseInt8(layer: StaticLayer): void {
  const { c, numbers, running } = layer;
  const weight = packed(c, pack(weightsOf(layer)!, entryOf(layer, 16), 16, undefined, numbers));
  c.each("i8_sparse_dense", { ...running, weight });
}

/** Entries of f32 tiles, and of single rows. */
const LISTS: Entry = { inputs: 1, outputs: 1 };
const ROWS: Entry = { inputs: 1, outputs: 16 };

/**
 * Lowers a convolution or dense layer with f32 weights where that is cheaper without its zeros; says whether it did. A
 * dense layer of many images is a convolution whose pixels they are.
 */
export function lowerSparse(node: Node, c: Lowering, mode: number, groups = 1): boolean {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const [y] = node.outputs as [Value];
  const window = windowOf(node);
  const [pad_t, pad_l] = window.pads;
  if (weight.type.dtype !== "f32" || groups > 1 || Math.min(pad_t, pad_l) < 0) return false;
  const matrix = matrixOf(c.fixed(weight), weight.type.shape[0]!);
  if (!matrix) return false;

  const halo = haloOf(window);
  const [from, to] = [imageOf(x.type.shape, 4, halo), imageOf(y.type.shape, 4)];
  const vectors = x.type.shape.length === 1;
  const count = vectors ? c.batch : to.height * to.width;
  const places = gathering(from, window);
  const panels = Math.ceil(matrix.cout / 8) * matrix.length;
  const few = vectors && count < 4;
  const by = cheapest(f32Sparse, {
    lists: tileWork(matrix, LISTS, count, places),
    rows: vectors ? rowWork(matrix, ROWS, count) : undefined,
    vectors: few ? [count * panels] : undefined,
    dense: few ? undefined : [Math.ceil(count / 4) * panels],
  });
  if (by !== "lists" && by !== "rows") return false;

  // what pads a vector is outputs without weights
  const wide = vectors ? { ...matrix, cout: flat.bytes(y.type.shape, "f32") / 4 } : matrix;
  const args = { x: c.in(x), y: c.out(y), cout: wide.cout, mode, aux: bias ? c.in(bias) : 0 };
  if (by === "rows") {
    c.each("f32_sparse_dense", { ...args, weight: packed(c, pack(wide, ROWS, 16)) });
    return true;
  }
  const row = (v: Value): TableAxes => [[count, c.strideIn(v, flat)]];
  const padded = !covers(NO_HALO, halo);
  const tiles = {
    ...args,
    ...(vectors
      ? tiled(c, places, row(x), row(y))
      : tiled(c, places, pixelAxes(from, to, window), resultAxes(to), padded ? from.bytes : 0)),
    weight: packed(c, pack(wide, LISTS, 4, places.rows)),
    h: from.height,
    w: from.width,
    pixel: from.pixelStride,
    pad_t,
    pad_l,
    rows: padded ? from.bytes / from.rowStride : 0,
    columns: from.rowStride / from.pixelStride,
  };
  if (vectors) c.call("f32_sparse_conv2d", { ...tiles, n: 1 });
  else c.each("f32_sparse_conv2d", tiles);
  return true;
}
