/**
 * Convolutions with int8 weights as kernel calls. Static ones take the cheapest of several algorithms, all of them
 * exact; dynamic ones go by tables of offsets, on images quantized at run time.
 */
import type { Arg, Lowering, Ref } from "../../graph/meaning.ts";
import { cheapest, type Work } from "../../kernels/cost/cheapest.ts";
import { i8Conv2d } from "../../kernels/cost/i8-conv2d.ts";
import { i8Conv2dMaxPool2d } from "../../kernels/cost/i8-conv2d-max-pool2d.ts";
import { i8Sparse } from "../../kernels/cost/i8-sparse.ts";
import { type ConvolutionSize, directWork, tilePixels } from "../../kernels/i8/conv2d.ts";
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
} from "../../kernels/i8/depthwise.ts";
import { depthwiseTapAxes, pixelAxes, resultAxes, runsOf, type TableAxes, tapAxes } from "../../kernels/i8/offsets.ts";
import { groupsOf, panelBytes } from "../../kernels/i8/panels.ts";
import type { Variant } from "../../kernels/load.ts";
import type { AllKernelArgs } from "../../kernels/table.ts";
import { pointwise } from "../quantized/int8-arithmetic.ts";
import { at } from "../quantized/int8-buffers.ts";
import { isInt8 } from "../quantized/int8-types.ts";
import { dynamicLayer, lowerPixels } from "./int8-dynamic.ts";
import { type Layer, packedWeights, type StaticLayer, staticLayer, table, type WeightedNode } from "./int8-layer.ts";
import { lowerSparseConv2dInt8, sparseConv2dWorks } from "./sparse.ts";

/** The same taps once for each part of the weights. */
const eachPart = ({ parts }: Layer, axes: TableAxes): TableAxes => (parts === 1 ? axes : [[parts, 0], ...axes]);

/** Drives a kernel over the pixels, `rows` of them at a time; where `pooled`, over windows. */
const pixels = (layer: Layer, pooled: boolean, rows: number) => ({
  tiles: Math.ceil((layer.to.height * layer.to.width) / (pooled ? 1 : rows)),
  pixels: /* @__PURE__ */ table(layer.c, "pixels", pixelAxes(layer.from, layer.to, layer.window, pooled)),
  results: /* @__PURE__ */ table(layer.c, "results", resultAxes(layer.to)),
});

/** The k-groups of one output. */
function kGroups({ c, window, from, groups, parts }: Layer): { runs: number; length: number; groups: number } {
  const { runs: once, length } = runsOf(window, from.channels, groups);
  const runs = parts * once;
  return { runs, length, groups: groupsOf(c.variant, runs, length) };
}

