/** Converts inputs of users (arrays, nested arrays, pictures) to the network's element type. */
import { wrongType, wrongValue } from "../base/errors.ts";
import {
  compatibleShapes,
  type DType,
  type Shape,
  showSamples,
  showShape,
  size,
  type TypedArray,
} from "../base/shape.ts";
import type { Preprocessing } from "../container/extras.ts";
import { Names, resultName } from "../container/names.ts";
import type { Graph, Quantization, Type, Value } from "../graph/graph.ts";
import { type ChannelScaling, channelScalingOf, checkKeys } from "./pixels.ts";

/** An input or an output of a network. */
export interface Port {
  /**
   * For a `.tflite` file the name in its signature, or of its tensor; otherwise that of the layer, or `input`,
   * `input_1`, ...
   */
  readonly name: string;
  /** Shape of one image: [height, width, channels], or any other shape. */
  readonly shape: Shape;
  /** Element type of `run`: "f32", or "i8" or "u8" if the network begins or ends with integers. */
  readonly dtype: DType;
  /** Scale of "i8" and "u8": real = scale * (q - zeroPoint). Undefined for "f32". */
  readonly scale: number | undefined;
  readonly zeroPoint: number | undefined;
}

/**
 * A picture as a canvas returns it: four bytes per pixel, red, green, blue, alpha, row by row from the top. An
 * ImageData is one.
 */
export interface Picture {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Arrays in arrays, the innermost of them of numbers. */
export type Nested = ArrayLike<number> | readonly Nested[];

/** Input types of a network's input; docs/running.md has the rules. */
export type Input = Nested | Picture;

export type ArrayKind = { new (length: number): TypedArray; readonly name: string };

export const inputsOf = (graph: Graph): Value[] => graph.leaves.filter(v => v.leaf === "input");

/** Describes the inputs or results of a graph for users. */
export function portsOf(values: readonly Value[]): Port[] {
  const names = new Names();
  return values.map(v => {
    const { shape, dtype, quantization: q } = v.type;
    return { name: names.unique(resultName(v)), shape, dtype, scale: q?.scale[0], zeroPoint: q?.zeroPoint };
  });
}

/**
 * Throws a TypeError or RangeError if `preprocessing` does not fit the network. Of several inputs some may not be
 * pictures.
 */
export function checkPreprocessing(preprocessing: Preprocessing, graph: Graph): void {
  checkKeys(preprocessing);
  const readers = inputsOf(graph).map(({ type }) => new InputReader(type, preprocessing, new Float32Array(0)));
  if (readers.length === 1) readers[0]!.pixels();
}

/** True for a data set, recognized by its method `rows`, since this folder does not import the class. */
export const isDataset = (x: object | undefined): boolean =>
  typeof (x as { row?: unknown } | undefined)?.row === "function";

const UNCHANGED: ChannelScaling = { factor: Float32Array.of(1), addend: Float32Array.of(0) };

/** Converts the values of one input. */
export class InputReader {
  /** Elements of one image. */
  readonly size: number;
  readonly kind: ArrayKind;
  /** Whole images in the network's element type, for the next run. */
  source: TypedArray;
  /** The network's own input buffer for a single image: converted values are written there. */
  readonly alone: TypedArray;
  readonly #shape: Shape;
  readonly #quantization: Quantization | undefined;
  readonly #channels: number;
  readonly #planar: boolean;
  readonly #preprocessing: Preprocessing;
  #pixels: ChannelScaling | undefined;

  constructor({ shape, quantization }: Type, preprocessing: Preprocessing, alone: TypedArray) {
    this.alone = alone;
    this.source = alone;
    this.kind = alone.constructor as ArrayKind;
    this.size = size(shape);
    this.#shape = shape;
    this.#quantization = quantization;
    this.#channels = shape.at(-1) ?? 1;
    this.#preprocessing = preprocessing;
    checkKeys(preprocessing);
    this.#planar = preprocessing.layout === "NCHW" && shape.length > 2;
  }

