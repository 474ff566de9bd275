/** Layers with int8 weights that are mostly zeros and do not change, as kernel calls. */
import { pixelAxes, resultAxes } from "../../kernels/i8/offsets.ts";
import { storedBytes } from "../../kernels/i8/stored.ts";
import {
  FOUR,
  inputsOf,
  int8Head,
  int8Rows,
  int8Word,
  type Matrix,
  mayPay,
  packRows,
  packTiles,
  type Rows,
  roundable,
  rowEntries,
  SIXTEEN,
  tileBytes,
  tileWork,
} from "../../kernels/sparse.ts";
import { type Algorithm, type StaticLayer, table } from "./int8-layer.ts";

/** The weights of a layer, if there may be many zeros in them. */
function matrixOf({ size, groups, parts, numbers }: StaticLayer): Matrix | undefined {
  const { weights: data } = numbers;
  if (!data || groups > 1 || parts > 1) return undefined;
  const matrix = { data, outs: size.outs, length: data.length / size.outs };
  return mayPay(matrix) ? matrix : undefined;
}

/** The chunks of channels that a pixel reads. */
const rows = ({ c, window, from }: StaticLayer): Rows => int8Rows(c.variant, from, window);

const tiles = (shared: boolean): Algorithm => ({
  work(layer) {
    const { c, to, numbers } = layer;
    const matrix = matrixOf(layer);
    if (!matrix || !roundable(matrix, numbers)) return undefined;
    return tileWork(matrix, inputsOf(c.variant), shared, to.height * to.width, rows(layer).chunks.length);
  },
  lower(layer) {
    const { c, window, from, to, numbers, running } = layer;
    const matrix = matrixOf(layer)!;
    const group = inputsOf(c.variant);
    const chunks = rows(layer);
    const head = int8Head(matrix, FOUR, numbers);
    c.each("i8_sparse_conv2d", {
      ...running,
      w: c.constant("sparse weights", packTiles(matrix, group, shared, chunks.rows, int8Word(matrix, group), head)),
      blocks: shared ? 1 : 0,
      chunks: chunks.chunks.length,
      places: c.constant("chunks", chunks.chunks),
      count: to.height * to.width,
      pixels: table(layer, "pixels", pixelAxes(from, to, window)),
      results: table(layer, "results", resultAxes(to)),
      scratch: c.scratch("transposed pixels", tileBytes(chunks, 8, storedBytes(c.variant))),
    });
  },
});

/** Fours of outputs share their inputs. */
export const blocks: Algorithm = /* @__PURE__ */ tiles(true);
/** Each output has inputs of its own. */
export const lists: Algorithm = /* @__PURE__ */ tiles(false);

/** The k-groups of a dense layer that are left, as a share of all; undefined where there is no use in asking. */
export function shareOf(layer: StaticLayer): number | undefined {
  const matrix = matrixOf(layer);
  if (!matrix) return undefined;
  const group = inputsOf(layer.c.variant);
  return rowEntries(matrix, group) / (Math.ceil(matrix.outs / SIXTEEN) * Math.ceil(matrix.length / group));
}

/** Lowers a dense layer to single rows without what is zero. */
export function lowerRows(layer: StaticLayer): void {
  const { c, numbers, running } = layer;
  const matrix = matrixOf(layer)!;
  const group = inputsOf(c.variant);
  const words = packRows(matrix, group, int8Word(matrix, group), int8Head(matrix, SIXTEEN, numbers));
  c.each("i8_sparse_dense", { ...running, w: c.constant("sparse weights", words) });
}
