/** Layers with f32 weights that are mostly zeros and do not change, as kernel calls. Sums are those of the dense kernels, bit by bit. */
import type { Node, Value } from "../../graph/graph.ts";
import type { Lowering, Ref } from "../../graph/meaning.ts";
import { cheapest } from "../../kernels/cost/cheapest.ts";
import { f32Conv2d } from "../../kernels/cost/f32-conv2d.ts";
import { f32Dense } from "../../kernels/cost/f32-dense.ts";
import { flat } from "../../kernels/layout.ts";
import {
  floatRows,
  floatWord,
  gridOf,
  type Matrix,
  mayPay,
  packRows,
  packTiles,
  type Rows,
  rowEntries,
  tileBytes,
  tileWork,
  vectorRows,
} from "../../kernels/sparse.ts";
import type { Conv2dGeometry } from "../../kernels/table/f32-conv2d.ts";

/** The weights of a layer, if they do not change and there may be many zeros in them. */
function matrixOf(weight: Value, c: Lowering): Matrix | undefined {
  const data = c.fixed(weight);
  const outs = weight.type.shape[0]!;
  const matrix = data && { data, outs, length: data.length / outs };
  return matrix && mayPay(matrix) ? matrix : undefined;
}

/** What becomes of sums, and where they go. */
interface Ends {
  readonly y: Ref;
  readonly mode: number;
  readonly aux: Ref | 0;
}

/** Columns of a product: pixels of an image, or images. */
interface Columns {
  readonly places: Rows;
  readonly count: number;
  readonly pixels: Ref;
  readonly results: Ref;
}

/** Images that are padded first. */
const AS_THEY_ARE = { h: 0, width: 0, pixel: 0, top: 0, left: 0, rows: 0, columns: 0 };

const tiles = (
  c: Lowering,
  matrix: Matrix,
  blocks: boolean,
  { places, ...columns }: Columns,
  padded = AS_THEY_ARE,
) => ({
  ...columns,
  ...padded,
  w: c.constant("sparse weights", packTiles(matrix, 1, blocks, places.rows, floatWord(matrix))),
  blocks: blocks ? 1 : 0,
  chunks: places.chunks.length,
  places: c.constant("chunks", places.chunks),
  outs: matrix.outs,
  scratch: c.scratch("transposed pixels", tileBytes(places, 4, 4) + padded.rows * padded.columns * padded.pixel),
});

const grid = (...axes: Parameters<typeof gridOf>): Int32Array => Int32Array.from(gridOf(...axes));

/** Lowers a convolution where that is cheaper without its zeros; says whether it did. */
export function lowerSparseConv2d({ inputs, outputs }: Node, c: Lowering, g: Conv2dGeometry, mode: number): boolean {
  const [x, weight, bias] = inputs as [Value, Value, Value | undefined];
  const matrix = g.groups === 1 && Math.min(g.pad_t, g.pad_l) >= 0 ? matrixOf(weight, c) : undefined;
  if (!matrix) return false;
  const pixel = 4 * g.cin;
  const reached = (out: number, stride: number, taps: number, dilation: number) =>
    (out - 1) * stride + (taps - 1) * dilation + 1;
  const rows = reached(g.oh, g.stride_h, g.kh, g.dilation_h);
  const columns = reached(g.ow, g.stride_w, g.kw, g.dilation_w);
  const padded = g.pad_t > 0 || g.pad_l > 0 || rows > g.h || columns > g.w;
  const pitch = pixel * (padded ? columns : g.w);
  const places = floatRows(g, pitch);
  const count = g.oh * g.ow;
  const by = cheapest(f32Conv2d, algorithm =>
    algorithm === "direct"
      ? [Math.ceil(count / 4) * Math.ceil(matrix.outs / 8) * matrix.length]
      : tileWork(matrix, 1, algorithm === "blocks", count, places.chunks.length),
  );
  if (by === "direct") return false;
  // room for the result is counted before tables of its size are made
  const ends: Ends = { y: c.out(outputs[0]!), mode, aux: bias ? c.in(bias) : 0 };
  const over = {
    places,
    count,
    pixels: c.constant("pixels", grid(g.oh, g.ow, g.stride_h * pitch, g.stride_w * pixel)),
    results: c.constant("results", grid(g.oh, g.ow, 4 * g.ow * g.cout, 4 * g.cout)),
  };
  const frame = { h: g.h, width: g.w, pixel, top: g.pad_t, left: g.pad_l, rows, columns };
  c.each("f32_sparse_conv2d", {
    x: c.in(x),
    ...tiles(c, matrix, by === "blocks", over, padded ? frame : AS_THEY_ARE),
    ...ends,
  });
  return true;
}

/** Lowers a dense layer likewise. */
export function lowerSparseDense({ inputs, outputs }: Node, c: Lowering, mode: number): boolean {
  const [x, weight, bias] = inputs as [Value, Value, Value | undefined];
  const matrix = matrixOf(weight, c);
  if (!matrix) return false;
  const [y] = outputs as [Value];
  const places = vectorRows(matrix.length);
  const panels = Math.ceil(matrix.outs / 8) * matrix.length;
  const by = cheapest(f32Dense, algorithm => {
    if (algorithm === "vectors") return c.batch < 4 ? [c.batch * panels] : undefined;
    if (algorithm === "tiles") return c.batch < 4 ? undefined : [Math.ceil(c.batch / 4) * panels];
    if (algorithm === "rows") return [c.batch * rowEntries(matrix, 1)];
    return tileWork(matrix, 1, algorithm === "blocks", c.batch, places.chunks.length);
  });
  if (by === "vectors" || by === "tiles") return false;
  const ends: Ends = { y: c.out(y), mode, aux: bias ? c.in(bias) : 0 };
  // what pads the row of an image is outputs without weights
  const outs = flat.bytes(y.type.shape, "f32") / 4;
  const padded = { ...matrix, outs };
  if (by === "rows") {
    const w = c.constant("sparse weights", packRows(padded, 1, floatWord(padded)));
    c.each("f32_sparse_dense", { x: c.in(x), w, outs, ...ends });
    return true;
  }
  const over = {
    places,
    count: c.batch,
    pixels: c.constant("rows", grid(1, c.batch, 0, c.strideIn(x, flat))),
    results: c.constant("results", grid(1, c.batch, 0, c.stride(y))),
  };
  c.call("f32_sparse_conv2d", { n: 1, x: c.in(x), ...tiles(c, padded, by === "blocks", over), ...ends });
  return true;
}
