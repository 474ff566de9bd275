/** The arrays of a data set, and the checks of its options. */
import { integer, knownOptions, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, showShape, size } from "../base/shape.ts";
import type { Preprocessing } from "../container/extras.ts";
import { type ChannelScaling, channelScalingOf } from "../run/pixels.ts";
import { flat, type NestedNumbers } from "./nested-numbers.ts";
import { single } from "./scaling.ts";

/** Stored elements of rows. */
export type ImageArray = Uint8Array | Int8Array | Float32Array;

export interface DatasetOptions {
  /**
   * All rows one after the other, each in logical order (height, width, channels). Typed arrays of these kinds are
   * shared, not copied; other arrays of numbers, and nested ones, become float32.
   */
  x?: ImageArray | NestedNumbers;
  /** The same as `x`, as a name for pictures. */
  images?: ImageArray | NestedNumbers;
  /** Shape of one row, e.g. `[28, 28, 1]`. Default: that of the nested arrays. */
  shape?: Shape;
  /** A class number for each row. A data set without labels and targets can be used for predictions and calibration. */
  labels?: Uint8Array | Int32Array | readonly number[];
  /** Regression targets instead of labels, `targetShape` numbers per row (default: as many as there are). */
  targets?: NestedNumbers;
  targetShape?: Shape;
  /** Weight of each row in the loss; metrics count every row once, as in Keras. Default: 1. */
  sampleWeights?: Float32Array | readonly number[];
  /** Number of classes; labels are checked against it. Default: the greatest label + 1. */
  classes?: number;
  classNames?: readonly string[];
  /**
   * real = scale * stored + offset, in float32, multiplied and then added. Default: 1/255 and 0 for unsigned bytes,
   * else 1 and 0.
   */
  scale?: number;
  offset?: number;
}

const OPTIONS = [
  "x",
  "images",
  "shape",
  "labels",
  "targets",
  "targetShape",
  "sampleWeights",
  "classes",
  "classNames",
  "scale",
  "offset",
] as const satisfies readonly (keyof DatasetOptions)[];

export interface Row {
  /** Real numbers: scaled, offset and mapped. */
  x: Float32Array;
  /** The label, or the targets; an empty array where there are neither. */
  y: number | Float32Array;
}

/** Maps a row to a row; it may change and return its argument. `index` counts the stored rows of the mapped dataset. */
export type MapRow = (row: Row, index: number) => Row;

/** The data that all datasets derived from one another share. */
export interface Columns {
  images: ImageArray;
  shape: Shape;
  labels: Int32Array | undefined;
  targets: Float32Array | undefined;
  targetShape: Shape;
  sampleWeights: Float32Array | undefined;
  classes: number;
  classNames: readonly string[] | undefined;
  /** The conversion of stored numbers to real ones. */
  scaling: Preprocessing;
  /** The same, for each channel. */
  channelScaling: ChannelScaling;
  /** In order of application, after the scaling. */
  maps: readonly MapRow[];
  /** The shape after all maps. */
  mappedShape: Shape;
  /** The conversion of bytes to the numbers after all maps; undefined if unknown. */
  preprocessing: Preprocessing | undefined;
}

const isStored = (x: unknown): x is ImageArray =>
  x instanceof Uint8Array || x instanceof Int8Array || x instanceof Float32Array;

/** The rows, and the name of the option that has them. */
function rowsOf({ x, images, shape }: DatasetOptions): { what: string; images: ImageArray; shape: Shape } {
  if (x !== undefined && images !== undefined) throw new TypeError('"Dataset" expected x or images, got both');
  const what = images === undefined ? "x" : "images";
  const given = x ?? images;
  if (isStored(given)) return { what, images: given, shape: checkedShape("shape", shape) };
  if (given === undefined || !(Array.isArray(given) || ArrayBuffer.isView(given)))
    throw wrongType(what, "Uint8Array, Int8Array, Float32Array or an array of numbers", given);
  const { data, shape: nested } = flat(what, given);
  return {
    what,
    images: data,
    shape: checkedShape("shape", shape ?? (nested.length > 1 ? nested.slice(1) : undefined)),
  };
}

