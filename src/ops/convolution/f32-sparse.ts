/**
 * Layers with f32 weights that are mostly zeros and do not change, as kernel calls. Sums are those of the dense
 * kernels, bit by bit.
 */
import type { Node, Value } from "../../graph/graph.ts";
import type { Lowering } from "../../graph/meaning.ts";
import { cheapest } from "../../kernels/cost/cheapest.ts";
import { f32Sparse } from "../../kernels/cost/f32-sparse.ts";
import type { TableAxes } from "../../kernels/i8/offsets.ts";
import { flat } from "../../kernels/layout.ts";
import {
  type Entry,
  floatRows,
  matrixOf,
  pack,
  rowWork,
  type Taps,
  tileBytes,
  tileWork,
} from "../../kernels/sparse.ts";
import type { Conv2dGeometry } from "../../kernels/table/f32-conv2d.ts";
import { MODE } from "../../kernels/table/f32-gemm.ts";
import { table } from "./int8-layer.ts";

/** Entries of tiles, and of single rows. */
const LISTS: Entry = { inputs: 1, outputs: 1 };
const ROWS: Entry = { inputs: 1, outputs: 16 };

/** What a layer is a product of: pixels of each image, or images. */
interface Columns {
  /** Undefined: a dense layer. */
  readonly image?: object & { rows: number };
  readonly taps: Taps;
  /** Bytes from row to row of an image. */
  readonly pitch: number;
  readonly count: number;
  /** Where each begins in x, and in y. */
  readonly pixels: TableAxes;
  readonly results: TableAxes;
}

/** Lowers a layer where that is cheaper without its zeros; says whether it did. */
function lowerSparse(node: Node, c: Lowering, mode: number, columns: Columns): boolean {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const [y] = node.outputs as [Value];
  const { image, taps, pitch, count, pixels, results } = columns;
  const matrix = weight.type.dtype === "f32" && matrixOf(c.fixed(weight), weight.type.shape[0]!);
  if (!matrix) return false;
  const places = floatRows(taps, pitch);
  const panels = Math.ceil(matrix.cout / 8) * matrix.length;
  const few = !image && count < 4;
  const by = cheapest(f32Sparse, {
    lists: tileWork(matrix, LISTS, count, places),
    rows: image ? undefined : rowWork(matrix, ROWS, count),
    vectors: few ? [count * panels] : undefined,
    dense: few ? undefined : [Math.ceil(count / 4) * panels],
  });
  const tiled = by === "lists";
  if (!tiled && by !== "rows") return false;
  // what pads the row of an image is outputs without weights
  const padded = image ? matrix : { ...matrix, cout: flat.bytes(y.type.shape, "f32") / 4 };
  const words = tiled ? pack(padded, LISTS, 4, places.rows) : pack(padded, ROWS, 16);
  const args = {
    x: c.in(x),
    y: c.out(y),
    weight: c.constant("sparse weights", words),
    cout: padded.cout,
    mode,
    aux: bias ? c.in(bias) : 0,
  };
  if (!tiled) {
    c.each("f32_sparse_dense", args);
    return true;
  }
  const over = {
    ...args,
    h: 0,
    w: 0,
    pixel: 0,
    pad_t: 0,
    pad_l: 0,
    rows: 0,
    columns: 0,
    ...image,
    chunks: places.chunks.length,
    places: c.constant("chunks", places.chunks),
    count,
    pixels: table(c, "pixels", pixels),
    results: table(c, "results", results),
    scratch: c.scratch("transposed pixels", tileBytes(places, 4, 4) + (image?.rows ?? 0) * pitch),
  };
  if (image) c.each("f32_sparse_conv2d", over);
  else c.call("f32_sparse_conv2d", { ...over, n: 1 });
  return true;
}

/** Lowers a convolution likewise. */
export function lowerSparseConv2d(node: Node, c: Lowering, g: Conv2dGeometry): boolean {
  const { h, w, pad_t, pad_l } = g;
  if (g.groups > 1 || Math.min(pad_t, pad_l) < 0) return false;
  const reached = [
    (g.oh - 1) * g.stride_h + (g.kh - 1) * g.dilation_h + 1,
    (g.ow - 1) * g.stride_w + (g.kw - 1) * g.dilation_w + 1,
  ] as const;
  const [rows, columns] = pad_t || pad_l || reached[0] > h || reached[1] > w ? reached : [0, w];
  const pixel = 4 * g.cin;
  const pitch = columns * pixel;
  const pixels: TableAxes = [
    [g.oh, g.stride_h * pitch],
    [g.ow, g.stride_w * pixel],
  ];
  const count = g.oh * g.ow;
  const image = { h, w, pixel, pad_t, pad_l, rows, columns };
  const mode = node.inputs[2] ? MODE.bias : MODE.plain;
  return lowerSparse(node, c, mode, { image, taps: g, pitch, count, pixels, results: [[count, 4 * g.cout]] });
}

/** Lowers a dense layer likewise. */
export function lowerSparseDense(node: Node, c: Lowering, mode: number): boolean {
  const [x] = node.inputs as [Value];
  const [y] = node.outputs as [Value];
  const { batch } = c;
  const row = (v: Value): TableAxes => [[batch, c.strideIn(v, flat)]];
  const taps = { kh: 1, kw: 1, cin: x.type.shape[0]!, dilation_h: 1, dilation_w: 1 };
  return lowerSparse(node, c, mode, { taps, pitch: 0, count: batch, pixels: row(x), results: row(y) });
}
