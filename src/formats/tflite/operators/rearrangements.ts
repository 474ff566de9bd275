/**
 * Operators that move elements: all of them become transpose, concat, stridedSlice, pad, constantPad, broadcast and
 * reshape.
 */
import { type Shape, size } from "../../../base/shape.ts";
import type { Value } from "../../../graph/graph.ts";
import { broadcast } from "../../../ops/shape/broadcast.ts";
import { concat } from "../../../ops/shape/concat.ts";
import { constantPad } from "../../../ops/shape/constant-pad.ts";
import { pad } from "../../../ops/shape/pad.ts";
import { stridedSlice } from "../../../ops/shape/strided-slice.ts";
import { transpose } from "../../../ops/shape/transpose.ts";
import { realOf, transposed } from "../constant.ts";
import {
  axisOf,
  batchAxis,
  type Dimension,
  fixed,
  imageAxis,
  imageShape,
  rowsOf,
  type SliceSpec,
  slicing,
  withBatch,
} from "../dimensions.ts";
import { type Activation, type OperatorContext, type OperatorReader, unsupported } from "../operator-context.ts";
import { activated } from "./activation.ts";
import { pairs } from "./blocks.ts";
import { positive } from "./convolutions.ts";

// ---------------------------------------------------------------- parts

/** `length` elements along axis `axis` of the image, from `begin` on, `stride` apart. */
function part(s: OperatorContext, x: Value, axis: number, begin: number, length: number, stride = 1): Value {
  const { shape } = x.type;
  if (begin === 0 && stride === 1 && length === shape[axis]) return x;
  const each = (own: number, others: (n: number) => number) => shape.map((n, a) => (a === axis ? own : others(n)));
  return s.add(stridedSlice, [x], {
    begin: each(begin, () => 0),
    strides: each(stride, () => 1),
    shape: each(length, n => n),
  });
}

/** Concatenates images along an axis, all of one type. */
function joined(s: OperatorContext, all: readonly Value[], axis: number): Value {
  const [first] = all;
  if (all.length === 1) return first!;
  const { quantization } = first!.type;
  return s.add(concat, [...all], { axis, ...(quantization && { quantization }) });
}

/** The elements of an axis in the order of `indices`: runs of equal stride become slices. */
function gathered(s: OperatorContext, x: Value, axis: number, indices: readonly number[]): Value {
  const parts: Value[] = [];
  for (let at = 0; at < indices.length; ) {
    const stride = at + 1 < indices.length ? indices[at + 1]! - indices[at]! : 1;
    let length = 1;
    while (stride !== 0 && at + length < indices.length && indices[at + length]! - indices[at + length - 1]! === stride)
      length++;
    parts.push(part(s, x, axis, indices[at]!, length, stride || 1));
    at += length;
  }
  return joined(s, parts, axis);
}

const replaced = (dimensions: readonly Dimension[], axis: number, ...by: Dimension[]): Dimension[] => [
  ...dimensions.slice(0, axis),
  ...by,
  ...dimensions.slice(axis + 1),
];

// ---------------------------------------------------------------- order

export const transposing: OperatorReader = s => {
  const known = s.known(0);
  const permutation = s.integers(1);
  if (known.kind === "constant") return s.giveConstant(transposed(known.constant, permutation));
  const { value, dimensions } = s.activation();
  if (permutation.length !== dimensions.length) throw new RangeError(`the order [${permutation}] is of other axes`);
  const moved = permutation.map(axis => dimensions[axisOf(dimensions.length, axis)]!);
  const batch = batchAxis(moved);
  if (batch !== batchAxis(dimensions) && moved[batch]!.n !== 1) unsupported("moves a batch of rows");
  const order = permutation.map(axis => imageAxis(dimensions, axis)).filter(axis => axis >= 0);
  const kept = order.every((axis, i) => axis === i);
  s.give(kept ? value : s.add(transpose, [value], { permutation: order }), moved);
};

export const reversing: OperatorReader = s => {
  const x = s.activation();
  const reversed = s.integers(1).reduce((value, axis) => {
    const image = s.axisWithin(x, axis, "reverses");
    const n = value.type.shape[image]!;
    return part(s, value, image, n - 1, n, -1);
  }, x.value);
  s.give(reversed, x.dimensions);
};

