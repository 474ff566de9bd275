/**
 * How int8 convolutions, depthwise ones among them, become kernel calls. Static: by shape, in one of several ways, all of them exact; what none of
 * these takes goes by tables, a call for each group of channels. Dynamic: by tables, on images quantized at run time.
 */
import { PenjingError } from "../../base/errors.ts";
import { roundUp, type Shape, size } from "../../base/shape.ts";
import type { Node, Value } from "../../graph/graph.ts";
import type { Arg, Args, Lowering, Ref } from "../../graph/meaning.ts";
import { winogradBand, winogradPackedBytes, winogradPays, winogradScratchBytes } from "../../kernels/i8-winograd.ts";
import { flat } from "../../kernels/layout.ts";
import type { Variant } from "../../kernels/load.ts";
import {
  depthwise3x3Fits,
  depthwise3x3PackedBytes,
  depthwise3x3ScratchBytes,
  depthwisePackedBytes,
  depthwiseTapAxes,
  firPackedBytes,
  firPays,
  firScratchBytes,
  groupsOf,
  type Halo,
  imageOf,
  insideOf,
  NO_HALO,
  type Numbers,
  ONE_CHANNEL_WIDTH,
  oneChannelPackedBytes,
  panelBytes,
  pixelAxes,
  resultAxes,
  runsOf,
  storedBytes,
  storedImage,
  stripBytes,
  type TableAxes,
  type Window as TapWindow,
  tableBytes,
  tapAxes,
  tileRows,
} from "../../kernels/stored.ts";
import type { KernelName } from "../../kernels/table.ts";
import {
  affine,
  at,
  clamps,
  isInt8,
  ofPixels,
  requantizationScales,
  type StoredPlace,
  storedIn,
  storedOut,
  weightScales,
} from "../quantized/quantized.ts";
import { proveSums } from "../quantized/sums.ts";
import { copyAlong, spreadOut, steps } from "../shape/rearrange.ts";
import { plainWindow, type Window } from "./window.ts";

/** What a layer's attributes say that matters here; a dense layer has no window. */
interface Weighted extends Partial<Window> {
  relu?: boolean;
}

/** Pixels around an image that its taps may touch. */
export const haloOf = ({ pads }: Pick<Window, "pads">): Halo => pads.map(pad => Math.max(0, pad)) as unknown as Halo;

/** Packed without a bias and with zero point -127, a panel begins with minus the sums of weights: what the zero point is multiplied with at run time. */
const SUMS_ONLY = -127;

/** Bytes of one entry of `i8_choose`. */
const CHOICE = 16;

/** x (f32) quantized image by image: where the stored images are, and what was chosen for each. */
function quantizedAtRunTime(c: Lowering, x: Value, halo: Halo): { from: StoredPlace; chosen: Ref; cs: number } {
  return { cs: CHOICE, ...chosenFor(c, x.type.shape, halo, 1, { x: c.in(x) }) };
}

