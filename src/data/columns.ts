/** What a data set is made of: the arrays its rows lie in, and the checks of what it is given. */
import { integer, knownOptions, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, showShape, size } from "../base/shape.ts";
import type { Preprocessing } from "../container/extras.ts";
import { type Rule, ruleOf } from "../run/pixels.ts";
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
  /** The same as `x`, under the name for pictures. */
  images?: ImageArray | NestedNumbers;
  /** Of one row, e.g. `[28, 28, 1]`. Default: as nested arrays have it. */
  shape?: Shape;
  /** A class number for each row. Without labels and targets a data set can be predicted, and calibrated on. */
  labels?: Uint8Array | Int32Array | readonly number[];
  /** Instead of labels: numbers to come close to, `targetShape` of them a row (default: as many as there are). */
  targets?: NestedNumbers;
  targetShape?: Shape;
  /** How much each row counts in loss and metrics. Default: 1. */
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

/**
 * Gives a row for a row; it may change and return what it is given. `index` counts the rows of the dataset that was
 * mapped, as stored.
 */
export type MapRow = (row: Row, index: number) => Row;

/** What all datasets made from one another share. */
export interface Columns {
  images: ImageArray;
  shape: Shape;
  labels: Int32Array | undefined;
  targets: Float32Array | undefined;
  targetShape: Shape;
  sampleWeights: Float32Array | undefined;
  classes: number;
  classNames: readonly string[] | undefined;
  /** How stored numbers become real. */
  scaling: Preprocessing;
  /** The same, for each channel. */
  rule: Rule;
  /** In order of application, after the rule. */
  maps: readonly MapRow[];
  /** The shape after all maps. */
  mappedShape: Shape;
  /** How bytes become the numbers after all maps; undefined: nothing is known of bytes. */
  preprocessing: Preprocessing | undefined;
}

const isStored = (x: unknown): x is ImageArray =>
  x instanceof Uint8Array || x instanceof Int8Array || x instanceof Float32Array;

/** The rows, by either of their names. */
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

/** The columns that say how stored numbers become real. */
export const scaled = (
  scaling: Preprocessing,
  images: ImageArray,
  shape: Shape,
): Pick<Columns, "scaling" | "rule" | "preprocessing"> => ({
  scaling,
  rule: ruleOf(scaling, shape.at(-1) ?? 1),
  preprocessing: images instanceof Uint8Array ? scaling : undefined,
});

/** Every label is an integer in 0 .. classes - 1, or a RangeError names the first that is not. */
export function checkLabels(labels: ArrayLike<number>, classes: number): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new RangeError(
        `labels out of range: "labels[${i}]" expected integer ${classes > 0 ? `in 0..${classes - 1}` : ">= 0"}, got ${label}`,
      );
  }
}

/**
 * Every number is finite, or a RangeError names the row and element of the first NaN or infinity.
 * `shape`: of one row. Integers cannot be NaN and cost nothing.
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