/** Moves blocks of channels to blocks of pixels, or back: splits an axis, permutes, merges two axes. */
export const blocksOfDepth =
  (toSpace: boolean): OperatorReader =>
  s => {
    const { value } = s.images();
    const block = positive(s.options.i32(0));
    const [height, width, channels] = value.type.shape as [number, number, number];
    const inner = toSpace ? channels / block ** 2 : channels;
    const [rows, columns] = toSpace ? [height, width] : [height / block, width / block];
    if (![inner, rows, columns].every(Number.isInteger))
      throw new RangeError(`blocks of ${block} do not divide [${value.type.shape}]`);
    const apart = toSpace ? [rows, columns, block, block, inner] : [rows, block, columns, block, inner];
    const moved = s.add(transpose, [s.reshape(value, apart)], { permutation: [0, 2, 1, 3, 4] });
    const shape = toSpace ? [rows * block, columns * block, inner] : [rows, columns, block * block * inner];
    s.give(s.reshape(moved, shape), [{ n: 1, batched: true }, ...shape.map(fixed)]);
  };

// ---------------------------------------------------------------- together

export const concatenation: OperatorReader = s => {
  const operands = s.operator.inputs.map((_, i) => s.known(i));
  if (operands.every(k => k.kind !== "activation")) return s.giveSizes(operands.flatMap((_, i) => s.sizes(i)));
  const first = operands.find(k => k.kind === "activation") as Activation;
  s.give(activated(s, sideBySide(s, first, axisOf(first.dimensions.length, s.options.i32(0))), 1), widened(s, first));
};

/** Concatenates all operands along the file's axis `axis`; constants are repeated for every image. */
function sideBySide(s: OperatorContext, first: Activation, axis: number): Value {
  const batch = batchAxis(first.dimensions);
  // a batch of rows, including one that single images form
  const rows = axis === batch || first.dimensions[batch]!.n !== 1;
  if (rows && (batch !== 0 || (axis === batch && !s.importer.single))) unsupported("joins batches");
  const image = (sizes: Shape) => (rows ? sizes : sizes.filter((_, a) => a !== batch));
  const layer = s.importer.names.unique(concat.name);
  const values = s.operator.inputs.map((_, i) => {
    const known = s.known(i);
    if (known.kind === "activation") return s.reshape(known.value, image(known.dimensions.map(d => d.n)));
    const constant = s.constant(i);
    if (s.importer.images > 1) unsupported("has a constant for each image of a batch");
    const shape = image(constant.shape);
    return s.add(broadcast, [s.state(layer, { ...constant, shape }), first.value], { shape });
  });
  const attrs = { axis: rows || axis < batch ? axis : axis - 1, ...s.chosen(first.value) };
  return s.importer.graph.scope(layer, () => s.importer.graph.one(concat, values, attrs));
}

function widened(s: OperatorContext, { dimensions }: Activation): Dimension[] {
  const axis = axisOf(dimensions.length, s.options.i32(0));
  const n = s.operator.inputs.reduce((sum, _, i) => {
    const known = s.known(i);
    return sum + (known.kind === "activation" ? known.dimensions[axis]!.n : s.constant(i).shape[axis]!);
  }, 0);
  return replaced(dimensions, axis, { ...dimensions[axis]!, n });
}

export const packing: OperatorReader = s => {
  const operands = s.operator.inputs.map((_, i) => s.known(i));
  if (operands.every(k => k.kind !== "activation")) return s.giveSizes(operands.flatMap((_, i) => s.sizes(i)));
  const all = operands.map((_, i) => s.activation(i));
  const { dimensions } = all[0]!;
  const axis = axisOf(dimensions.length + 1, s.options.i32(1));
  const batch = batchAxis(dimensions);
  const wide = [...dimensions.slice(0, axis), fixed(1), ...dimensions.slice(axis)];
  const image = imageAxis(wide, axis);
  if (axis <= batch && dimensions[batch]!.n !== 1) unsupported("puts an axis before a batch of rows");
  const values = all.map(x => s.reshape(x.value, imageShape(wide)));
  s.give(joined(s, values, image), replaced(wide, axis, fixed(all.length)));
};