export function columnsOf(options: DatasetOptions): Columns {
  if (options === undefined) throw wrongType("Dataset", "options: x, shape, labels or targets", options);
  knownOptions("Dataset", options, OPTIONS);
  const { classNames } = options;
  const { what, images, shape } = rowsOf(options);
  const rows = images.length / size(shape);
  if (!Number.isInteger(rows)) throw wrongValue(what, `whole rows of ${showShape(shape)}`, images);
  if (options.labels !== undefined && options.targets !== undefined)
    throw new TypeError('"Dataset" expected either labels or targets, got both');

  const labels = options.labels && counted("labels", wholeLabels(options.labels), rows);
  const targets =
    options.targets === undefined || options.targets instanceof Float32Array
      ? options.targets
      : flat("targets", options.targets).data;
  const targetShape = checkedShape(
    "targetShape",
    options.targetShape ?? (targets ? [targets.length / (rows || 1)] : []),
  );
  const labelled = labels !== undefined || targets !== undefined;
  if (targets && targets.length !== rows * size(targetShape))
    throw wrongValue("targets", `${rows} rows of ${showShape(targetShape)}`, targets);

  const greatest = labels?.reduce((most, label) => Math.max(most, label), -1) ?? -1;
  const classes = options.classes === undefined ? greatest + 1 : integer("classes", options.classes, 1);
  if (labels) checkLabels(labels, classes);
  if (classNames && classNames.length !== classes)
    throw wrongValue("classNames", `${classes} names, one for each class`, classNames);

  const sampleWeights =
    options.sampleWeights && counted("sampleWeights", Float32Array.from(options.sampleWeights), rows);
  if (sampleWeights) checkFinite("sampleWeights", sampleWeights, []);
  return {
    images,
    shape,
    labels,
    targets,
    targetShape: labelled ? targetShape : [0],
    sampleWeights,
    classes,
    classNames,
    ...scaled(
      {
        scale: single("scale", options.scale ?? (images instanceof Uint8Array ? 1 / 255 : 1)),
        offset: single("offset", options.offset ?? 0),
      },
      images,
      shape,
    ),
    maps: [],
    mappedShape: shape,
  };
}

/** Derives columns with another conversion of stored numbers to real ones. */
export const scaled = (
  scaling: Preprocessing,
  images: ImageArray,
  shape: Shape,
): Pick<Columns, "scaling" | "channelScaling" | "preprocessing"> => ({
  scaling,
  channelScaling: channelScalingOf(scaling, shape.at(-1) ?? 1),
  preprocessing: images instanceof Uint8Array ? scaling : undefined,
});

/** Throws a RangeError that names the first label that is not an integer in 0 .. classes - 1. */
export function checkLabels(labels: ArrayLike<number>, classes: number): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (Number.isInteger(label) && label >= 0 && label < classes) continue;
    const range = classes > 0 ? `in 0..${classes - 1}` : ">= 0";
    throw new RangeError(`labels out of range: "labels[${i}]" expected integer ${range}, got ${label}`);
  }
}

/**
 * Throws a RangeError that names the row and element of the first NaN or infinity. `shape`: of one row. Integer arrays
 * are not scanned.
 */
export function checkFinite(what: string, values: ArrayLike<number>, shape: Shape): void {
  if (ArrayBuffer.isView(values) && !(values instanceof Float32Array) && !(values instanceof Float64Array)) return;
  const each = size(shape);
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i]!)) continue;
    const place = each === 1 ? `${what}[${i}]` : `${what}[${Math.floor(i / each)}][${i % each}]`;
    throw wrongValue(place, "finite number", values[i]);
  }
}

function wholeLabels(labels: unknown): Int32Array {
  if (labels instanceof Uint8Array || labels instanceof Int32Array) return new Int32Array(labels);
  if (!Array.isArray(labels)) throw wrongType("labels", "Uint8Array, Int32Array or an array of integers", labels);
  return Int32Array.from(labels, (label, i) => integer(`labels[${i}]`, label, -0x80000000, 0x7fffffff));
}

function counted<A extends { length: number }>(what: string, array: A, rows: number): A {
  if (array.length !== rows) throw new RangeError(`"${what}" expected ${rows}, one for each row, got ${array.length}`);
  return array;
}

export function checkedShape(what: string, shape: unknown): Shape {
  if (!Array.isArray(shape)) throw wrongType(what, "an array of sizes", shape);
  if (!shape.every(n => Number.isInteger(n) && n > 0)) throw wrongValue(what, "integers >= 1", shape);
  return [...shape];
}
