/**
 * Decodes constants of a file to typed arrays: floats of 32 and 16 bits, integers, and sparse tensors, which become
 * dense. uint8 becomes int8: u - 128, with a zero point 128 less, is the same real number.
 */
import { type Shape, size } from "../../base/shape.ts";
import type { Quantization } from "../../graph/graph.ts";
import type { FileTensor } from "./file.ts";
import type { Table } from "./flatbuffer.ts";
import { FIELD } from "./schema.ts";

export interface Constant {
  readonly shape: Shape;
  readonly dtype: "f32" | "i8" | "i32";
  readonly data: Float32Array | Int8Array | Int32Array;
  readonly quantization?: ConstantQuantization;
}

export interface ConstantQuantization extends Quantization {
  /** One for each scale, if they differ; `zeroPoint` is then the first. */
  readonly zeroPoints?: readonly number[];
}

/** The contents of a constant tensor, dense. Floats of 16 bits become f32, 64-bit integers i32. */
export function constantOf(tensor: FileTensor): Constant {
  const { type, shape } = tensor;
  const decoded = DECODE[type as keyof typeof DECODE];
  if (!decoded) throw tensor.error("unsupported", `constants of type ${type} are not read`);
  const stored = decoded(tensor);
  const elements = size(shape);
  const data = tensor.sparsity ? densified(tensor, tensor.sparsity, stored) : stored;
  if (data.length !== elements) throw tensor.error("damaged", `${data.length} numbers for a shape of ${elements}`);
  const quantization = type.startsWith("float") ? undefined : quantizationOf(tensor);
  return {
    shape,
    dtype: data instanceof Float32Array ? "f32" : data instanceof Int8Array ? "i8" : "i32",
    data,
    ...(quantization && { quantization }),
  };
}

/** Copies bytes: those in the file may not be aligned. */
const words = (data: Uint8Array): ArrayBuffer => data.slice().buffer as ArrayBuffer;

function whole(tensor: FileTensor, bytes: number): Uint8Array {
  const data = tensor.data!;
  if (data.length % bytes) throw tensor.error("damaged", `${data.length} bytes are no whole numbers of ${bytes} bytes`);
  return data;
}

const DECODE = {
  float32: (t: FileTensor) => new Float32Array(words(whole(t, 4))),
  float16: (t: FileTensor) => Float32Array.from(new Uint16Array(words(whole(t, 2))), fromHalf),
  int8: (t: FileTensor) => new Int8Array(words(t.data!)),
  uint8: (t: FileTensor) => Int8Array.from(t.data!, u => u - 128),
  // two per byte, the first in the lower half
  int4: (t: FileTensor) =>
    Int8Array.from({ length: size(t.shape) }, (_, i) => ((t.data![i >> 1] ?? 0) << (i & 1 ? 24 : 28)) >> 28),
  int32: (t: FileTensor) => new Int32Array(words(whole(t, 4))),
  int64: (t: FileTensor) =>
    Int32Array.from(new BigInt64Array(words(whole(t, 8))), v => {
      const n = Number(v);
      // ends of slices are often the largest integer
      return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, n));
    }),
};

const BITS = new Int32Array(1);
const FLOAT = new Float32Array(BITS.buffer);

/**
 * Converts IEEE 754 binary16 (1 bit of sign, 5 of exponent, 10 of fraction) through the bits of binary32 (1, 8, 23).
 */
function fromHalf(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return (half & 0x8000 ? -1 : 1) * fraction * 2 ** -24;
  BITS[0] = ((half & 0x8000) << 16) | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
  return FLOAT[0]!;
}

/** The quantization of a tensor, or undefined. `axis`: set if there is a scale for each of its indices. */
export function quantizationOf(tensor: FileTensor): ConstantQuantization | undefined {
  const { type, scales, axis, shape } = tensor;
  if (!scales.length) return undefined;
  if (scales.some(s => !(s > 0 && s < Infinity))) throw tensor.error("damaged", "a scale is no positive number");
  const unsigned = type === "uint8" ? 128 : 0;
  const zeroPoints = tensor.zeroPoints.map(zero => zero - unsigned);
  const [zeroPoint = -unsigned] = zeroPoints;
  const odd = type.endsWith("int8") ? zeroPoints.find(zero => !(zero >= -128 && zero <= 127)) : undefined;
  if (odd !== undefined) throw tensor.error("damaged", `its zero point is ${odd + unsigned}`);
  const scale = Float32Array.from(scales);
  const differ = zeroPoints.some(zero => zero !== zeroPoint);
  if (differ && zeroPoints.length !== scales.length)
    throw tensor.error("damaged", `${zeroPoints.length} zero points for ${scales.length} scales`);
  if (scales.length === 1) return { scale, zeroPoint };
  if (scales.length !== shape[axis]) throw tensor.error("damaged", `${scales.length} scales for axis ${axis}`);
  return { scale, zeroPoint, axis, ...(differ && { zeroPoints }) };
}

