/**
 * Shapes as converters write them: the batch is an axis of its own, and may be multiplied into another one (a dense
 * layer over the last axis of [batch, 9, 80] reads [batch * 9, 80]), or moved behind another one. Graphs here have
 * shapes of one image, so the batch is carried as a symbol through all arithmetic on shapes, which is then folded away.
 */
import { type Shape, size } from "../../base/shape.ts";

/** `n`, or `n` times the number of images. */
export interface Dimension {
  readonly n: number;
  readonly batched: boolean;
}

export const fixed = (n: number): Dimension => ({ n, batched: false });
export const BATCH: Dimension = { n: 1, batched: true };

/** The axis that is the batch, or contains it. */
export const batchAxis = (dimensions: readonly Dimension[]): number => dimensions.findIndex(d => d.batched);

/** The shape of one image: the batch axis is dropped, or becomes n for a batch of n rows per image. */
export function imageShape(dimensions: readonly Dimension[]): Shape {
  const at = batchAxis(dimensions);
  return dimensions.flatMap(({ n }, axis) => (axis === at && n === 1 ? [] : [n]));
}

/** True if the batch comes first, behind axes of size 1 at most. Only then are images contiguous. */
export const batchLeads = (dimensions: readonly Dimension[]): boolean =>
  dimensions.slice(0, batchAxis(dimensions)).every(d => d.n === 1);

/** Restores a batch: if an operation removed that axis, the first remaining one replaces it. */
export const withBatch = (dimensions: readonly Dimension[]): readonly Dimension[] =>
  dimensions.some(d => d.batched) ? dimensions : rowsOf(dimensions);

/** [batch, ...shape] */
export const batchOf = (shape: Shape): Dimension[] => [BATCH, ...shape.map(fixed)];

/** For one image whose batch was removed: its first axis becomes a batch of rows. */
export function rowsOf(dimensions: readonly Dimension[]): Dimension[] {
  const [lead, ...rest] = dimensions;
  return lead ? [{ n: lead.n, batched: true }, ...rest] : [];
}

/** Normalizes an axis; a negative one counts from the end. */
export function axisOf(rank: number, axis: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (!(at >= 0 && at < rank)) throw new RangeError(`there is no axis ${axis} of ${rank}`);
  return at;
}

/** The axis of the image for `axis` of a tensor, -1 for the batch. */
export function imageAxis(dimensions: readonly Dimension[], axis: number): number {
  const at = axisOf(dimensions.length, axis);
  const batch = batchAxis(dimensions);
  if (at === batch) return -1;
  return at < batch || dimensions[batch]!.n !== 1 ? at : at - 1;
}

export function product(a: Dimension, b: Dimension): Dimension {
  if (a.batched && b.batched) throw new RangeError("a size is the square of the batch");
  return { n: a.n * b.n, batched: a.batched || b.batched };
}

export function sum(a: Dimension, b: Dimension, sign: 1 | -1): Dimension {
  if (a.batched !== b.batched && a.n !== 0 && b.n !== 0) throw new RangeError("a size adds to the batch");
  return { n: a.n + sign * b.n, batched: a.n === 0 ? b.batched : a.batched };
}

/** Divides exactly if there is a batch, else rounds down. */
export function quotient(a: Dimension, b: Dimension): Dimension {
  if (b.n === 0) throw new RangeError("a size is divided by zero");
  if (a.batched && b.batched) return fixed(a.n / b.n);
  if (b.batched) throw new RangeError("a size is divided by the batch");
  return { n: a.batched ? a.n / b.n : Math.floor(a.n / b.n), batched: a.batched };
}

/**
 * Resolves the shape `wanted` for a tensor of shape `from`: computes a size of -1, and restores the batch as the first
 * axis if the file has the shape of a single image. Throws a RangeError if the numbers of elements differ, or rows of a
 * batch would not come first.
 */
