/**
 * How int8 convolutions become kernel calls. Static: by shape, the one-channel kernel, the fast FIR (plain kernels), Winograd, depthwise, or
 * the general table-driven tile, a call for each group of channels. Dynamic: the general tile on an image quantized at run time.
 */
import { roundUp, type Shape, size } from "../base/shape.ts";
import type { Node, Value } from "../graph/graph.ts";
import type { Lowering, Ref } from "../graph/meaning.ts";
import { winogradBand, winogradPackedBytes, winogradPays, winogradScratchBytes } from "../kernels/i8-winograd.ts";

import {
  channelPackedBytes,
  channelWalk,
  depthwise3x3Fits,
  depthwise3x3PackedBytes,
  depthwise3x3ScratchBytes,
  depthwisePackedBytes,
  depthwiseTapTable,
  firPackedBytes,
  firPays,
  firScratchBytes,
  firSteps,
  groupsOf,
  type Halo,
  panelBytes,
  pixelTable,
  pooledPixelTable,
  runsOf,
  type StoredImage,
  storedBytes,
  storedImage,
  stripBytes,
  type Window as TapWindow,
  tapTable,
  tileRows,
} from "../kernels/stored.ts";
import {
  affine,
  at,
  biasIn,
  clamps,
  requantizationScales,
  type StoredPlace,
  storedIn,
  storedOut,
  weightScales,
} from "./quantized.ts";
import { along, copyAlong } from "./rearrange.ts";
import type { Window } from "./window.ts";

/** What a convolution's attributes say that matters here. */
interface Convolution extends Window {
  relu?: boolean;
}

interface Grouped extends Convolution {
  groups: number;
}

/** Pixels around an image that its taps may touch. */
export const haloOf = ({ pads: [top, left, bottom, right] }: Convolution): Halo => ({
  top: Math.max(0, top),
  left: Math.max(0, left),
  bottom: Math.max(0, bottom),
  right: Math.max(0, right),
});

const tapWindow = (weight: Shape, a: Convolution): TapWindow => ({
  kernel: [weight[1]!, weight[2]!],
  strides: a.strides,
  dilations: a.dilations,
  pads: { top: a.pads[0], left: a.pads[1], bottom: a.pads[2], right: a.pads[3] },
});

/** Everything the ways to run a convolution need. */
interface Site {
  c: Lowering;
  window: TapWindow;
  groups: number;
  outs: number;
  from: StoredPlace;
  to: StoredPlace;
  /** The first tap of the first pixel. */
  firstTap: Ref;
  weight: Ref;
  bias: Ref;
  scale: Ref;
  /** Zero point of x. */
  zero: number;
  clamps: { zero: number; qmin: number; qmax: number };
}

const firstTapOf = ({ ref, image }: StoredPlace, { pads }: TapWindow): Ref =>
  at(ref, image.first - pads.top * image.pitch - pads.left * image.pixel);

function siteOf<A extends Convolution>(node: Node<A>, groups: number, c: Lowering): Site {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const y = node.outputs[0]!;
  const window = tapWindow(weight.type.shape, node.attrs);
  const from = storedIn(c, x, haloOf(node.attrs));
  return {
    c,
    window,
    groups,
    outs: weight.type.shape[0]!,
    from,
    to: storedOut(c, y),
    firstTap: firstTapOf(from, window),
    weight: c.in(weight),
    bias: biasIn(c, bias, weight.type.shape[0]!),
    scale: c.constant("scales", requantizationScales(x.type, weight.type, y.type)),
    zero: affine(x.type).zero,
    clamps: clamps(y.type, node.attrs.relu),
  };
}

export function lowerConv2dInt8(node: Node<Grouped>, c: Lowering): void {
  const site = siteOf(node, node.attrs.groups, c);
  const { channels } = site.from.image;
  const { kernel, strides, dilations } = site.window;
  const threes = kernel[0] === 3 && kernel[1] === 3 && [...strides, ...dilations].every(n => n === 1);
  if (site.groups === channels && channels > 1) depthwise(site);
  else if (threes && site.groups === 1 && winogradPays(c.variant, winogradShape(site))) winograd(site);
  else general(site, false);
}

