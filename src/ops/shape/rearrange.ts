/**
 * The meanings of ops that only move elements: transpose, stridedSlice, broadcast, pad, constantPad, resizeNearest.
 * Each says, for every axis of its output, where in its input the elements of each index are, or that they are padding;
 * all its meanings follow from that.
 */
import { type Shape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import type { Node, Op, Type, Value } from "../../graph/graph.ts";
import type { CostOf, Evaluate, Gradient, Lower, Lowering, Ref } from "../../graph/meaning.ts";
import { realOperands } from "../../graph/operand.ts";
import { storedBytes } from "../../kernels/i8/stored.ts";
import { flat } from "../../kernels/layout.ts";
import { free, noSecondDerivative } from "../elementwise.ts";
import { at, type StoredPlace, storedIn, storedOut } from "../quantized/int8-buffers.ts";
import { isInt8 } from "../quantized/int8-types.ts";

/**
 * Indices of an axis of an output, one after the other: the first is at `start` in the input, the others `step` apart.
 * Negative `start`: all of them are padding. An axis of a million indices is a run or two.
 */
export interface Run {
  readonly count: number;
  readonly start: number;
  readonly step: number;
}

/**
 * For each axis of an output, where in the input its indices are, as runs; an element is at the sum over its axes.
 * `pitches`: from index to index along each axis of the input.
 */
export type Places<A> = (
  pitches: readonly number[],
  input: Shape,
  output: Shape,
  attrs: A,
) => readonly (readonly Run[])[];

/** `count` indices in a row, each `step` after the one before. */
export const steps = (count: number, step: number, start = 0): Run[] => [{ count, start, step }];

/** `count` indices of padding, if any. */
export const padding = (count: number): Run[] => (count > 0 ? [{ count, start: -1, step: 0 }] : []);

/** The places of(0), of(1), ..., of(n - 1), which ascend, as few runs as there are. */
export function along(n: number, of: (i: number) => number): Run[] {
  const runs: { count: number; start: number; step: number }[] = [];
  for (let i = 0; i < n; i++) {
    const place = of(i);
    const last = runs.at(-1);
    const step = last ? place - (last.start + (last.count - 1) * last.step) : 0;
    if (last && (last.count === 1 || step === last.step)) {
      last.count++;
      last.step = step;
    } else runs.push({ count: 1, start: place, step: 0 });
  }
  return runs;
}

/** Elements from one index of each axis to the next. */
export const stridesOf = (shape: Shape): number[] => shape.map((_, axis) => size(shape.slice(axis + 1)));

/** The number in the input image of each element of an output image; -1: padding. */
function elementsOf<A>(places: Places<A>, input: Shape, output: Shape, attrs: A): Int32Array {
  let all = Int32Array.of(0);
  for (const runs of places(stridesOf(input), input, output, attrs)) {
    const next = new Int32Array(all.length * runs.reduce((n, { count }) => n + count, 0));
    let to = 0;
    for (const outer of all)
      for (const { count, start, step } of runs)
        for (let i = 0; i < count; i++) next[to++] = outer < 0 || start < 0 ? -1 : outer + start + i * step;
    all = next;
  }
  return all;
}

/** `places` with a name to print in their stead. */
export interface Back {
  /** The shape of one image of the input. */
  image: Shape;
  batched: boolean;
  places: { readonly of: Int32Array; toString(): string };
}

/** (dy) -> dx: every element of the input gets the sum of what flows to its copies. */
export const rearrangeGradient: Op<Back> = {
  name: "rearrangeGradient",
  takes: realOperands,
  infer: (_, { image, batched }) => [{ shape: image, dtype: "f32", batched }],
};

/** The number in the padding, in the output's type. Default 0. */
export type Filling<A> = (type: Type, attrs: A) => number;

const zero = () => 0;

export function evaluateRearranged<A>(places: Places<A>, filling: Filling<A> = zero): Evaluate<A> {
  return (inputs, attrs, { inputs: types, outputs: [type] }): Tensor[] => {
    const x = inputs[0]!;
    const from = types[0]!;
    const of = elementsOf(places, from.shape, type!.shape, attrs);
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
  return (node, [dy], graph) => {
    const { shape, batched } = node.inputs[0]!.type;
    const of = elementsOf(places, shape, node.outputs[0]!.type.shape, node.attrs);
    const back: Back = { image: shape, batched, places: { of, toString: () => `of ${node.op.name}` } };
    return [graph.one(rearrangeGradient, [dy!], back), ...node.inputs.slice(1).map(() => undefined)];
  };
}

/** One element as a word that repeats it. */
function pattern(value: number, bytes: number): number {
  if (bytes === 4) return new Int32Array(Float32Array.of(value).buffer)[0]!;
  const stored = value + 128;
  return bytes === 2 ? stored * 0x00010001 : Math.imul(stored, 0x01010101);
}

/** The place of a value's elements: the first, and bytes from index to index of each axis. */
export interface Spread {
  readonly ref: Ref;
  readonly pitches: readonly number[];
}

const spread = (v: Value, { ref, rowStride, pixelStride, channels }: StoredPlace): Spread => {
  const { shape } = v.type;
  const element = pixelStride / channels;
  return {
    ref,
    pitches: shape.length === 3 ? [rowStride, pixelStride, element] : stridesOf(shape).map(s => s * element),
  };
};

const flatPitches = (v: Value): number[] => stridesOf(v.type.shape).map(s => 4 * s);

const spreadIn = (c: Lowering, v: Value): Spread =>
  isInt8(v.type) ? spread(v, storedIn(c, v)) : { ref: c.in(v), pitches: flatPitches(v) };

/** A new buffer for v, whose padding is kept zero. */
export function spreadOut(c: Lowering, v: Value): Spread {
  if (isInt8(v.type)) return spread(v, storedOut(c, v));
  const { shape, batched } = v.type;
  const ref = c.out(v);
  const bytes = flat.bytes(shape, "f32");
  if (bytes !== size(shape) * 4)
    if (batched) c.each("zero", { y: ref, bytes: { per: bytes } });
    else c.call("zero", { y: ref, bytes });
  return { ref, pitches: flatPitches(v) };
}

/** Bytes of one element of v, as kernels take it. */
export const elementBytes = (c: Lowering, v: Value): number => (isInt8(v.type) ? storedBytes(c.variant) : 4);

/**
 * Copies elements from x to y: along each axis, the indices of `places[axis]` in bytes after x, to i times
 * `pitches[axis]` bytes after y. `fill`: the number in the padding. `xs`, `ys`: from image to image of what is scratch.
 */
export function copyAlong(
  c: Lowering,
  element: number,
  places: readonly (readonly Run[])[],
  pitches: readonly number[],
  { batched = true, fill = 0, ...ends }: { x: Ref; y: Ref; xs?: number; ys?: number; batched?: boolean; fill?: number },
): void {
  let { x } = ends;
  let bytes = element;
  const axes: number[][] = [];
  for (let axis = places.length; axis-- > 0; ) {
    const runs = places[axis]!;
    const pitch = pitches[axis]!;
    const [{ count, start, step }] = runs as [Run];
    // what lies side by side in both is one piece
    if (!axes.length && runs.length === 1 && start >= 0 && (count === 1 || (step === bytes && pitch === bytes))) {
      x = at(x, start);
      bytes *= count;
    } else axes.unshift([runs.length, pitch, ...runs.flatMap(run => [run.count, run.start, run.step])]);
  }
  if (!axes.length) axes.push([1, 0, 1, 0, 0]);
  const table = c.constant("axes", Int32Array.from(axes.flat()));
  const args = { ...ends, x, rank: axes.length, axes: table, bytes, fill: pattern(fill, element) };
  if (batched) c.each("rearrange", args);
  else c.call("rearrange", { ...args, n: 1 });
}

export function lowerRearranged<A>(places: Places<A>, filling: Filling<A> = zero): Lower<A> {
  return (node: Node<A>, c) => {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    const from = spreadIn(c, x);
    const to = spreadOut(c, y);
    copyAlong(c, elementBytes(c, y), places(from.pitches, x.type.shape, y.type.shape, node.attrs), to.pitches, {
      x: from.ref,
      y: to.ref,
      batched: y.type.batched,
      fill: filling(y.type, node.attrs),
    });
  };
}

/** All of x in order, to where y has it. */
export function copyWhole(c: Lowering, x: Value, y: Ref, pitches: readonly number[]): void {
  const from = spreadIn(c, x);
  const places = x.type.shape.map((n, axis) => steps(n, from.pitches[axis]!));
  copyAlong(c, elementBytes(c, x), places, pitches, { x: from.ref, y, batched: x.type.batched });
}

export const evaluateBackward = {
  rearrangeGradient([dy], { image, batched, places: { of } }: Back) {
    const images = dy!.data.length / of.length;
    const dx = tensor(batched ? [images, ...image] : image);
    const each = batched ? size(image) : 0;
    dy!.data.forEach((d, i) => {
      const place = of[i % of.length]!;
      if (place >= 0) dx.data[Math.floor(i / of.length) * each + place]! += d;
    });
    return [dx];
  },
} satisfies Record<string, Evaluate>;

export const gradient = { rearrangeGradient: noSecondDerivative } satisfies Record<string, object>;

export const lowerBackward = {
  rearrangeGradient(node: Node<Back>, c) {
    const dy = node.inputs[0]!;
    const dx = node.outputs[0]!;
    const { of } = node.attrs.places;
    const to = c.out(dx);
    const bytes = flat.bytes(dx.type.shape, "f32");
    if (dx.type.batched) c.each("zero", { y: to, bytes: { per: bytes } });
    else c.call("zero", { y: to, bytes });
    c.each("f32_scatter_add", {
      dy: c.in(dy),
      dx: to,
      length: of.length,
      index: c.constant("places", of),
    });
  },
} satisfies Record<string, Lower>;

export const cost = { rearrangeGradient: free } satisfies Record<string, CostOf>;
