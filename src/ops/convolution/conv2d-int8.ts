/**
 * Convolutions with int8 weights as kernel calls. Static ones take the cheapest of several algorithms, all of them exact;
 * dynamic ones go by tables of offsets, on images quantized at run time.
 */
import type { Lowering, Ref } from "../../graph/meaning.ts";
import { cheapest } from "../../kernels/cost/cheapest.ts";
import { i8Conv2d } from "../../kernels/cost/i8-conv2d.ts";
import { i8Conv2dMaxPool2d } from "../../kernels/cost/i8-conv2d-max-pool2d.ts";
import { directWork, tilePixels } from "../../kernels/i8/conv2d.ts";
import { oneChannelPackedBytes, oneChannelWork, stripBytes } from "../../kernels/i8/conv2d-1c.ts";
import { firPackedBytes, firScratchBytes, firWork } from "../../kernels/i8/conv2d-fir.ts";
import {
  winogradBand,
  winogradPackedBytes,
  winogradScratchBytes,
  winogradWork,
} from "../../kernels/i8/conv2d-winograd.ts";
import {
  depthwise3x3Fits,
  depthwise3x3PackedBytes,
  depthwise3x3ScratchBytes,
  depthwisePackedBytes,
  depthwiseWork,
} from "../../kernels/i8/depthwise.ts";
import { depthwiseTapAxes, pixelAxes, resultAxes, runsOf, type TableAxes, tapAxes } from "../../kernels/i8/offsets.ts";
import { groupsOf, panelBytes } from "../../kernels/i8/panels.ts";
import { pointwise } from "../quantized/int8-arithmetic.ts";
import { at } from "../quantized/int8-buffers.ts";
import { isInt8 } from "../quantized/int8-types.ts";
import { dynamicLayer, lowerPixels } from "./int8-dynamic.ts";
import { type Algorithm, type Layer, packedWeights, staticLayer, table, type WeightedNode } from "./int8-layer.ts";
import { blocks, lists } from "./int8-sparse.ts";

/** The same taps once for each part of the weights. */
const eachPart = ({ parts }: Layer, axes: TableAxes): TableAxes => (parts === 1 ? axes : [[parts, 0], ...axes]);

/** Drives a kernel over the pixels, `rows` of them at a time; where `pooled`, over windows. */
const pixels = (layer: Layer, pooled: boolean, rows: number) => ({
  tiles: Math.ceil((layer.to.height * layer.to.width) / (pooled ? 1 : rows)),
  pixels: /* @__PURE__ */ table(layer, "pixels", pixelAxes(layer.from, layer.to, layer.window, pooled)),
  results: /* @__PURE__ */ table(layer, "results", resultAxes(layer.to)),
});

/** The k-groups of one output. */
function kGroups({ c, window, from, groups, parts }: Layer): { runs: number; length: number; groups: number } {
  const { runs: once, length } = runsOf(window, from.channels, groups);
  const runs = parts * once;
  return { runs, length, groups: groupsOf(c.variant, runs, length) };
}

/** How the direct kernels go over a layer. */
interface Course {
  readonly rows: 2 | 4;
  readonly pooled?: boolean;
  /** False where taps may be left out: the k-groups of a single run lie side by side. */
  readonly taps: boolean;
}

/** Lowers a layer by tables of offsets, a call for each group of channels, whose outputs begin with `first`. */
function byOffsets(
  layer: Layer,
  { rows, pooled = false, taps }: Course,
  call: (args: DirectArgs, first: number) => void,
): void {
  const { c, window, groups: all, from, to, packing, running } = layer;
  const { runs, length, groups } = kGroups(layer);
  const cout = packing.cout / all;
  const shared = {
    k_groups: groups,
    cout,
    taps: runs > 1 || taps ? table(layer, "taps", eachPart(layer, tapAxes(c.variant, from, window, all))) : 0,
    ...pixels(layer, pooled, rows),
  };
  for (let g = 0; g < all; g++) {
    const first = g * cout;
    const weight = packedWeights(layer, panelBytes(cout, groups));
    c.call("i8_gemm_pack", {
      cout,
      runs,
      length,
      weight: at(packing.weight, first * runs * length),
      bias: packing.bias && at(packing.bias, 4 * first),
      scale: at(packing.scale, 4 * first),
      zero: packing.zero,
      y: weight,
    });
    call(
      { ...shared, weight, x: at(running.x, (g * from.pixel) / all), y: at(running.y, (g * to.pixel) / all) },
      first,
    );
  }
}

interface DirectArgs {
  readonly k_groups: number;
  readonly cout: number;
  readonly taps: Ref | number;
  readonly tiles: number;
  readonly pixels: Ref;
  readonly results: Ref;
  readonly weight: Ref;
  readonly x: Ref;
  readonly y: Ref;
}

/** Any convolution, and a dense layer as one of 1x1. */
export const direct: Algorithm = {
  work: layer => directWork(layer.to.height * layer.to.width, layer.size.cout, kGroups(layer).groups, layer.groups),
  lower(layer) {
    const { c, to, groups, running } = layer;
    const rows = tilePixels(c.variant, kGroups(layer).groups, to.height * to.width, running.cout / groups);
    byOffsets(layer, { rows, taps: false }, args => c.each("i8_conv2d", { ...running, ...args, rows }));
  },
};