export function lowerDepthwiseInt8(node: Node<Convolution>, c: Lowering): void {
  depthwise(siteOf(node, node.inputs[0]!.type.shape[2]!, c));
}

/** With a 2x2 max pool behind it. */
export function lowerConv2dPoolInt8(node: Node<Grouped>, c: Lowering): void {
  const site = siteOf(node, node.attrs.groups, c);
  const { channels } = site.from.image;
  const { kernel, strides, dilations } = site.window;
  const dense = [...strides, ...dilations].every(n => n === 1) && site.groups === 1 && site.to.image.width >= 4;
  if (dense && channels === 1 && channelWalk(c.variant, kernel)) oneChannel(site);
  else if (dense && c.variant === "simd" && firPays(kernel, channels, site.outs)) fastFir(site);
  else general(site, true);
}

/** The pooled image as kernels that walk it by themselves take it. */
function pooledEnds({ from, to, outs, firstTap, clamps }: Site) {
  return {
    x: firstTap,
    xs: from.stride,
    pitch: from.image.pitch,
    y: at(to.ref, to.image.first),
    ys: to.stride,
    ypitch: to.image.pitch,
    ypixel: to.image.pixel,
    height: to.image.height,
    width: to.image.width,
    outs,
    ...clamps,
  };
}

function oneChannel(site: Site): void {
  const { c, outs, weight, bias, scale, zero } = site;
  const [kh, kw] = site.window.kernel;
  const walk = channelWalk(c.variant, [kh, kw])!;
  const { across, down, quads, column } = walk;
  const w = c.scratch("packed weights", channelPackedBytes(outs, walk));
  const order = c.constant("order of taps", walk.order);
  c.call("i8_conv2d_1c_pack", {
    outs,
    length: kh * kw,
    groups: across + down,
    order,
    w: weight,
    bias,
    scale,
    zero,
    y: w,
  });
  const rows = 2 * site.to.image.height + kh - 1;
  c.each("i8_conv2d_1c_max_pool2d", {
    ...pooledEnds(site),
    rows,
    strips: c.scratch("strip", stripBytes(c.variant, rows)),
    quads,
    column,
    w,
    across,
    down,
    taps: c.constant("taps", walk.taps),
  });
}

function fastFir(site: Site): void {
  const { c, outs, weight, bias, scale, zero } = site;
  const { kernel } = site.window;
  const [kh, kw] = kernel;
  const { channels } = site.from.image;
  const { height, width } = site.to.image;
  const w = c.scratch("packed weights", firPackedBytes(outs, kernel, channels));
  c.call("i8_conv2d_fir_pack", { outs, kh, kw, channels, w: weight, bias, scale, zero, y: w });
  c.each("i8_conv2d_fir_max_pool2d", {
    ...pooledEnds(site),
    channels,
    kh,
    kw,
    scratch: c.scratch("planes", firScratchBytes(height, width, kernel, channels)),
    w,
    steps: c.constant("steps", firSteps(kernel, channels)),
  });
}

const winogradShape = ({ from, to, outs }: Site) => ({
  height: to.image.height,
  width: to.image.width,
  channels: from.image.channels,
  outs,
});

function winograd(site: Site): void {
  const { c, from, to, outs, weight, bias, scale, zero } = site;
  const shape = winogradShape(site);
  const { channels, height, width } = shape;
  const band = winogradBand(shape);
  const w = c.scratch("packed weights", winogradPackedBytes(shape));
  c.call("i8_conv2d_winograd_pack", { outs, channels, w: weight, bias, scale, zero, y: w });
  c.each("i8_conv2d_winograd", {
    x: site.firstTap,
    xs: from.stride,
    pitch: from.image.pitch,
    channels,
    w,
    scratch: c.scratch("transformed tiles", winogradScratchBytes(shape, band)),
    band,
    y: at(to.ref, to.image.first),
    ys: to.stride,
    ypitch: to.image.pitch,
    height,
    width,
    outs,
    ...site.clamps,
  });
}

