/** A convolution or dense layer with int8 weights as kernels take it: its sizes, weights and buffers. */
import { PenjingError } from "../../base/errors.ts";
import { roundUp } from "../../base/shape.ts";
import type { Node, Value } from "../../graph/graph.ts";
import type { Lowering, Ref } from "../../graph/meaning.ts";
import { type TableAxes, type Window as TapWindow, tableBytes } from "../../kernels/i8/offsets.ts";
import { type Halo, storedBytes } from "../../kernels/i8/stored.ts";
import { clamps, requantizationScales } from "../quantized/int8-arithmetic.ts";
import { at, type StoredPlace, storedIn, storedOut } from "../quantized/int8-buffers.ts";
import { affine } from "../quantized/int8-types.ts";
import { proveSums } from "../quantized/sums.ts";
import { copyAlong, steps } from "../shape/rearrange.ts";
import { plainWindow, type Window } from "./window.ts";

/** The attributes of a layer that matter here; a dense layer has no window. */
export interface Weighted extends Partial<Window> {
  relu?: boolean;
}

/** A node of such a layer, whatever else its attributes hold. */
export type WeightedNode = Pick<Node<Weighted>, "name" | "inputs" | "outputs" | "attrs">;

/** Pixels around an image that its taps may touch. */
export const haloOf = ({ pads }: Pick<Window, "pads">): Halo => pads.map(pad => Math.max(0, pad)) as unknown as Halo;

/** Repeats every channel `times` times, the halo's too: a depthwise convolution with a multiplier reads that. */
function repeated(c: Lowering, from: StoredPlace, times: number): StoredPlace {
  if (times === 1) return from;
  const { channels, pixelStride, rowStride, first, bytes } = from;
  const image = {
    ...from,
    channels: channels * times,
    pixelStride: pixelStride * times,
    rowStride: rowStride * times,
    first: first * times,
    bytes: bytes * times,
  };
  const element = storedBytes(c.variant);
  const stride = roundUp(image.bytes, 32);
  const y = c.scratch("repeated channels", stride * c.group);
  const offsets = [steps(bytes / pixelStride, pixelStride), steps(channels, element), steps(times, 0)];
  copyAlong(c, element, offsets, [image.pixelStride, times * element, element], {
    x: at(from.ref, -first),
    y,
    ys: stride,
  });
  return { ...image, ref: at(y, image.first), stride };
}

/**
 * Splits weights with a zero point into `parts` int8 kernels whose sum they are: less their zero point they have 9
 * bits. The parts of an output lie one after the other, [cout][parts][...]. Kernels that run read the same pixels once
 * for each part.
 */
function inParts(weight: Value, node: WeightedNode): { parts: number; data?: Int8Array } {
  const zero = weight.type.quantization!.zeroPoint;
  if (zero === 0) return { parts: 1 };
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

/** A layer's window; a dense layer is a convolution of 1x1. */
export function windowOf({ inputs, attrs }: WeightedNode): TapWindow {
  const [, kh = 1, kw = 1] = inputs[1]!.type.shape.slice(0, -1);
  const { pads, strides, dilations }: Window = { ...plainWindow, ...attrs };
  return { kernel: [kh, kw], strides, dilations, pads };
}

/** The places and constants of a layer. */
interface Places {
  readonly from: StoredPlace;
  readonly to: StoredPlace;
  readonly weight: Ref;
  /** 0: none. */
  readonly bias: Ref | 0;
  readonly scale: Ref;
  /** The zero point that is packed. */
  readonly zero: number;
}

/** The numbers of a layer by the names of kernel arguments. `parts`: kernels that the weights are the sum of. */
export function layerOf(node: WeightedNode, c: Lowering, groups: number, parts: number, places: Places) {
  const { from, to, ...constants } = places;
  const window = windowOf(node);
  const [kh, kw] = window.kernel;
  const [stride_h, stride_w] = window.strides;
  const cin = from.channels;
  const cout = node.inputs[1]!.type.shape[0]!;
  const size = { cin, cout, kh, kw, stride_h, stride_w, oh: to.height, ow: to.width };
  return {
    c,
    window,
    groups,
    parts,
    from,
    to,
    size,
    /** The arguments of kernels that pack weights. */
    packing: { cout, kh, kw, cin, taps: parts * kh * kw, ...constants },
    /** The arguments of kernels that run: x is the first tap of the first pixel. */
    running: {
      ...size,
      x: at(from.ref, -window.pads[0] * from.rowStride - window.pads[1] * from.pixelStride),
      ...(from.stride && { xs: from.stride }),
      x_row_stride: from.rowStride,
      y: to.ref,
      y_row_stride: to.rowStride,
      y_pixel_stride: to.pixelStride,
    },
  };
}

export type Layer = ReturnType<typeof layerOf>;

/**
 * A layer with int8 activations. `pooled`: with a 2x2 max pool, where depthwise convolutions are groups as others are.
 */
export function staticLayer(node: WeightedNode, c: Lowering, groups: number, pooled = false) {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const y = node.outputs[0]!;
  const scales = requantizationScales(x.type, weight.type, y.type);
  proveSums(node, scales);
  const { parts, data } = inParts(weight, node);
  const whole = storedIn(c, x, haloOf(windowOf(node)));
  const depthwise = !pooled && groups > 1 && groups === whole.channels;
  const layer = layerOf(node, c, groups, parts, {
    from: depthwise ? repeated(c, whole, weight.type.shape[0]! / groups) : whole,
    to: storedOut(c, y),
    weight: data ? c.constant("weights in parts", data) : c.in(weight),
    bias: bias ? c.in(bias) : 0,
    scale: c.constant("scales", scales),
    zero: affine(x.type).zero,
  });
  const { strides, dilations } = layer.window;
  return {
    ...layer,
    depthwise,
    /** True where pixels are taken one by one, and all channels together. */
    plain: groups === 1 && parts === 1 && [...strides, ...dilations].every(n => n === 1),
    running: { ...layer.running, ...clamps(y.type, node.attrs.relu) },
    /** The numbers that `packing` has the places of. */
    numbers: { weights: weight.data, bias: bias?.data, scale: scales, zero: affine(x.type).zero },
  };
}

export type StaticLayer = ReturnType<typeof staticLayer>;

/** Room for packed weights. */
export const packedWeights = (c: Lowering, bytes: number): Ref => c.scratch("packed weights", bytes);

/** A table of offsets, which a kernel makes once. */
export function table(c: Lowering, name: string, axes: TableAxes): Ref {
  const y = c.scratch(name, tableBytes(axes));
  c.call("offsets", { rank: axes.length, axes: c.constant("axes", Int32Array.from(axes.flat())), y });
  return y;
}