/** The way of the direct kernels over a layer. */
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
    taps: runs > 1 || taps ? table(layer.c, "taps", eachPart(layer, tapAxes(c.variant, from, window, all))) : 0,
    ...pixels(layer, pooled, rows),
  };
  for (let g = 0; g < all; g++) {
    const first = g * cout;
    const weight = packedWeights(c, panelBytes(cout, groups));
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
      {
        ...shared,
        weight,
        x: at(running.x, (g * from.pixelStride) / all),
        y: at(running.y, (g * to.pixelStride) / all),
      },
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

/** Lowers any static layer, a dense one as a convolution of 1x1. */
export function lowerDirect(layer: StaticLayer): void {
  const { c, groups, running } = layer;
  const rows = tilePixels(running.cout / groups);
  byOffsets(layer, { rows, taps: false }, args => c.each("i8_conv2d", { ...running, ...args, rows }));
}

const directWorkOf = (layer: StaticLayer, pixels: number): Work =>
  directWork(pixels * layer.to.height * layer.to.width, layer.size.cout, kGroups(layer).groups, layer.groups);

type Packer = "i8_conv2d_1c_pack" | "i8_conv2d_fir_pack" | "i8_conv2d_winograd_pack" | "i8_depthwise_3x3_pack";
type Kernel = "i8_conv2d_1c_max_pool2d" | "i8_conv2d_fir_max_pool2d" | "i8_conv2d_winograd" | "i8_depthwise_conv2d_3x3";

/**
 * A kernel that goes over whole images by itself: the one that packs its weights, and the bytes of those and of
 * scratch.
 */
interface Special {
  readonly pack: Packer;
  readonly kernel: Kernel;
  bytes(size: ConvolutionSize, variant: Variant): number;
  scratch(size: ConvolutionSize, variant: Variant): number;
}

function lowerSpecial({ c, size, packing, running }: StaticLayer, { pack, kernel, bytes, scratch }: Special): void {
  const weight = packedWeights(c, bytes(size, c.variant));
  const packed: AllKernelArgs<Packer, Arg> = { ...packing, y: weight };
  c.call(pack, packed);
  const band = winogradBand(size);
  const args: AllKernelArgs<Kernel, Arg> = {
    ...running,
    band,
    weight,
    scratch: c.scratch("scratch", scratch(size, c.variant)),
  };
  c.each(kernel, args);
}

const ONE_CHANNEL: Special = {
  pack: "i8_conv2d_1c_pack",
  kernel: "i8_conv2d_1c_max_pool2d",
  bytes: oneChannelPackedBytes,
  scratch: stripBytes,
};

const FIR: Special = {
  pack: "i8_conv2d_fir_pack",
  kernel: "i8_conv2d_fir_max_pool2d",
  bytes: firPackedBytes,
  scratch: firScratchBytes,
};

const WINOGRAD: Special = {
  pack: "i8_conv2d_winograd_pack",
  kernel: "i8_conv2d_winograd",
  bytes: winogradPackedBytes,
  scratch: winogradScratchBytes,
};

const DEPTHWISE_3X3: Special = {
  pack: "i8_depthwise_3x3_pack",
  kernel: "i8_depthwise_conv2d_3x3",
  bytes: depthwise3x3PackedBytes,
  scratch: depthwise3x3ScratchBytes,
};

/** Lowers a depthwise layer; the kernel of 3x3 is always the faster one (measured: 10 to 25 %). */
function lowerDepthwise(layer: StaticLayer): void {
  const { c, window, size, parts, packing, running } = layer;
  if (parts === 1 && depthwise3x3Fits(window, size.cin)) {
    lowerSpecial(layer, DEPTHWISE_3X3);
    return;
  }
  const weight = packedWeights(c, depthwisePackedBytes({ ...size, kh: parts * size.kh }));
  c.call("i8_depthwise_pack", { ...packing, y: weight });
  c.each("i8_depthwise_conv2d", {
    ...running,
    weight,
    pairs: Math.ceil(packing.taps / 2),
    taps: table(c, "taps", eachPart(layer, depthwiseTapAxes(layer.from, window))),
    ...pixels(layer, false, 4),
  });
}

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
  const { depthwise, plain, size } = layer;
  if (depthwise) {
    lowerDepthwise(layer);
    return;
  }
  const works = {
    winograd: plain ? winogradWork(size) : undefined,
    direct: directWorkOf(layer, 1),
    ...sparseConv2dWorks(layer),
  };
  const algorithm = cheapest({ ...i8Conv2d[c.variant], ...i8Sparse[c.variant] }, works);
  if (algorithm === "winograd") lowerSpecial(layer, WINOGRAD);
  else if (algorithm === "direct") lowerDirect(layer);
  else lowerSparseConv2dInt8(layer, algorithm === "blocks" ? 4 : 1);
}

/** Lowers one with a 2x2 max pool behind it. */
export function lowerConv2dPoolInt8(node: WeightedNode, groups: number, c: Lowering): void {
  const layer = staticLayer(node, c, groups, true);
  const { plain, size, running } = layer;
  const works = {
    oneChannel: plain ? oneChannelWork(c.variant, size) : undefined,
    fir: plain ? firWork(size) : undefined,
    direct: directWorkOf(layer, 4),
  };
  const algorithm = cheapest(i8Conv2dMaxPool2d[c.variant], works);
  if (algorithm === "oneChannel") lowerSpecial(layer, ONE_CHANNEL);
  else if (algorithm === "fir") lowerSpecial(layer, FIR);
  else
    byOffsets(layer, { rows: 4, pooled: true, taps: true }, args =>
      c.each("i8_conv2d_max_pool2d", { ...running, ...args }),
    );
}