/** Dequantizes a constant. */
export function realOf({ data, dtype, quantization, shape }: Constant): Float32Array {
  if (dtype === "f32") return data as Float32Array;
  if (!quantization) throw new RangeError(`${dtype} constants without a scale are no real numbers`);
  const { scale, zeroPoint, zeroPoints, axis } = quantization;
  const inner = axis === undefined ? 1 : size(shape.slice(axis + 1));
  return Float32Array.from(data, (q, i) => {
    const channel = Math.floor(i / inner) % scale.length;
    return (q - (zeroPoints?.[channel] ?? zeroPoint)) * scale[channel]!;
  });
}

/** Permutes the axes of a constant. */
export function transposed(constant: Constant, permutation: readonly number[]): Constant {
  const { shape, data, quantization } = constant;
  const sorted = [...permutation].sort((a, b) => a - b);
  if (sorted.length !== shape.length || sorted.some((a, i) => a !== i))
    throw new RangeError(`[${permutation}] is no order of the axes of [${shape}]`);
  const to = permutation.map(axis => shape[axis]!);
  const moved = data.slice();
  const pitch = shape.map((_, axis) => size(shape.slice(axis + 1)));
  for (let i = 0; i < data.length; i++) {
    let rest = i;
    let from = 0;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += (rest % to[axis]!) * pitch[permutation[axis]!]!;
      rest = Math.floor(rest / to[axis]!);
    }
    moved[i] = data[from]!;
  }
  const axis = quantization?.axis === undefined ? undefined : permutation.indexOf(quantization.axis);
  return {
    ...constant,
    shape: to,
    data: moved,
    ...(quantization && { quantization: { ...quantization, ...(axis !== undefined && { axis }) } }),
  };
}

// ---------------------------------------------------------------- sparse tensors

/**
 * One level of the traversal: all indices of an axis, or, for each position of the level above, a segment of a list of
 * indices.
 */
interface Level {
  /** The axis it walks; block axes come after the tensor's own. */
  readonly axis: number;
  readonly size: number;
  readonly segments?: readonly number[];
  readonly indices: readonly number[];
}

/** Lists of positions have 8, 16 or 32 bits, according to the type of a union. */
function positions(table: Table, typeField: number, field: number): readonly number[] {
  const list = table.table(field);
  if (!list) return [];
  const type = table.u8(typeField);
  return type === 1 ? list.i32s(0) : type === 2 ? list.u16s(0) : type === 3 ? [...list.bytes(0)] : [];
}

/**
 * Decodes TACO's format (Kjolstad et al. 2017) as in TensorFlow Lite: the axes, and the axes of blocks within them, are
 * walked in a given order; each is dense, or compressed to the indices of non-zeros.
 */
function densified<T extends Float32Array | Int8Array | Int32Array>(tensor: FileTensor, sparsity: Table, stored: T): T {
  const f = FIELD.sparsity;
  const { shape } = tensor;
  const rank = shape.length;
  const order = sparsity.i32s(f.traversalOrder);
  const blockMap = sparsity.i32s(f.blockMap);
  const dimensions = sparsity.tables(f.dimensions);
  const damaged = (message: string) => tensor.error("damaged", `${message} of its sparse contents`);
  const axes = rank + blockMap.length;
  if (
    blockMap.length > rank ||
    order.length !== axes ||
    dimensions.length !== axes ||
    [...order].sort((a, b) => a - b).some((a, i) => a !== i)
  )
    throw damaged("the order of axes is wrong");
  if (blockMap.some(axis => !(axis >= 0 && axis < rank))) throw damaged("a block is of no axis");
  const d = FIELD.dimension;
  const levels = dimensions.map((table, i): Level => {
    const compressed = table.i8(d.format) === 1;
    return {
      axis: order[i]!,
      size: table.i32(d.denseSize),
      indices: compressed ? positions(table, d.indicesType, d.indices) : [],
      ...(compressed && { segments: positions(table, d.segmentsType, d.segments) }),
    };
  });
  // the stride of each level in the dense tensor
  const pitch = (axis: number) => size(shape.slice(axis + 1));
  const blockSize = (axis: number) =>
    blockMap.reduce((n, of, b) => (of === axis ? n * levels.find(l => l.axis === rank + b)!.size : n), 1);
  const worth = levels.map(({ axis }) => (axis < rank ? pitch(axis) * blockSize(axis) : pitch(blockMap[axis - rank]!)));
  const elements = size(shape);
  const dense = new (stored.constructor as new (n: number) => T)(elements);
  let read = 0;
  let steps = 0;
  const walk = (depth: number, place: number, at: number): void => {
    if (++steps > 8 * (elements + axes)) throw damaged("there are too many indices");
    if (depth === axes) {
      if (read >= stored.length || !(at >= 0 && at < elements)) throw damaged("an index lies outside");
      dense[at] = stored[read++]!;
      return;
    }
    const { size: count, segments, indices } = levels[depth]!;
    if (!segments) {
      for (let i = 0; i < count; i++) walk(depth + 1, place * count + i, at + i * worth[depth]!);
      return;
    }
    const [from, to] = [segments[place], segments[place + 1]];
    if (from === undefined || to === undefined || to > indices.length) throw damaged("a segment lies outside");
    for (let i = from; i < to; i++) walk(depth + 1, i, at + indices[i]! * worth[depth]!);
  };
  walk(0, 0, 0);
  return dense;
}
