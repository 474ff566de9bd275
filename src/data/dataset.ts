/**
 * Rows to learn from: images, their labels or targets, and weights.
 * A Dataset is a list of row numbers over arrays it shares with all datasets made from it: `take`, `skip`, `split` and `shuffle`
 * copy no image. `normalise` is kept as two numbers, or two for each channel: images of bytes stay bytes until they are rescaled for a step.
 */
import { integer, knownOptions, number, wrongType, wrongValue } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { type Shape, showShape, size } from "../base/shape.ts";
import type { Preprocessing } from "../container/extras.ts";
import { type Rule, ruleOf, USUAL } from "../run/pixels.ts";
import { alone, type Normalisation, normalised, type PerChannel, rescale, single } from "./scaling.ts";

/** Stored elements of images. */
export type ImageArray = Uint8Array | Int8Array | Float32Array;

export interface DatasetOptions {
  /** All rows one after the other, each in logical order (height, width, channels). */
  images: ImageArray;
  /** Of one row, e.g. `[28, 28, 1]`. */
  shape: Shape;
  /** A class number for each row. Without labels and targets a data set can be predicted, and calibrated on. */
  labels?: Uint8Array | Int32Array | readonly number[];
  /** Instead of labels: numbers to come close to, `targetShape` of them a row (default: as many as there are). */
  targets?: Float32Array;
  targetShape?: Shape;
  /** How much each row counts in loss and metrics. Default: 1. */
  sampleWeights?: Float32Array | readonly number[];
  /** Number of classes; labels are checked against it. Default: the greatest label + 1. */
  classes?: number;
  classNames?: readonly string[];
  /** real = scale * stored + offset, in float32, multiplied and then added. Default: 1/255 and 0 for unsigned bytes, else 1 and 0. */
  scale?: number;
  offset?: number;
}

export interface Row {
  /** Real numbers: scaled, offset and mapped. */
  x: Float32Array;
  /** The label, or the targets; an empty array where there are neither. */
  y: number | Float32Array;
}

export interface Batch {
  /** Real numbers, one row after the other. */
  x: Float32Array;
  /** Labels, or the targets one row after the other. */
  y: Int32Array | Float32Array;
  /** Rows in it: the batch size, less in the last one. */
  length: number;
}

/** Gives a row for a row; it may change and return what it is given. `index` counts the rows of the dataset that was mapped, as stored. */
export type MapRow = (row: Row, index: number) => Row;

export interface MapOptions {
  /** Of the x that the function gives, where it changes. */
  shape?: Shape;
  /** How a stored byte becomes a number of that x, where the function changes the scale of numbers. Default: as before the function. */
  preprocessing?: Preprocessing | undefined;
}