export const tiling: OperatorReader = s => {
  const x = s.activation();
  const times = s.integers(1).map(positive);
  if (times.length !== x.dimensions.length) throw new RangeError(`[${times}] times along ${x.dimensions.length} axes`);
  const tiled = times.reduce((value, n, axis) => {
    if (n === 1) return value;
    return joined(s, new Array<Value>(n).fill(value), s.axisWithin(x, axis, "repeats"));
  }, x.value);
  s.give(
    tiled,
    x.dimensions.map((d, axis) => ({ ...d, n: d.n * times[axis]! })),
  );
};

export const broadcasting: OperatorReader = s => {
  const { value, dimensions } = s.activation();
  const wanted = s.sizes(1);
  const missing = wanted.length - dimensions.length;
  const batch = batchAxis(dimensions) + missing;
  const images = dimensions[batch - missing]!.n;
  const given = wanted[batch];
  if (missing < 0 || given?.n !== (given?.batched ? images : images * s.importer.images))
    unsupported("repeats the batch");
  const to = wanted.map((d, axis) => (axis === batch ? { n: images, batched: true } : fixed(d.n)));
  const own = to.map((d, axis) => ({ ...d, n: dimensions[axis - missing]?.n ?? 1 }));
  const image = imageShape(to);
  const x = s.reshape(value, imageShape(own));
  s.give(size(image) === size(x.type.shape) ? x : s.add(broadcast, [x, x], { shape: image }), to);
};

// ---------------------------------------------------------------- apart

/** A split becomes slices. */
export const splitting =
  (axisOperand: number, operand: number, lengths: (s: OperatorContext, whole: number) => number[]): OperatorReader =>
  s => {
    const x = s.known(operand);
    if (x.kind !== "activation") return unsupported("splits a constant");
    const [axis = 0] = s.integers(axisOperand);
    const image = s.axisWithin(x, axis, "splits");
    let from = 0;
    lengths(s, x.value.type.shape[image]!).forEach((length, output) => {
      const y = part(s, x.value, image, from, length);
      const at = axisOf(x.dimensions.length, axis);
      s.give(y, replaced(x.dimensions, at, { ...x.dimensions[at]!, n: length }), output);
      from += length;
    });
  };

export const equalParts = (s: OperatorContext, whole: number): number[] => {
  const parts = s.operator.outputs.length;
  if (whole % parts) throw new RangeError(`${whole} elements do not split into ${parts}`);
  return new Array<number>(parts).fill(whole / parts);
};

export const givenParts = (s: OperatorContext, whole: number): number[] => {
  const parts = s.integers(1);
  const given = parts.filter(n => n !== -1).reduce((a, b) => a + b, 0);
  return parts.map(n => (n === -1 ? whole - given : n));
};

export const unpacking: OperatorReader = s => {
  const x = s.activation();
  const axis = s.options.i32(1);
  const image = s.axisWithin(x, axis, "unpacks");
  const dimensions = withBatch(replaced(x.dimensions, axisOf(x.dimensions.length, axis)));
  s.operator.outputs.forEach((_, output) => {
    s.give(s.reshape(part(s, x.value, image, output, 1), imageShape(dimensions)), dimensions, output);
  });
};

export const gather: OperatorReader = s => {
  const known = s.known(0);
  if (known.kind !== "activation") {
    const list = s.sizes(0);
    return s.giveSizes(
      s.integers(1).map(i => {
        const found = list[i < 0 ? i + list.length : i];
        return found ?? outside(i, list.length);
      }),
    );
  }
  if (s.options.i32(1) !== 0) unsupported("gathers by image");
  const axis = axisOf(known.dimensions.length, s.options.i32(0));
  const image = s.axisWithin(known, axis, "gathers from");
  const { n } = known.dimensions[axis]!;
  const indices = s.integers(1);
  for (const i of indices) if (!(i >= 0 && i < n)) outside(i, n);
  const { shape } = s.tensor(1);
  const after = withBatch(replaced(known.dimensions, axis, ...shape.map(fixed)));
  s.give(gathered(s, known.value, image, indices), after);
};

const outside = (i: number, n: number): never => {
  throw new RangeError(`there is no element ${i} of ${n}`);
};