export function reshaped(from: readonly Dimension[], wanted: readonly Dimension[]): Dimension[] {
  const total = from.reduce(product, fixed(1));
  const open = wanted.findIndex(d => d.n === -1);
  // the shape of a single image, with a size other than the first left open: [1, -1]
  const single = total.batched && open !== 0 && !wanted.some(d => d.batched);
  const all = single ? rowsOf(wanted) : wanted;
  if (!all.length && total.batched) throw new RangeError("a tensor of many images becomes one number");
  const given = all.filter(d => d.n !== -1).reduce(product, fixed(1));
  const whole = all.map(d => (d.n === -1 ? quotient(total, given) : d));
  const made = whole.reduce(product, fixed(1));
  const text = () => `[${from.map(d => d.n)}] cannot be reshaped to [${wanted.map(d => d.n)}]`;
  if (made.n !== total.n || made.batched !== total.batched || !whole.every(d => Number.isInteger(d.n) && d.n > 0))
    throw new RangeError(text());
  const batch = batchAxis(whole);
  if (batch > 0 && whole[batch]!.n !== 1) throw new RangeError(`${text()}: images would not come first`);
  return whole;
}

/** Elements of one image. */
export const elements = (dimensions: readonly Dimension[]): number => size(dimensions.map(d => d.n));

export interface SliceSpec {
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly strides: readonly number[];
  readonly masks: { begin: number; end: number; ellipsis: number; newAxis: number; shrink: number };
}

/** A slice along one axis of `from`: the first element, the step, the count; `whole`: it takes all of them in order. */
export interface SlicedAxis {
  readonly begin: number;
  readonly stride: number;
  readonly length: number;
  readonly whole: boolean;
}

/**
 * Resolves a strided slice in TensorFlow's notation to one entry per axis, and the axes of the result: an axis of
 * `from`, or -1 for a new one.
 */
export function slicing(from: readonly Dimension[], spec: SliceSpec): { axes: SlicedAxis[]; kept: number[] } {
  const { begin, end, strides, masks } = spec;
  const bit = (mask: number, i: number) => i < 31 && ((mask >> i) & 1) === 1;
  const entries = begin.length;
  const named = begin.filter((_, i) => !bit(masks.newAxis, i) && !bit(masks.ellipsis, i)).length;
  const axes: SlicedAxis[] = [];
  const kept: number[] = [];
  const all = () => {
    const { n } = from[axes.length]!;
    kept.push(axes.length);
    axes.push({ begin: 0, stride: 1, length: n, whole: true });
  };
  for (let i = 0; i < entries; i++) {
    if (bit(masks.ellipsis, i)) for (let skip = from.length - named; skip > 0; skip--) all();
    else if (bit(masks.newAxis, i)) kept.push(-1);
    else {
      if (axes.length >= from.length) throw new RangeError(`a slice of ${entries} axes of a tensor of ${from.length}`);
      const sliced = sliceOf(from[axes.length]!, begin[i]!, end[i]!, strides[i]!, {
        open: [bit(masks.begin, i), bit(masks.end, i)],
        single: bit(masks.shrink, i),
      });
      if (!bit(masks.shrink, i)) kept.push(axes.length);
      axes.push(sliced);
    }
  }
  while (axes.length < from.length) all();
  return { axes, kept };
}

function sliceOf(
  { n, batched }: Dimension,
  begin: number,
  end: number,
  stride: number,
  { open, single }: { open: readonly [boolean, boolean]; single: boolean },
): SlicedAxis {
  if (stride === 0) throw new RangeError("a slice has a stride of 0");
  const back = stride < 0;
  const inside = (at: number) => Math.min(Math.max(at < 0 ? at + n : at, back ? -1 : 0), back ? n - 1 : n);
  if (batched && begin === 0 && stride === 1 && !single && (open[1] || end >= n))
    return { begin: 0, stride: 1, length: n, whole: true };
  if (single) {
    const at = begin < 0 ? begin + n : begin;
    if (!(at >= 0 && at < n)) throw new RangeError(`there is no element ${begin} of ${n}`);
    return { begin: at, stride: 1, length: 1, whole: n === 1 && !batched };
  }
  const first = open[0] ? (back ? n - 1 : 0) : inside(begin);
  const last = open[1] ? (back ? -1 : n) : inside(end);
  const length = Math.ceil((last - first) / stride);
  if (length < 1) throw new RangeError(`a slice from ${begin} to ${end} of ${n} is empty`);
  return { begin: first, stride, length, whole: !batched && first === 0 && stride === 1 && length === n };
}