  /**
   * The conversion of bytes to real numbers. Throws a TypeError or RangeError if `preprocessing` does not fit this
   * input.
   */
  pixels(): ChannelScaling {
    this.#pixels ??= channelScalingOf(this.#preprocessing, this.#channels);
    return this.#pixels;
  }

  /**
   * Makes `x` the next source, without copying if possible; returns its number of images. `real`: arrays of the
   * network's type hold real numbers as well. `what` is x's name in messages.
   */
  read(x: Input, real: boolean, what: string): number {
    const own = x instanceof this.kind;
    if (own && !(real && (this.#quantization || this.#planar))) {
      const images = this.#count((x as TypedArray).length, what);
      if (real && !allFinite(x as TypedArray)) throw firstOdd(x as TypedArray, what);
      this.source = x as TypedArray;
      return images;
    }
    if (isPicture(x)) return this.#convert(this.#channelsOf(x, what), true, what);
    if (isDataset(x)) throw wrongType(what, "numbers in arrays, or a picture (a model's predict takes data sets)", x);
    if (!isArray(x)) throw wrongType(what, "numbers in arrays, or a picture", x);
    if (!real && !own && ArrayBuffer.isView(x)) throw wrongType(what, this.kind.name, x);
    const { numbers, bytes } = isArray(x[0])
      ? this.#flat(x, what)
      : { numbers: x as ArrayLike<number>, bytes: isBytes(x) };
    return this.#convert(this.#planar ? this.#interleaved(numbers) : numbers, bytes, what);
  }

  #count(length: number, what: string): number {
    const images = length / this.size;
    if (Number.isInteger(images) && images > 0) return images;
    throw new RangeError(`"${what}" expected whole ${showSamples(this.#shape)} = ${this.size} numbers, got ${length}`);
  }

  #convert(x: ArrayLike<number>, bytes: boolean, what: string): number {
    const images = this.#count(x.length, what);
    const to = images === 1 ? this.alone : new this.kind(x.length);
    const q = this.#quantization;
    const [scale, zero] = q ? [q.scale[0]!, q.zeroPoint] : [1, 0];
    const least = this.kind === Uint8Array ? 0 : -128;
    const { factor, addend } = bytes ? this.pixels() : UNCHANGED;
    for (let i = 0, c = 0; i < x.length; i++) {
      const stored: unknown = x[i];
      const real = typeof stored === "number" ? Math.fround(Math.fround(stored * factor[c]!) + addend[c]!) : NaN;
      if (!(Math.abs(real) < Infinity)) throw notFinite(`${what}[${i}]`, stored);
      to[i] = q ? quantized(real, scale, zero, least) : real;
      if (++c === factor.length) c = 0;
    }
    this.source = to;
    return images;
  }

  /** Converts planar images (all of one channel before the next) to interleaved channels. */
  #interleaved(x: ArrayLike<number>): ArrayLike<number> {
    const { size } = this;
    const channels = this.#channels;
    const pixels = size / channels;
    return Array.from(x, (_, i) => {
      const within = i % size;
      return x[i - within + (within % channels) * pixels + Math.floor(within / channels)]!;
    });
  }