function sliced(s: OperatorContext, spec: (from: readonly Dimension[]) => SliceSpec): void {
  const known = s.known(0);
  if (known.kind !== "activation") {
    const list = s.sizes(0);
    const from = [fixed(list.length)];
    const [axis] = slicing(from, spec(from)).axes;
    s.giveSizes(Array.from({ length: axis!.length }, (_, i) => list[axis!.begin + i * axis!.stride]!));
    return;
  }
  const { value, dimensions } = known;
  const from = s.sizesInFile(dimensions);
  const { axes, kept } = slicing(from, spec(from));
  const batch = batchAxis(dimensions);
  if (!axes[batch]!.whole && !s.importer.single) unsupported("takes a part of the batch");
  const image = dimensions[batch]!.n === 1 ? axes.filter((_, axis) => axis !== batch) : axes;
  const y = image.every(a => a.whole)
    ? value
    : s.add(stridedSlice, [value], {
        begin: image.map(a => a.begin),
        strides: image.map(a => a.stride),
        shape: image.map(a => a.length),
      });
  const after = kept.map(a => {
    if (a < 0) return fixed(1);
    return a === batch && axes[a]!.whole ? dimensions[a]! : { ...dimensions[a]!, n: axes[a]!.length };
  });
  s.give(y, kept.includes(batch) ? after : after.length ? rowsOf(after) : unsupported("leaves nothing of a batch"));
}

export const stridedSlicing: OperatorReader = s =>
  sliced(s, () => ({
    begin: s.integers(1),
    end: s.sizes(2).map(d => (d.batched ? 2 ** 31 - 1 : d.n)),
    strides: s.integers(3),
    masks: {
      begin: s.options.i32(0),
      end: s.options.i32(1),
      ellipsis: s.options.i32(2),
      newAxis: s.options.i32(3),
      shrink: s.options.i32(4),
    },
  }));

/** SLICE has sizes; -1 means the rest. */
export const slice: OperatorReader = s =>
  sliced(s, from => {
    const begin = s.integers(1);
    const sizes = s.sizes(2);
    const end = begin.map((b, i) => (sizes[i]!.n === -1 || sizes[i]!.batched ? from[i]!.n : b + sizes[i]!.n));
    return { begin, end, strides: begin.map(() => 1), masks: { begin: 0, end: 0, ellipsis: 0, newAxis: 0, shrink: 0 } };
  });

// ---------------------------------------------------------------- around

interface Pads {
  readonly x: Activation;
  /** For each axis of the image. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly dimensions: readonly Dimension[];
}

function padded(s: OperatorContext): Pads {
  const x = s.activation();
  const { before, after } = pairs(s, 1);
  if (before.length !== x.dimensions.length)
    throw new RangeError(`pads for ${before.length} axes of ${x.dimensions.length}`);
  const batch = batchAxis(x.dimensions);
  if (before[batch] || after[batch]) unsupported("pads the batch");
  const image = (pads: readonly number[]) => pads.filter((_, axis) => imageAxis(x.dimensions, axis) >= 0);
  const rows = x.dimensions[batch]!.n !== 1;
  return {
    x,
    before: rows ? before : image(before),
    after: rows ? after : image(after),
    dimensions: x.dimensions.map((d, axis) => ({ ...d, n: before[axis]! + d.n + after[axis]! })),
  };
}

export const padding =
  (valued: boolean): OperatorReader =>
  s => {
    const { x, before, after, dimensions } = padded(s);
    const { value } = x;
    const fill = valued && s.has(2) ? (realOf(s.constant(2))[0] ?? 0) : 0;
    const flat = value.type.shape.length === 3 && !before[2] && !after[2] && fill === 0;
    const y = flat
      ? s.add(pad, [value], { pads: [before[0]!, before[1]!, after[0]!, after[1]!] })
      : s.add(constantPad, [value], { before, after, value: fill });
    s.give(y, dimensions);
  };

/** REFLECT excludes the edge from its mirror image, SYMMETRIC includes it. */
const REFLECT = 0;

export const mirroring: OperatorReader = s => {
  const { x, before, after, dimensions } = padded(s);
  const skip = s.options.i8(0) === REFLECT ? 1 : 0;
  const y = before.reduce((value, first, axis) => {
    const n = value.type.shape[axis]!;
    const last = after[axis]!;
    if (Math.max(first, last) > n - skip)
      throw new RangeError(`${n} elements have no mirror image of ${first} and ${last}`);
    const left = first ? [part(s, value, axis, first - 1 + skip, first, -1)] : [];
    const right = last ? [part(s, value, axis, n - 1 - skip, last, -1)] : [];
    return joined(s, [...left, value, ...right], axis);
  }, x.value);
  s.give(y, dimensions);
};
