/**
 * What ops have in common that only move elements: transpose, stridedSlice, broadcast, constantPad, resizeNearest. Each says, for every
 * element of its output, which element of its input that is, or that it is padding; all its meanings follow from that.
 */
import { type Shape, size } from "../base/shape.ts";
import { type Tensor, tensor } from "../base/tensor.ts";
import type { Node, Op, Type, Value } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Lowering, Prefers } from "../graph/meaning.ts";
import { flat } from "../kernels/layout.ts";
import { storedBytes } from "../kernels/stored.ts";
import { free, noBackwardAxes, noSecondDerivative } from "./elementwise.ts";
import { isInt8, storedLayout, storedWhole } from "./quantized.ts";

/** For each element of an output image the number of the element of the input image it is, -1: padding. */
export type Places<A> = (input: Shape, output: Shape, attrs: A) => Int32Array;

/** The places of a strided view: output element (i, j, ...) is input element start + i * strides[0] + j * strides[1] + ... */
export function stridedPlaces(output: Shape, start: number, strides: readonly number[]): Int32Array {
  let places = Int32Array.of(start);
  output.forEach((n, axis) => {
    const stride = strides[axis]!;
    const finer = new Int32Array(places.length * n);
    let at = 0;
    for (const place of places) for (let i = 0; i < n; i++) finer[at++] = place + i * stride;
    places = finer;
  });
  return places;
}

/** Elements from one index of each axis to the next. */
export function stridesOf(shape: Shape): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const n of [...shape].reverse()) {
    strides.unshift(stride);
    stride *= n;
  }
  return strides;
}

/** `places` with a name to print in their stead. */
export interface Back {
  /** Of one image of the input. */
  image: Shape;
  batched: boolean;
  places: { readonly of: Int32Array; toString(): string };
}

/** (upstream) -> d x: every element of the input gets the sum of what flows to its copies. */
export const rearrangeGradient: Op<Back> = {
  name: "rearrangeGradient",
  infer: (_, { image, batched }) => [{ shape: image, dtype: "f32", batched }],
};

/** What padding is, in the numbers of the output's type. Default 0. */
export type Filling<A> = (type: Type, attrs: A) => number;

const zero = () => 0;

export function evaluateRearranged<A>(places: Places<A>, filling: Filling<A> = zero): Evaluate<A> {
  return (inputs, attrs, { inputs: types, outputs: [type] }): Tensor[] => {
    const x = inputs[0]!;
    const from = types[0]!;
    const of = places(from.shape, type!.shape, attrs);
    // an operand that is not batched serves every image of the one beside it
    const images = type!.batched ? (inputs[from.batched ? 0 : 1] ?? x).shape[0]! : 1;
    const y = tensor(type!.batched ? [images, ...type!.shape] : type!.shape);
    const each = from.batched ? size(from.shape) : 0;
    const fill = filling(type!, attrs);
    for (let n = 0; n < images; n++)
      of.forEach((place, i) => {
        y.data[n * of.length + i] = place < 0 ? fill : x.data[n * each + place]!;
      });
    return [y];
  };
}

export function gradientOfRearranged<A>(places: Places<A>): Gradient<A> {
  return (node, [upstream], graph) => {
    const { shape, batched } = node.inputs[0]!.type;
    const of = places(shape, node.outputs[0]!.type.shape, node.attrs);
    const back: Back = { image: shape, batched, places: { of, toString: () => `of ${node.op.name}` } };
    return [graph.one(rearrangeGradient, [upstream!], back), ...node.inputs.slice(1).map(() => undefined)];
  };
}

/** The longest run of trailing axes whose elements lie side by side, or are all padding, wherever it begins. */
function runLength(output: Shape, of: Int32Array): number {
  let best = 1;
  let run = 1;
  for (const n of [...output].reverse()) {
    run *= n;
    for (let start = 0; start < of.length; start += run) {
      const first = of[start]!;
      for (let i = 1; i < run; i++) if (of[start + i] !== (first < 0 ? -1 : first + i)) return best;
    }
    best = run;
  }
  return best;
}

/** One element as a word that repeats it. */
function pattern(value: number, bytes: number): number {
  if (bytes === 4) return new Int32Array(Float32Array.of(value).buffer)[0]!;
  const stored = value + 128;
  return bytes === 2 ? stored * 0x00010001 : Math.imul(stored, 0x01010101);
}

export function lowerRearranged<A>(places: Places<A>, filling: Filling<A> = zero): Lower<A> {
  return (node: Node<A>, c) => {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    const quantized = isInt8(y.type);
    const bytes = quantized ? storedBytes(c.variant) : 4;
    const of = places(x.type.shape, y.type.shape, node.attrs);
    const run = runLength(y.type.shape, of);
    const index = Int32Array.from({ length: of.length / run }, (_, r) =>
      of[r * run]! < 0 ? -1 : of[r * run]! * bytes,
    );
    const from = quantized ? storedWhole(c, x) : { x: c.in(x) };
    const to = c.out(y, quantized ? storedLayout(c, y) : flat);
    if (!quantized) zeroTail(y, c, to);
    const args = {
      ...from,
      y: to,
      runs: index.length,
      index: c.constant("places", index),
      bytes: run * bytes,
      fill: pattern(filling(y.type, node.attrs), bytes),
    };
    if (y.type.batched) c.each("copy_runs", { ...args });
    else c.call("copy_runs", { n: 1, ...args });
  };
}

/** The padding of a flat y is kept zero. */
function zeroTail(y: Value, c: Lowering, ref: ReturnType<Lowering["out"]>): void {
  const { shape, batched } = y.type;
  const bytes = flat.bytes(shape, "f32");
  if (bytes === size(shape) * 4) return;
  if (batched) c.each("zero", { y: ref, bytes: { per: bytes } });
  else c.call("zero", { y: ref, bytes });
}

/** Int8 operands lie stored. */
export const prefersStored: Prefers = (node, operand, c) => {
  const v = node.inputs[operand]!;
  return operand === 0 && isInt8(v.type) ? storedLayout(c, v) : undefined;
};

export const evaluate = {
  rearrangeGradient([upstream], { image, batched, places: { of } }: Back) {
    const images = upstream!.data.length / of.length;
    const dx = tensor(batched ? [images, ...image] : image);
    const each = batched ? size(image) : 0;
    upstream!.data.forEach((d, i) => {
      const place = of[i % of.length]!;
      if (place >= 0) dx.data[Math.floor(i / of.length) * each + place]! += d;
    });
    return [dx];
  },
} satisfies Record<string, Evaluate>;

export const gradient = { rearrangeGradient: noSecondDerivative } satisfies Record<string, object>;

export const lowerBackward = {
  rearrangeGradient(node: Node<Back>, c) {
    const upstream = node.inputs[0]!;
    const dx = node.outputs[0]!;
    const { of } = node.attrs.places;
    const to = c.out(dx);
    const bytes = flat.bytes(dx.type.shape, "f32");
    if (dx.type.batched) c.each("zero", { y: to, bytes: { per: bytes } });
    else c.call("zero", { y: to, bytes });
    c.each("f32_scatter_add", {
      dy: c.in(upstream),
      dx: to,
      length: of.length,
      index: c.constant("places", of),
    });
  },
} satisfies Record<string, Lower>;

export const cost = { rearrangeGradient: free } satisfies Record<string, CostOf>;

export const axes = { rearrangeGradient: noBackwardAxes } satisfies Record<string, Axes | object>;