  /** Flattens nested arrays after checking their shape. */
  #flat(x: ArrayLike<unknown>, what: string): { numbers: Float32Array; bytes: boolean } {
    const shape: number[] = [];
    let innermost: unknown = x;
    for (let v: unknown = x; isArray(v); v = v[0]) {
      shape.push(v.length);
      innermost = v;
    }
    const plane = this.#shape.slice(0, -1);
    const image = this.#planar ? [this.#channels, ...plane] : this.#shape;
    if (!compatibleShapes(shape, image) && !compatibleShapes(shape.slice(1), image))
      throw new RangeError(`"${what}" expected ${showShape(image)}, or a list of such, got ${showShape(shape)}`);
    const numbers = new Float32Array(size(shape));
    flatten(x, shape, [], what, numbers, 0);
    return { numbers, bytes: isBytes(innermost) };
  }

  /** Extracts the channels of a picture that the network takes. */
  #channelsOf({ data, width, height }: Picture, what: string): Uint8Array | Uint8ClampedArray {
    const [rows, columns, channels = 1] = this.#shape;
    const got = `a picture of ${height}x${width}`;
    if (this.#shape.length < 2 || this.#shape.length > 3 || ![1, 3, 4].includes(channels))
      throw new TypeError(`"${what}" expected ${showShape(this.#shape)} numbers, which no picture has, got ${got}`);
    if (height !== rows || width !== columns)
      throw new RangeError(`"${what}" expected a picture of ${rows}x${columns} (height x width), got ${got}`);
    const length = 4 * width * height;
    if (!isBytes(data) || data.length !== length) throw wrongType(`${what}.data`, `${length} bytes`, data);
    if (channels === 4) return data;
    const y = new Uint8Array(width * height * channels);
    for (let from = 0, to = 0; from < length; from += 4) {
      const [red, green, blue, alpha] = [data[from]!, data[from + 1]!, data[from + 2]!, data[from + 3]!];
      if (channels === 1) y[to++] = onBlack(luminance(red, green, blue), alpha);
      else for (const colour of [red, green, blue]) y[to++] = onBlack(colour, alpha);
    }
    return y;
  }
}

/**
 * Luma of Rec. 601, 0.299 red + 0.587 green + 0.114 blue, rounded, in units of 1/65536 as in Pillow: a grey keeps its
 * value.
 */
const luminance = (red: number, green: number, blue: number): number =>
  (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;

/** Composites a colour over black. */
const onBlack = (colour: number, alpha: number): number => Math.round((colour * alpha) / 255);

const isArray = (x: unknown): x is ArrayLike<unknown> =>
  x !== null && typeof x === "object" && typeof (x as ArrayLike<unknown>).length === "number";

const isPicture = (x: unknown): x is Picture =>
  x !== null && typeof x === "object" && "data" in x && "width" in x && "height" in x;

export const isBytes = (x: unknown): x is Uint8Array | Uint8ClampedArray =>
  x instanceof Uint8Array || x instanceof Uint8ClampedArray;

function firstOdd(x: TypedArray, what: string): Error {
  const i = x.findIndex(v => !Number.isFinite(v));
  return notFinite(`${what}[${i}]`, x[i]);
}

const notFinite = (what: string, got: unknown): Error =>
  (typeof got === "number" ? wrongValue : wrongType)(what, "finite number", got);

/**
 * Writes the numbers of `x`, which is at `place` in nested arrays of `shape`, from `at` on; returns the next position.
 */
function flatten(x: unknown, shape: Shape, place: number[], what: string, to: Float32Array, at: number): number {
  const axis = place.length;
  if (axis === shape.length) {
    if (!Number.isFinite(x)) throw notFinite(named(what, place), x);
    to[at] = x as number;
    return at + 1;
  }
  if (!isArray(x)) throw wrongType(named(what, place), `${shape[axis]} elements`, x);
  if (x.length !== shape[axis]) throw wrongValue(named(what, place), `${shape[axis]} elements`, x.length);
  let next = at;
  for (let i = 0; i < x.length; i++) {
    place[axis] = i;
    next = flatten(x[i], shape, place, what, to, next);
  }
  place.pop();
  return next;
}

const named = (what: string, place: readonly number[]): string => what + place.map(i => `[${i}]`).join("");

/** Adding and subtracting it rounds to the nearest integer, half to even. */
const HALF_EVEN = 1.5 * 2 ** 52;

const quantized = (real: number, scale: number, zero: number, least: number): number =>
  Math.max(least, Math.min(least + 255, Math.fround(real / scale) + HALF_EVEN - HALF_EVEN + zero));

/** Four independent sums (x * 0 is NaN unless x is finite): half the time of testing each number. */
function allFinite(x: TypedArray): boolean {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const most = x.length & ~3;
  for (let i = 0; i < most; i += 4) {
    a += x[i]! * 0;
    b += x[i + 1]! * 0;
    c += x[i + 2]! * 0;
    d += x[i + 3]! * 0;
  }
  for (let i = most; i < x.length; i++) a += x[i]! * 0;
  return a + b + c + d === 0;
}