function depthwise(site: Site): void {
  const { c, window, outs } = site;
  const from = repeated(c, site.from, outs / site.from.image.channels);
  if (depthwise3x3Fits(window, outs)) depthwise3x3(site, from);
  else anyDepthwise(site, from);
}

function depthwise3x3(site: Site, from: StoredPlace): void {
  const { c, window, to, weight, bias, scale, zero, outs: channels } = site;
  const [down, across] = window.strides;
  const { height, width } = to.image;
  const w = c.scratch("packed weights", depthwise3x3PackedBytes(c.variant, channels));
  c.call("i8_depthwise_3x3_pack", { channels, w: weight, bias, scale, zero, y: w });
  c.each("i8_depthwise_conv2d_3x3", {
    x: firstTapOf(from, window),
    xs: from.stride,
    pitch: from.image.pitch,
    channels,
    down,
    across,
    w,
    scratch: c.scratch("interleaved rows", depthwise3x3ScratchBytes(c.variant, width, across, channels)),
    y: at(to.ref, to.image.first),
    ys: to.stride,
    ypitch: to.image.pitch,
    height,
    width,
    ...site.clamps,
  });
}

function anyDepthwise(site: Site, from: StoredPlace): void {
  const { c, window, to, weight, bias, scale, zero, outs: channels } = site;
  const taps = size(window.kernel);
  const w = c.scratch("packed weights", depthwisePackedBytes(channels, taps));
  c.call("i8_depthwise_pack", { channels, taps, w: weight, bias, scale, zero, y: w });
  const table = depthwiseTapTable(from.image, window);
  const pixels = pixelTable(from.image, to.image, window);
  c.each("i8_depthwise_conv2d", {
    x: from.ref,
    xs: from.stride,
    w,
    pairs: table.length / 2,
    taps: c.constant("taps", table),
    tiles: pixels.length / 8,
    pixels: c.constant("pixels", pixels),
    y: to.ref,
    ys: to.stride,
    channels,
    ...site.clamps,
  });
}

/** Every channel `times` times, halo included: what a depthwise convolution with a multiplier reads. */
function repeated(c: Lowering, from: StoredPlace, times: number): StoredPlace {
  if (times === 1) return from;
  const { height, width, channels, halo, bytes } = from.image;
  const image = storedImage([height, width, channels * times], c.variant, halo);
  const stride = roundUp(image.bytes, 32);
  const ref = c.scratch("repeated channels", stride * c.group);
  const element = storedBytes(c.variant);
  const pixels = bytes / from.image.pixel;
  const offsets = [along(pixels, i => i * from.image.pixel), along(channels, i => i * element), along(times, () => 0)];
  const pitches = [image.pixel, times * element, element];
  copyAlong(c, element, offsets, pitches, { x: from.ref, y: ref, ys: stride });
  return { ref, image, stride };
}

function general(site: Site, pooled: boolean): void {
  const { c, window, from, to, zero } = site;
  const { runs, length } = runsOf(window, from.image.channels, site.groups);
  const { height, width } = to.image;
  const rows = tileRows(groupsOf(c.variant, runs, length), height * width, site.outs / site.groups);
  const table = pooled
    ? pooledPixelTable(from.image, to.image, window)
    : pixelTable(from.image, to.image, window, rows);
  const pixels = c.constant("pixels", table);
  // the k-groups of a single run lie side by side
  const taps = runs === 1 && !pooled ? 0 : c.constant("taps", tapTable(c.variant, from.image, window, site.groups));
  const element = storedBytes(c.variant);
  for (let g = 0; g < site.groups; g++) {
    const { packed, groups, outs, inside } = panels(c, window, from.image, site, g, zero);
    const ends = {
      x: at(from.ref, g * inside * element),
      xs: from.stride,
      w: packed,
      groups,
      taps,
      pixels,
      y: at(to.ref, g * outs * element),
      ys: to.stride,
      outs,
      ...site.clamps,
    };
    if (pooled) c.each("i8_conv2d_max_pool2d", { ...ends, tiles: table.length / 5 });
    else c.each("i8_conv2d", { ...ends, rows, tiles: table.length / (2 * rows) });
  }
}

