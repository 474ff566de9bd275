/** Layers with int8 weights that are mostly zeros and do not change, as kernel calls. */
import { pixelAxes, resultAxes } from "../../kernels/i8/offsets.ts";
import { storedBytes } from "../../kernels/i8/stored.ts";
import {
  countEntries,
  int8Rows,
  kGroup,
  type Matrix,
  matrixOf,
  pack,
  roundable,
  tileBytes,
  tileWork,
} from "../../kernels/sparse.ts";
import { type Algorithm, type StaticLayer, table } from "./int8-layer.ts";

/** The weights of a layer of one kernel, if there may be many zeros in them. */
const weightsOf = ({ size, groups, parts, numbers }: StaticLayer): Matrix | undefined =>
  groups * parts === 1 ? matrixOf(numbers.weights, size.cout) : undefined;

/** By tiles of pixels. `outputs`: 4 where outputs share their inputs in fours, 1 where each has a list of its own. */
const tiles = (outputs: 1 | 4): Algorithm => ({
  work(layer) {
    const { c, to, window, from, numbers } = layer;
    const matrix = weightsOf(layer);
    if (!matrix || !roundable(matrix, numbers)) return undefined;
    const entry = { inputs: kGroup(c.variant), outputs };
    return tileWork(matrix, entry, to.height * to.width, int8Rows(c.variant, from, window));
  },
  lower(layer) {
    const { c, window, from, to, numbers, running } = layer;
    const rows = int8Rows(c.variant, from, window);
    const words = pack(weightsOf(layer)!, { inputs: kGroup(c.variant), outputs }, 4, rows.rows, numbers);
    c.each("i8_sparse_conv2d", {
      ...running,
      weight: c.constant("sparse weights", words),
      blocks: outputs >> 2,
      chunks: rows.chunks.length,
      places: c.constant("chunks", rows.chunks),
      count: to.height * to.width,
      pixels: table(layer, "pixels", pixelAxes(from, to, window)),
      results: table(layer, "results", resultAxes(to)),
      scratch: c.scratch("transposed pixels", tileBytes(rows, 8, storedBytes(c.variant))),
    });
  },
});

export const blocks: Algorithm = /* @__PURE__ */ tiles(4);
export const lists: Algorithm = /* @__PURE__ */ tiles(1);

/** A dense layer row by row, without the k-groups that 16 outputs have no weights for. Work: k-groups of 16 outputs. */
export const rows: Algorithm = {
  work(layer) {
    const matrix = weightsOf(layer);
    const { batch, variant } = layer.c;
    return matrix && [batch * countEntries(matrix, { inputs: kGroup(variant), outputs: 16 }, true)];
  },
  lower(layer) {
    const { c, numbers, running } = layer;
    const words = pack(weightsOf(layer)!, { inputs: kGroup(c.variant), outputs: 16 }, 16, undefined, numbers);
    c.each("i8_sparse_dense", { ...running, weight: c.constant("sparse weights", words) });
  },
};
