/** Layers with int8 weights and float activations, which are quantized when they run: each image by its own range. */
import { roundUp, type Shape, size } from "../../base/shape.ts";
import type { Value } from "../../graph/graph.ts";
import type { Lowering, Ref } from "../../graph/meaning.ts";
import { groupsOf, panelBytes } from "../../kernels/i8/panels.ts";
import { type Halo, imageOf, insideOf, NO_HALO, storedImage } from "../../kernels/i8/stored.ts";
import { flat } from "../../kernels/layout.ts";
import { weightScales } from "../quantized/int8-arithmetic.ts";
import { at, type StoredPlace } from "../quantized/int8-buffers.ts";
import { proveSums } from "../quantized/sums.ts";
import { copyAlong, spreadOut, steps } from "../shape/rearrange.ts";
import { haloOf, layerOf, packedWeights, type WeightedNode, windowOf } from "./int8-layer.ts";

/**
 * The zero point with which weights are packed, without a bias: a panel then begins with minus the sums of its weights,
 * which are multiplied by the zero point that is found at run time.
 */
const SUMS_ONLY = -127;

/** Bytes of one entry of `i8_choose`. */
const CHOICE = 16;

interface Pieces {
  readonly x: Ref;
  /** Bytes from piece to piece, where they are not whole images. */
  readonly xs?: number;
  readonly n?: { per: number };
}

/** Quantizes `each` pieces of `shape` an image by the range of each; `chosen` are the quantizations. */
function quantized(
  c: Lowering,
  shape: Shape,
  halo: Halo,
  each: number,
  { x, ...pieces }: Pieces,
): { from: StoredPlace; chosen: Ref } {
  const n = pieces.n && { n: pieces.n };
  const image = storedImage(shape, c.variant, halo);
  const stride = roundUp(image.bytes, 32);
  const range = c.scratch("ranges", 8 * c.group * each);
  const chosen = c.scratch("quantizations", CHOICE * c.group * each);
  const ref = c.scratch("quantized images", stride * c.group * each);
  c.each("i8_range", { ...pieces, x, length: size(shape), y: range, ys: 8 });
  c.each("i8_choose", { ...n, x: range, xs: 8, y: chosen, ys: CHOICE });
  const stored = { y: ref, ys: stride, ...insideOf(image), bytes: image.bytes };
  c.each("i8_quantize_dynamic", { ...pieces, x, chosen, cs: CHOICE, ...stored });
  return { from: { ...image, ref: at(ref, image.first), stride }, chosen };
}

const biasOf = (c: Lowering, bias: Value | undefined, cout: number): Ref =>
  bias ? c.in(bias) : c.constant("no bias", new Float32Array(cout));

/** A layer whose images are quantized one by one. */
export function dynamicLayer(node: WeightedNode, c: Lowering, groups: number) {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const y = node.outputs[0]!;
  const cout = weight.type.shape[0]!;
  proveSums(node);
  const { from, chosen } = quantized(c, x.type.shape, haloOf(windowOf(node)), 1, { x: c.in(x) });
  const layer = layerOf(node, c, groups, 1, {
    from,
    to: { ...imageOf(y.type.shape, 4), ref: c.out(y) },
    weight: c.in(weight),
    bias: 0,
    scale: c.constant("scales", weightScales(weight.type)),
    zero: SUMS_ONLY,
  });
  return { ...layer, running: { ...layer.running, chosen, cs: CHOICE, bias: biasOf(c, bias, cout) } };
}

/**
 * Lowers a convolution of 1x1 to a dense layer of its pixels, each quantized by its own range. Pixels that do not
 * follow one another from image to image, since images are padded, are brought together first.
 */
export function lowerPixels(node: WeightedNode, c: Lowering): void {
  proveSums(node);
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const [y] = node.outputs;
  const [cout, length] = [weight.type.shape[0]!, x.type.shape[2]!];
  const pixels = x.type.shape[0]! * x.type.shape[1]!;
  const n = { per: pixels };
  const [xs, ys] = [4 * length * pixels, 4 * cout * pixels];
  const room = (v: Value, bytes: number) =>
    flat.bytes(v.type.shape, "f32") === bytes ? undefined : c.scratch("pixels", bytes * c.group);
  const [from, to] = [room(x, xs), room(y!, ys)];
  if (from) copyAlong(c, xs, [steps(1, 0)], [0], { x: c.in(x), y: from, ys: xs });
  const pieces = { x: from ?? c.in(x), xs: 4 * length, n };
  const { from: stored, chosen } = quantized(c, [length], NO_HALO, pixels, pieces);
  const k_groups = groupsOf(c.variant, 1, length);
  const packed = packedWeights(c, panelBytes(cout, k_groups));
  const scale = c.constant("scales", weightScales(weight.type));
  c.call("i8_gemm_pack", { cout, runs: 1, length, weight: c.in(weight), bias: 0, scale, zero: SUMS_ONLY, y: packed });
  c.each("i8_gemm_dynamic", {
    n,
    x: stored.ref,
    xs: stored.stride!,
    k_groups,
    weight: packed,
    y: to ?? c.out(y!),
    ys: 4 * cout,
    cout,
    chosen,
    cs: CHOICE,
    bias: biasOf(c, bias, cout),
  });
  if (to) copyAlong(c, ys, [steps(1, 0)], [0], { x: to, xs: ys, y: spreadOut(c, y!).ref });
}