/** Packs the weights of one group of channels. */
function panels(
  c: Lowering,
  window: TapWindow,
  image: StoredImage,
  { groups: all, outs: filters, weight, bias, scale }: Pick<Site, "groups" | "outs" | "weight" | "bias" | "scale">,
  group: number,
  zero: number,
) {
  const { runs, length } = runsOf(window, image.channels, all);
  const groups = groupsOf(c.variant, runs, length);
  const outs = filters / all;
  const first = group * outs;
  const packed = c.scratch("packed weights", panelBytes(outs, groups));
  c.call("i8_gemm_pack", {
    outs,
    runs,
    length,
    w: at(weight, first * runs * length),
    bias: at(bias, 4 * first),
    scale: at(scale, 4 * first),
    zero,
    y: packed,
  });
  return { packed, groups, outs, inside: image.channels / all };
}

// ---------------------------------------------------------------- dynamic

/** Bytes of one entry of `i8_choose`. */
const CHOICE = 16;

/** x (f32) quantized image by image: where the stored images are, and what was chosen for each. */
export function quantizedAtRunTime(c: Lowering, x: Value, halo: Halo): { from: StoredPlace; chosen: Ref; cs: number } {
  const image = storedImage(x.type.shape, c.variant, halo);
  const stride = roundUp(image.bytes, 32);
  const range = c.scratch("ranges", 8 * c.group);
  const chosen = c.scratch("quantizations", CHOICE * c.group);
  const ref = c.scratch("quantized images", stride * c.group);
  const real = { x: c.in(x) };
  c.each("i8_range", { ...real, length: size(x.type.shape), y: range, ys: 8 });
  c.each("i8_choose", { x: range, xs: 8, y: chosen, ys: CHOICE });
  c.each("i8_quantize_dynamic", {
    ...real,
    chosen,
    cs: CHOICE,
    y: ref,
    ys: stride,
    rows: image.height,
    length: image.width * image.channels,
    pitch: image.pitch,
    before: image.first,
    bytes: image.bytes,
  });
  return { from: { ref, image, stride }, chosen, cs: CHOICE };
}

/** The bias of a dynamic layer: f32, added after the sums are real. */
export const realBias = (c: Lowering, bias: Value | undefined, outs: number): Ref =>
  bias ? c.in(bias) : c.constant("no bias", new Float32Array(outs));

/** Packed without a bias and with zero point -127, a panel begins with minus the sums of weights: what the zero point is multiplied with at run time. */
export const SUMS_ONLY = -127;

/** `all`: groups of channels. */
export function lowerConv2dDynamic<A extends Convolution>(node: Node<A>, all: number, c: Lowering): void {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const y = node.outputs[0]!;
  const window = tapWindow(weight.type.shape, node.attrs);
  const { from, chosen, cs } = quantizedAtRunTime(c, x, haloOf(node.attrs));
  const [, width, filters] = y.type.shape as [number, number, number];
  const place = c.out(y);
  // results are f32 and lie flat
  const image: StoredImage = {
    ...storedImage(y.type.shape, c.variant),
    pixel: 4 * filters,
    pitch: 4 * filters * width,
  };
  const table = pixelTable(from.image, image, window);
  const pixels = c.constant("pixels", table);
  const taps = c.constant("taps", tapTable(c.variant, from.image, window, all));
  const shared = {
    groups: all,
    outs: filters,
    weight: c.in(weight),
    bias: c.constant("no bias", new Int32Array(filters)),
    scale: c.constant("scales", weightScales(weight.type)),
  };
  const real = realBias(c, bias, filters);
  for (let g = 0; g < all; g++) {
    const { packed, groups, outs, inside } = panels(c, window, from.image, shared, g, SUMS_ONLY);
    c.each("i8_conv2d_dynamic", {
      x: at(from.ref, g * inside * storedBytes(c.variant)),
      xs: from.stride,
      w: packed,
      groups,
      taps,
      tiles: table.length / 8,
      pixels,
      y: at(place, 4 * g * outs),
      outs,
      chosen,
      cs,
      bias: at(real, 4 * g * outs),
    });
  }
}