const pooledDirect: Algorithm = {
  work: layer => directWork(4 * layer.to.height * layer.to.width, layer.size.cout, kGroups(layer).groups, layer.groups),
  lower(layer) {
    byOffsets(layer, { rows: 4, pooled: true, taps: true }, args =>
      layer.c.each("i8_conv2d_max_pool2d", { ...layer.running, ...args }),
    );
  },
};

/** One input channel, then a pool. */
const oneChannel: Algorithm = {
  work: ({ c, plain, size }) => (plain ? oneChannelWork(c.variant, size) : undefined),
  lower({ c, size, packing, running }) {
    const weight = packedWeights({ c }, oneChannelPackedBytes(size, c.variant));
    c.call("i8_conv2d_1c_pack", { ...packing, y: weight });
    const scratch = c.scratch("scratch", stripBytes(size, c.variant));
    c.each("i8_conv2d_1c_max_pool2d", { ...running, weight, scratch });
  },
};

/** Fast FIR, then a pool. */
const fir: Algorithm = {
  work: ({ plain, size }) => (plain ? firWork(size) : undefined),
  lower({ c, size, packing, running }) {
    const weight = packedWeights({ c }, firPackedBytes(size));
    c.call("i8_conv2d_fir_pack", { ...packing, y: weight });
    c.each("i8_conv2d_fir_max_pool2d", { ...running, weight, scratch: c.scratch("scratch", firScratchBytes(size)) });
  },
};

const winograd: Algorithm = {
  work: ({ plain, size }) => (plain && size.kh === 3 && size.kw === 3 ? winogradWork(size) : undefined),
  lower({ c, size, packing, running }) {
    const band = winogradBand(size);
    const weight = packedWeights({ c }, winogradPackedBytes(size));
    c.call("i8_conv2d_winograd_pack", { ...packing, y: weight });
    const scratch = c.scratch("scratch", winogradScratchBytes(size, band));
    c.each("i8_conv2d_winograd", { ...running, band, weight, scratch });
  },
};

const depthwise3x3: Algorithm = {
  work: ({ depthwise, parts, window, size }) =>
    depthwise && parts === 1 && depthwise3x3Fits(window, size.cin) ? depthwiseWork(size) : undefined,
  lower({ c, size, packing, running }) {
    const weight = packedWeights({ c }, depthwise3x3PackedBytes(size, c.variant));
    c.call("i8_depthwise_3x3_pack", { ...packing, y: weight });
    const scratch = c.scratch("scratch", depthwise3x3ScratchBytes(size, c.variant));
    c.each("i8_depthwise_conv2d_3x3", { ...running, weight, scratch });
  },
};

const depthwise: Algorithm = {
  work: ({ depthwise, size }) => (depthwise ? depthwiseWork(size) : undefined),
  lower(layer) {
    const { c, size, parts, packing, running } = layer;
    const weight = packedWeights(layer, depthwisePackedBytes({ ...size, kh: parts * size.kh }));
    c.call("i8_depthwise_pack", { ...packing, y: weight });
    c.each("i8_depthwise_conv2d", {
      ...running,
      weight,
      pairs: Math.ceil(packing.taps / 2),
      taps: table(layer, "taps", eachPart(layer, depthwiseTapAxes(layer.from, layer.window))),
      ...pixels(layer, false, 4),
    });
  },
};

const ALGORITHMS = { winograd, depthwise3x3, depthwise, blocks, lists, direct };
const POOLED = { oneChannel, fir, direct: pooledDirect };

/** Lowers a layer with float activations. */
function lowerDynamic(node: WeightedNode, groups: number, c: Lowering): void {
  if (pointwise(node.inputs[1]!.type.shape, node.attrs, groups)) {
    lowerPixels(node, c);
    return;
  }
  const layer = dynamicLayer(node, c, groups);
  const { running } = layer;
  byOffsets(layer, { rows: 4, taps: true }, (args, first) =>
    c.each("i8_conv2d_dynamic", { ...running, ...args, bias: at(running.bias, 4 * first) }),
  );
}

/** Lowers a convolution or depthwise convolution with int8 weights. */
export function lowerConv2dInt8(node: WeightedNode, groups: number, c: Lowering): void {
  if (!isInt8(node.inputs[0]!.type)) {
    lowerDynamic(node, groups, c);
    return;
  }
  const layer = staticLayer(node, c, groups);
  const name = cheapest(i8Conv2d[c.variant], algorithm => ALGORITHMS[algorithm].work(layer));
  ALGORITHMS[name!].lower(layer);
}

/** Lowers one with a 2x2 max pool behind it. */
export function lowerConv2dPoolInt8(node: WeightedNode, groups: number, c: Lowering): void {
  const layer = staticLayer(node, c, groups, true);
  const name = cheapest(i8Conv2dMaxPool2d[c.variant], algorithm => POOLED[algorithm].work(layer));
  POOLED[name!].lower(layer);
}