const OPTIONS = [
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

/** What all datasets made from one another share. */
interface Columns {
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

/** The preprocessing behind arrays of real numbers that a data set made: a loop of single steps takes the arrays alone. */
const BEHIND = new WeakMap<object, Preprocessing>();

/** How bytes became these numbers, where a data set made them of bytes. */
export const preprocessingBehind = (x: object): Preprocessing | undefined => BEHIND.get(x);

/**
 * Made of arrays, which it does not copy, by `mnist`, or from another dataset by the methods below.
 * Errors of the constructor: TypeError for a wrong type or option, RangeError for counts that do not fit, labels out of range and weights that are not finite.
 */
export class Dataset implements Iterable<Row> {
  readonly #columns: Columns;
  readonly #index: Int32Array;

  /** `view` is for the methods below: other rows, or the same rows with other columns. */
  constructor(options: DatasetOptions, view?: { columns: Columns; index: Int32Array }) {
    this.#columns = view?.columns ?? columnsOf(options);
    this.#index = view?.index ?? ascending(this.#columns.images.length / size(this.#columns.shape));
  }

  /** Number of rows. */
  get length(): number {
    return this.#index.length;
  }

  /** The shape of one row as `x` gives it. */
  get shape(): Shape {
    return this.#columns.mappedShape;
  }

  /** The shape of one row of targets; `[]` where there are labels, `[0]` where there are neither. */
  get targetShape(): Shape {
    return this.#columns.targetShape;
  }

  /** Number of classes; 0 where there are targets instead of labels. */
  get classes(): number {
    return this.#columns.classes;
  }

  get classNames(): readonly string[] | undefined {
    return this.#columns.classNames;
  }

  /** What `images` holds: "u8", "i8" or "f32". */
  get dtype(): "u8" | "i8" | "f32" {
    const { images } = this.#columns;
    return images instanceof Float32Array ? "f32" : images instanceof Int8Array ? "i8" : "u8";
  }

  /** real = scale * stored + offset, in float32; a list with a number for each channel where they differ. */
  get scale(): PerChannel {
    return alone(this.#columns.rule.factor);
  }

  get offset(): PerChannel {
    return alone(this.#columns.rule.addend);
  }

  /**
   * How bytes become the numbers of `x`, as a network keeps it. A function given to `map` is taken to stay within the scale of the numbers
   * it gets, unless its `preprocessing` says otherwise. Undefined where images are stored as other numbers than unsigned bytes.
   */
  get preprocessing(): Preprocessing | undefined {
    return this.#columns.preprocessing;
  }

  /** A function stands between the stored images and `x`: only `row` and iteration give what is to be learned from. */
  get mapped(): boolean {
    return this.#columns.maps.length > 0;
  }

  /** The stored images of this and all related datasets; row i begins at element `index[i] * size(shape)`. Not a copy: do not write. */
  get images(): ImageArray {
    return this.#columns.images;
  }

  /** Which stored row each row is. Not a copy: do not write. */
  get index(): Int32Array {
    return this.#index;
  }

  /** The label of each row, in order (a copy); undefined where there are targets. */
  labels(): Int32Array | undefined {
    const { labels } = this.#columns;
    return labels && this.#index.map(i => labels[i]!);
  }

  /** The targets of each row, in order (a copy); undefined where there are labels. */
  targets(): Float32Array | undefined {
    const { targets, targetShape } = this.#columns;
    return targets && gather(targets, this.#index, size(targetShape));
  }

  /** The weight of each row, in order (a copy); undefined where all are 1. */
  sampleWeights(): Float32Array | undefined {
    const { sampleWeights } = this.#columns;
    return sampleWeights && gather(sampleWeights, this.#index, 1);
  }

  /** Row i in real numbers. `into`: where x is to be written, from its element `at` on. */
  row(i: number, into?: Float32Array, at = 0): Row {
    integer("row", i, 0, this.length - 1);
    const c = this.#columns;
    const stored = this.#index[i]!;
    const n = size(c.shape);
    const first = stored * n;
    let row: Row = {
      // A map may keep, or return, the array it is given: each row gets its own.
      x: into && !this.mapped ? into.subarray(at, at + n) : new Float32Array(n),
      y: c.labels ? c.labels[stored]! : targetsOf(c, stored),
    };
    rescale(c.images, first, row.x, c.rule);
    for (const map of c.maps) row = map(row, stored);
    if (!this.mapped) return into ? row : this.#made(row);
    const expected = size(c.mappedShape);
    if (!(row?.x instanceof Float32Array) || row.x.length !== expected)
      throw wrongValue("map", `a row whose x has ${expected} numbers (${showShape(c.mappedShape)})`, row?.x);
    if (!into) return this.#made(row);
    into.set(row.x, at);
    return { x: into.subarray(at, at + expected), y: row.y };
  }

  #made(row: Row): Row {
    if (this.preprocessing) BEHIND.set(row.x, this.preprocessing);
    return row;
  }

  /** Row i as it is stored: no scale, offset or map. `into`: where it is to be written, from its element `at` on. */
  stored(i: number, into?: ImageArray, at = 0): ImageArray {
    integer("row", i, 0, this.length - 1);
    const { images, shape } = this.#columns;
    const n = size(shape);
    const row = images.subarray(this.#index[i]! * n, (this.#index[i]! + 1) * n);
    if (!into) return row.slice();
    into.set(row, at);
    return into.subarray(at, at + n);
  }

  *[Symbol.iterator](): Iterator<Row> {
    for (let i = 0; i < this.length; i++) yield this.row(i);
  }

  /** The rows in order, `n` at a time, made when asked for; the last batch is smaller where n does not divide the length. */
  *batch(n: number): Generator<Batch> {
    integer("batch", n, 1);
    const each = size(this.shape);
    for (let first = 0; first < this.length; first += n) {
      const length = Math.min(n, this.length - first);
      const x = new Float32Array(length * each);
      if (this.preprocessing) BEHIND.set(x, this.preprocessing);
      const width = this.#columns.labels ? 1 : size(this.targetShape);
      const y = this.#columns.labels ? new Int32Array(length) : new Float32Array(length * width);
      for (let r = 0; r < length; r++) {
        const row = this.row(first + r, x, r * each);
        if (typeof row.y === "number") y[r] = row.y;
        else y.set(row.y, r * width);
      }
      yield { x, y, length };
    }
  }

  /** The first n rows; all where there are fewer. */
  take(n: number): Dataset {
    integer("take", n, 0);
    return this.#with({}, this.#index.subarray(0, n));
  }

  /** All but the first n rows. */
  skip(n: number): Dataset {
    integer("skip", n, 0);
    return this.#with({}, this.#index.subarray(n));
  }

  /**
   * Two datasets: the first rows and the rest. `first` below 1 is a fraction (its share rounded down), from 1 on a number of rows.
   */
  split(first: number): [Dataset, Dataset] {
    number("split", first, { above: 0, below: this.length });
    const n = first < 1 ? Math.floor(first * this.length) : integer("split", first);
    return [this.take(n), this.skip(n)];
  }

  /** The same rows in another order, the same for equal seeds. */
  shuffle(seed: number): Dataset {
    return this.#with({}, new Random(seed).shuffle(this.#index.slice()));
  }

  /**
   * A function between the stored rows and what is learned from, called anew for each row that is read. It gets real numbers, scaled by
   * `normalise`, and gives numbers of the same scale: then the data set keeps its `preprocessing`.
   */
  map(map: MapRow, options: MapOptions = {}): Dataset {
    if (typeof map !== "function") throw wrongType("map", "a function of a row", map);
    knownOptions("map", options, ["shape", "preprocessing"]);
    const mappedShape = checkedShape("shape", options.shape ?? this.shape);
    const known = "preprocessing" in options;
    const preprocessing = known ? options.preprocessing : this.preprocessing;
    const channels = mappedShape.at(-1) ?? 1;
    const { length } = preprocessing ? ruleOf(preprocessing, known ? channels : (this.shape.at(-1) ?? 1)).factor : [0];
    if (length > 1 && length !== channels)
      throw new TypeError(
        `"map" expected a preprocessing for the ${channels} channels it gives, as each of ${this.shape.at(-1)} has its own`,
      );
    return this.#with({ maps: [...this.#columns.maps, map], mappedShape, preprocessing });
  }

  /**
   * Other numbers for the same stored images: `{ scale, offset }` replaces real = scale * stored + offset;
   * `{ mean, std }`, numbers or a list with one for each channel, takes the real numbers as they are now to (real - mean) / std.
   */
  normalise(by: Normalisation): Dataset {
    return this.#rescaled(normalised(this.#columns.scaling, by, this.shape.at(-1) ?? 1));
  }

  /**
   * The same stored bytes as a network reads them: `test.preprocess(model.preprocessing)`. Without an argument: byte / 255.
   * Replaces what `normalise` said; its `layout` is about arrays of users, rows have their channels last.
   */
  preprocess(by: Preprocessing = USUAL): Dataset {
    if (this.dtype !== "u8") throw wrongType("preprocess", "a dataset of unsigned bytes", this.images);
    const { layout: _, ...scaling } = by;
    return this.#rescaled(scaling);
  }

  /** The labels in a random order over the same images: nothing is left to learn, and a test that says otherwise is wrong. */
  permuteLabels(seed: number): Dataset {
    const labels = this.#columns.labels?.slice();
    if (!labels) throw wrongType("permuteLabels", "a dataset with labels", this.targets());
    const order = new Random(seed).shuffle(this.#index.slice());
    for (let i = 0; i < order.length; i++) labels[this.#index[i]!] = this.#columns.labels![order[i]!]!;
    return this.#with({ labels });
  }

  #rescaled(scaling: Preprocessing): Dataset {
    if (this.mapped) throw new TypeError(`"normalise" expected a dataset not mapped yet: call it before map`);
    return this.#with(scaled(scaling, this.images, this.shape));
  }

  #with(changed: Partial<Columns>, index = this.#index): Dataset {
    const columns = { ...this.#columns, ...changed };
    return new Dataset({ images: columns.images, shape: columns.shape }, { columns, index });
  }
}

function columnsOf(options: DatasetOptions): Columns {
  knownOptions("Dataset", options, OPTIONS);
  const { images, classNames } = options;
  if (!(images instanceof Uint8Array || images instanceof Int8Array || images instanceof Float32Array))
    throw wrongType("images", "Uint8Array, Int8Array or Float32Array", images);
  const shape = checkedShape("shape", options.shape);
  const rows = images.length / size(shape);
  if (!Number.isInteger(rows)) throw wrongValue("images", `whole rows of ${showShape(shape)}`, images);
  if (options.labels !== undefined && options.targets !== undefined)
    throw new TypeError('"Dataset" expected either labels or targets, got both');

  const labels = options.labels && counted("labels", wholeLabels(options.labels), rows);
  const targets = options.targets;
  if (targets && !(targets instanceof Float32Array)) throw wrongType("targets", "Float32Array", targets);
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

const scaled = (
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
  if (array.length !== rows)
    throw new RangeError(`"${what}" expected ${rows}, one for each image, got ${array.length}`);
  return array;
}

function checkedShape(what: string, shape: unknown): Shape {
  if (!Array.isArray(shape)) throw wrongType(what, "an array of sizes", shape);
  if (!shape.every(n => Number.isInteger(n) && n > 0)) throw wrongValue(what, "integers >= 1", shape);
  return [...shape];
}

const ascending = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

function targetsOf(c: Columns, stored: number): Float32Array {
  const width = size(c.targetShape);
  return c.targets ? c.targets.slice(stored * width, (stored + 1) * width) : new Float32Array(0);
}

function gather(from: Float32Array, index: Int32Array, width: number): Float32Array {
  const out = new Float32Array(index.length * width);
  for (let i = 0; i < index.length; i++) out.set(from.subarray(index[i]! * width, (index[i]! + 1) * width), i * width);
  return out;
}

/** "60000 rows of 28x28x1, 10 classes". */
export const showDataset = (data: Dataset): string =>
  `${data.length} rows of ${showShape(data.shape)}${data.classes ? `, ${data.classes} classes` : ""}`;