/** `each` pieces of `shape` an image, quantized by the range of each. `ends`: x, and how far apart pieces are. */
function chosenFor(
  c: Lowering,
  shape: Shape,
  halo: Halo,
  each: number,
  ends: { x: Ref; xs?: number; n?: { per: number } },
): { from: StoredPlace; chosen: Ref } {
  const { x, ...pieces } = ends;
  const n = ends.n && { n: ends.n };
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

/**
 * A convolution of 1x1 at run time is a dense layer of its pixels, each quantized by its own range. Pixels that do not follow one another from
 * image to image, since those are padded, are brought together first.
 */
function lowerPixels(node: Node, c: Lowering): void {
  proveSums(node);
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const [y] = node.outputs;
  const [outs, length] = [weight.type.shape[0]!, x.type.shape[2]!];
  const pixels = x.type.shape[0]! * x.type.shape[1]!;
  const n = { per: pixels };
  const [xs, ys] = [4 * length * pixels, 4 * outs * pixels];
  const room = (v: Value, bytes: number) =>
    flat.bytes(v.type.shape, "f32") === bytes ? undefined : c.scratch("pixels", bytes * c.group);
  const [from, to] = [room(x, xs), room(y!, ys)];
  if (from) copyAlong(c, xs, [steps(1, 0)], [0], { x: c.in(x), y: from, ys: xs });
  const pieces = { x: from ?? c.in(x), xs: 4 * length, n };
  const { from: stored, chosen } = chosenFor(c, [length], NO_HALO, pixels, pieces);
  const groups = groupsOf(c.variant, 1, length);
  const packed = c.scratch("packed weights", panelBytes(outs, groups));
  const scale = c.constant("scales", weightScales(weight.type));
  c.call("i8_gemm_pack", {
    cout: outs,
    runs: 1,
    length,
    weight: c.in(weight),
    bias: 0,
    scale,
    zero: SUMS_ONLY,
    y: packed,
  });
  c.each("i8_gemm_dynamic", {
    n,
    x: stored.ref,
    xs: stored.stride!,
    k_groups: groups,
    weight: packed,
    y: to ?? c.out(y!),
    ys: 4 * outs,
    cout: outs,
    chosen,
    cs: CHOICE,
    bias: bias ? c.in(bias) : c.constant("no bias", new Float32Array(outs)),
  });
  if (to) copyAlong(c, ys, [steps(1, 0)], [0], { x: to, xs: ys, y: spreadOut(c, y!).ref });
}

/** Every channel `times` times, halo included: what a depthwise convolution with a multiplier reads. */
function repeated(c: Lowering, from: StoredPlace, times: number): StoredPlace {
  if (times === 1) return from;
  const { channels, pixel, pitch, first, bytes } = from;
  const image = {
    ...from,
    channels: channels * times,
    pixel: pixel * times,
    pitch: pitch * times,
    first: first * times,
    bytes: bytes * times,
  };
  const element = storedBytes(c.variant);
  const stride = roundUp(image.bytes, 32);
  const y = c.scratch("repeated channels", stride * c.group);
  const offsets = [steps(bytes / pixel, pixel), steps(channels, element), steps(times, 0)];
  copyAlong(c, element, offsets, [image.pixel, times * element, element], {
    x: at(from.ref, -first),
    y,
    ys: stride,
  });
  return { ...image, ref: at(y, image.first), stride };
}

/**
 * Weights [outs][...] less their zero point have 9 bits. They are int8 again as a sum of `parts` int8 kernels, which lie one after the other,
 * [outs][parts][...]: kernels that run read the same pixels once for each part, and their sums are those of the weights.
 */
function inParts(weight: Value, node: Node): { parts: number; data: Int8Array | undefined } {
  const zero = weight.type.quantization!.zeroPoint;
  if (zero === 0) return { parts: 1, data: undefined };
  if (!weight.data)
    throw new PenjingError("refused", `layer "${node.name}" has weights with a zero point that are no constant`, {
      path: node.name,
    });
  // two int8 add up to -256..254
  const parts = zero === -128 ? 3 : 2;
  const row = weight.data.length / weight.type.shape[0]!;
  const data = new Int8Array(parts * weight.data.length);
  weight.data.forEach((q, i) => {
    let left = q - zero;
    let at = Math.floor(i / row) * parts * row + (i % row);
    for (let part = 0; part < parts; part++) {
      const here = Math.max(-128, Math.min(127, left));
      data[at] = here;
      left -= here;
      at += row;
    }
  });
  return { parts, data };
}

/** A layer with int8 weights, its numbers by the names that kernels have for them. */
export function siteOf<A extends Weighted>(node: Node<A>, groups: number, c: Lowering, pooled = false) {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const y = node.outputs[0]!;
  const { shape } = weight.type;
  const cout = shape[0]!;
  const [kh, kw] = shape.length > 2 ? [shape[1]!, shape[2]!] : [1, 1];
  const { pads, strides, dilations }: Window = { ...plainWindow, ...node.attrs };
  const window: TapWindow = { kernel: [kh, kw], strides, dilations, pads };
  const dynamic = !isInt8(x.type);
  const scales = dynamic ? weightScales(weight.type) : requantizationScales(x.type, weight.type, y.type);
  proveSums(node, scales);
  const { parts, data } = inParts(weight, node);
  const { from: whole, ...chosen } = dynamic
    ? quantizedAtRunTime(c, x, haloOf(window))
    : { from: storedIn(c, x, haloOf(window)) };
  // with a pool behind them, these go by tables as other groups do
  const depthwise = !dynamic && !pooled && groups > 1 && groups === whole.channels;
  const from = depthwise ? repeated(c, whole, cout / groups) : whole;
  const to: StoredPlace = dynamic ? { ...imageOf(y.type.shape, 4), ref: c.out(y) } : storedOut(c, y);
  const cin = from.channels;
  return {
    c,
    window,
    groups,
    dynamic,
    depthwise,
    /** How many kernels the weights are the sum of. */
    parts,
    /** Are pixels taken one by one, and all channels together? */
    plain: groups === 1 && parts === 1 && [...strides, ...dilations].every(n => n === 1),
    from,
    to,
    /** What kernels that pack weights take. */
    packing: {
      cout,
      kh,
      kw,
      cin,
      taps: parts * kh * kw,
      weight: data ? c.constant("weights in parts", data) : c.in(weight),
      bias: dynamic || !bias ? (0 as const) : c.in(bias),
      scale: c.constant("scales", scales),
      zero: dynamic ? SUMS_ONLY : affine(x.type).zero,
    },
    /** What kernels that run take: x is the first tap of the first pixel. */
    running: {
      x: at(from.ref, -pads[0] * from.pitch - pads[1] * from.pixel),
      xs: from.stride,
      x_row_stride: from.pitch,
      cin,
      kh,
      kw,
      stride_h: strides[0],
      stride_w: strides[1],
      y: to.ref,
      y_row_stride: to.pitch,
      y_pixel_stride: to.pixel,
      oh: to.height,
      ow: to.width,
      cout,
      // what becomes of sums
      ...(dynamic
        ? { ...chosen, bias: bias ? c.in(bias) : c.constant("no bias", new Float32Array(cout)) }
        : clamps(y.type, node.attrs.relu)),
    },
  };
}

export type Site = ReturnType<typeof siteOf>;

/** Weights as a kernel wants them. */
export function packed<K extends KernelName>(
  { c, packing }: Site,
  kernel: K,
  bytes: number,
  more: Partial<Args<K>> = {},
): Ref {
  const y = c.scratch("packed weights", bytes);
  c.call(kernel, { ...packing, ...more, y } as unknown as Args<K>);
  return y;
}

/** One way to run a convolution: where it can and pays, the kernels that pack weights and run, and the bytes of packed weights and scratch. */
interface Way {
  takes(site: Site): boolean;
  readonly pack: KernelName;
  bytes(of: Numbers, variant: Variant): number;
  readonly kernel: KernelName;
  scratch?(of: Numbers, variant: Variant): number;
  /** What else the kernel takes. */
  more?(site: Site): Record<string, Arg>;
}

/** One input channel, then a pool. */
const oneChannel: Way = {
  takes: ({ plain, running: { cin, kw, ow } }) => plain && cin === 1 && kw <= ONE_CHANNEL_WIDTH && ow >= 4,
  pack: "i8_conv2d_1c_pack",
  bytes: oneChannelPackedBytes,
  kernel: "i8_conv2d_1c_max_pool2d",
  scratch: stripBytes,
};

/** Fast FIR, then a pool. */
const fastFir: Way = {
  takes: ({ c, plain, running }) => c.variant === "simd" && plain && running.ow >= 4 && firPays(running),
  pack: "i8_conv2d_fir_pack",
  bytes: firPackedBytes,
  kernel: "i8_conv2d_fir_max_pool2d",
  scratch: firScratchBytes,
};

const winograd: Way = {
  takes: ({ c, plain, running }) => plain && running.kh === 3 && running.kw === 3 && winogradPays(c.variant, running),
  pack: "i8_conv2d_winograd_pack",
  bytes: winogradPackedBytes,
  kernel: "i8_conv2d_winograd",
  scratch: of => winogradScratchBytes(of, winogradBand(of)),
  more: ({ running }) => ({ band: winogradBand(running) }),
};

const depthwise3x3: Way = {
  takes: ({ depthwise, parts, window, running }) => depthwise && parts === 1 && depthwise3x3Fits(window, running.cin),
  pack: "i8_depthwise_3x3_pack",
  bytes: depthwise3x3PackedBytes,
  kernel: "i8_depthwise_conv2d_3x3",
  scratch: depthwise3x3ScratchBytes,
};

const anyDepthwise: Way = {
  takes: ({ depthwise }) => depthwise,
  pack: "i8_depthwise_pack",
  bytes: depthwisePackedBytes,
  kernel: "i8_depthwise_conv2d",
  more: site => ({
    pairs: Math.ceil(site.packing.taps / 2),
    taps: table(site, "taps", eachPart(site, depthwiseTapAxes(site.from, site.window))),
    ...pixels(site, false, 4),
  }),
};

/** Made once, by a kernel. */
function table({ c }: Site, name: string, axes: TableAxes): Ref {
  const y = c.scratch(name, tableBytes(axes));
  c.call("offsets", { rank: axes.length, axes: c.constant("axes", Int32Array.from(axes.flat())), y });
  return y;
}

/** The same taps once for each part of the weights. */
const eachPart = ({ parts }: Site, axes: TableAxes): TableAxes => (parts === 1 ? axes : [[parts, 0], ...axes]);

/** What drives a kernel over the pixels, `rows` of them at a time; where `pooled`, over windows. */
const pixels = (site: Site, pooled: boolean, rows: number) => ({
  tiles: Math.ceil((site.to.height * site.to.width) / (pooled ? 1 : rows)),
  pixels: /* @__PURE__ */ table(site, "pixels", pixelAxes(site.from, site.to, site.window, pooled)),
  results: /* @__PURE__ */ table(site, "results", resultAxes(site.to)),
});

function lowerInt8<A extends Weighted>(node: Node<A>, groups: number, c: Lowering, pooled: boolean): void {
  const [x, weight] = node.inputs;
  if (!isInt8(x!.type) && ofPixels(weight!.type.shape, node.attrs, groups)) {
    lowerPixels(node, c);
    return;
  }
  const site = siteOf(node, groups, c, pooled);
  const ways = pooled ? [oneChannel, fastFir] : [winograd, depthwise3x3, anyDepthwise];
  const way = site.dynamic ? undefined : ways.find(({ takes }) => takes(site));
  if (!way) {
    byTables(site, pooled);
    return;
  }
  const { running } = site;
  const weights = packed(site, way.pack, way.bytes({ ...running, kh: site.parts * running.kh }, c.variant));
  const scratch = c.scratch("scratch", way.scratch?.(running, c.variant) ?? 0);
  c.each(way.kernel, { ...running, ...way.more?.(site), weight: weights, scratch } as never);
}

/** A convolution or depthwise convolution with int8 weights. */
export const lowerConv2dInt8 = <A extends Weighted>(node: Node<A>, groups: number, c: Lowering): void =>
  lowerInt8(node, groups, c, false);

/** With a 2x2 max pool behind it. */
export const lowerConv2dPoolInt8 = (node: Node<Weighted & { groups: number }>, c: Lowering): void =>
  lowerInt8(node, node.attrs.groups, c, true);

/** By tables of the places of k-groups and pixels: any convolution, and a dense layer as one of 1x1. */
export function byTables(site: Site, pooled: boolean): void {
  const { c, window, groups: all, dynamic, parts, from, to, packing, running } = site;
  const { runs: once, length } = runsOf(window, from.channels, all);
  const runs = parts * once;
  const groups = groupsOf(c.variant, runs, length);
  const cout = packing.cout / all;
  const rows = dynamic || pooled ? 4 : tileRows(groups, to.height * to.width, cout);
  const shared = {
    ...running,
    k_groups: groups,
    cout,
    // the k-groups of a single run lie side by side
    taps:
      runs === 1 && !pooled && !dynamic
        ? 0
        : table(site, "taps", eachPart(site, tapAxes(c.variant, from, window, all))),
    rows,
    ...pixels(site, pooled, rows),
  };
  const kernel = dynamic ? "i8_conv2d_dynamic" : pooled ? "i8_conv2d_max_pool2d" : "i8_conv2d";
  for (let g = 0; g < all; g++) {
    const first = g * cout;
    const weight = packed(site, "i8_gemm_pack", panelBytes(cout, groups), {
      cout,
      runs,
      length,
      weight: at(packing.weight, first * runs * length),
      bias: packing.bias && at(packing.bias, 4 * first),
      scale: at(packing.scale, 4 * first),
    });
    c.each(kernel, {
      ...shared,
      x: at(running.x, (g * from.pixel) / all),
      weight,
      y: at(running.y, (g * to.pixel) / all),
      ...("bias" in running && { bias: at(running.bias, 4 * first) }),
    } as never);
  }
}
