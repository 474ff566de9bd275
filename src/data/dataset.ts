/**
 * Training and test data: samples such as images, their labels or targets, and weights. A Dataset is a list of row
 * numbers over arrays that it shares with all datasets derived from it: `take`, `skip`, `split` and `shuffle` copy no
 * row. `normalise` is stored as two numbers, or two per channel: bytes stay bytes until a step rescales them.
 */
import { integer, knownOptions, naming, number, wrongType, wrongValue } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { type Shape, showShape, size } from "../base/shape.ts";
import type { Preprocessing } from "../container/extras.ts";
import { channelScalingOf, USUAL } from "../run/pixels.ts";
import {
  type Columns,
  checkedShape,
  columnsOf,
  type DatasetOptions,
  type ImageArray,
  type MapRow,
  type Row,
  scaled,
} from "./columns.ts";
import { alone, type Normalisation, normalised, type PerChannel, rescale } from "./scaling.ts";

export { checkFinite, checkLabels, type DatasetOptions, type ImageArray, type MapRow, type Row } from "./columns.ts";
export type { NestedNumbers } from "./nested-numbers.ts";

export interface Batch {
  /** Real numbers, one row after the other. */
  x: Float32Array;
  /** Labels, or the targets one row after the other. */
  y: Int32Array | Float32Array;
  /** Number of rows: the batch size, or less in the last batch. */
  length: number;
}

export interface MapOptions {
  /** Shape of the x that the function returns, if it differs. */
  shape?: Shape;
  /**
   * The conversion of a stored byte to a number of that x, if the function changes the scale. Default: as before the
   * function.
   */
  preprocessing?: Preprocessing | undefined;
}

/** The preprocessing of float arrays that a data set made: a custom training loop passes on only the arrays. */
const BEHIND = new WeakMap<object, Preprocessing>();

/** The conversion from bytes to these numbers, if a data set made them from bytes. */
export const preprocessingBehind = (x: object): Preprocessing | undefined => BEHIND.get(x);

/**
 * A data set, made from arrays (without copying them), by `mnist`, or from another dataset by the methods below. Errors
 * of the constructor: TypeError for a wrong type or option, RangeError for counts that do not match, labels out of
 * range and weights that are not finite.
 */
export class Dataset implements Iterable<Row> {
  readonly #columns: Columns;
  readonly #index: Int32Array;

  /** `view` is for the methods below: other rows, or the same rows with other columns. */
  constructor(options: DatasetOptions, view?: { columns: Columns; index: Int32Array }) {
    this.#columns = view?.columns ?? naming("Dataset", () => columnsOf(options));
    this.#index = view?.index ?? ascending(this.#columns.images.length / size(this.#columns.shape));
  }

  /** "Dataset of 60000 rows of 28x28x1, 10 classes". */
  toString(): string {
    return `Dataset of ${showDataset(this)}`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** Number of rows. */
  get length(): number {
    return this.#index.length;
  }

  /** The shape of one row as `x` gives it. */
  get shape(): Shape {
    return this.#columns.mappedShape;
  }

  /** The shape of one row of targets; `[]` for labels, `[0]` without either. */
  get targetShape(): Shape {
    return this.#columns.targetShape;
  }

  /** Number of classes; 0 if there are targets instead of labels. */
  get classes(): number {
    return this.#columns.classes;
  }

  get classNames(): readonly string[] | undefined {
    return this.#columns.classNames;
  }

  /** The element type of stored rows: "u8", "i8" or "f32". */
  get dtype(): "u8" | "i8" | "f32" {
    const { images } = this.#columns;
    return images instanceof Float32Array ? "f32" : images instanceof Int8Array ? "i8" : "u8";
  }

  /** real = scale * stored + offset, in float32; a list with a number per channel if they differ. */
  get scale(): PerChannel {
    return alone(this.#columns.channelScaling.factor);
  }

  get offset(): PerChannel {
    return alone(this.#columns.channelScaling.addend);
  }

  /**
   * The conversion of bytes to the numbers of `x`, as a network stores it. A function passed to `map` is assumed to
   * keep the scale of its numbers, unless its `preprocessing` says otherwise. Undefined if rows are not stored as
   * unsigned bytes.
   */
  get preprocessing(): Preprocessing | undefined {
    return this.#columns.preprocessing;
  }

  /**
   * True if a function of `map` stands between the stored rows and `x`: only `row` and iteration return the data to
   * learn from.
   */
  get mapped(): boolean {
    return this.#columns.maps.length > 0;
  }

  /**
   * The stored rows of this and all related datasets; row i begins at element `index[i] * size(shape)`. Not a copy: do
   * not write.
   */
  get images(): ImageArray {
    return this.#columns.images;
  }

  /** The stored row of each row. Not a copy: do not write. */
  get index(): Int32Array {
    return this.#index;
  }

  /** The stored label of each row, before `map`, in order (a copy); undefined for targets. */
  labels(): Int32Array | undefined {
    const { labels } = this.#columns;
    return labels && this.#index.map(i => labels[i]!);
  }

  /** The stored targets of each row, before `map`, in order (a copy); undefined for labels. */
  targets(): Float32Array | undefined {
    const { targets, targetShape } = this.#columns;
    return targets && gather(targets, this.#index, size(targetShape));
  }

  /** The weight of each row, in order (a copy); undefined where all are 1. */
  sampleWeights(): Float32Array | undefined {
    const { sampleWeights } = this.#columns;
    return sampleWeights && gather(sampleWeights, this.#index, 1);
  }

  /** Row i in real numbers. `into`: destination of x, from its element `at` on. */
  row(i: number, into?: Float32Array, at = 0): Row {
    integer("row", i, 0, this.length - 1);
    const c = this.#columns;
    const stored = this.#index[i]!;
    const n = size(c.shape);
    const first = stored * n;
    let row: Row = {
      // A map may keep, or return, its argument: each row gets its own array.
      x: into && !this.mapped ? into.subarray(at, at + n) : new Float32Array(n),
      y: c.labels ? c.labels[stored]! : targetsOf(c, stored),
    };
    rescale(c.images, first, row.x, c.channelScaling);
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

  /** The label or the targets of row i, after `map`. */
  answer(i: number): number | Float32Array {
    integer("row", i, 0, this.length - 1);
    if (this.mapped) return this.row(i).y;
    const c = this.#columns;
    const stored = this.#index[i]!;
    return c.labels ? c.labels[stored]! : targetsOf(c, stored);
  }

  /** Row i as it is stored: without scale, offset or map. `into`: the destination, from its element `at` on. */
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

  /** Iterates over the rows in order, `n` at a time; the last batch is smaller if n does not divide the length. */
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

  /** The first n rows; all if there are fewer. */
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
   * Splits into two datasets: the first rows and the rest. `first` below 1 is a fraction (rounded down), from 1 on a
   * number of rows.
   */
  split(first: number): [Dataset, Dataset] {
    number("split", first, { above: 0, below: this.length });
    const n = first < 1 ? Math.floor(first * this.length) : integer("split", first);
    return [this.take(n), this.skip(n)];
  }

  /** The same rows in another order, which depends only on the seed. */
  shuffle(seed: number): Dataset {
    return this.#with({}, new Random(seed).shuffle(this.#index.slice()));
  }

  /**
   * Applies a function to each row when it is read. It gets real numbers, scaled by `normalise`; it is assumed to
   * return numbers of the same scale, so that the data set keeps its `preprocessing`.
   */
  map(map: MapRow, options: MapOptions = {}): Dataset {
    if (typeof map !== "function") throw wrongType("map", "a function of a row", map);
    knownOptions("map", options, ["shape", "preprocessing"]);
    const mappedShape = checkedShape("shape", options.shape ?? this.shape);
    const known = "preprocessing" in options;
    const preprocessing = known ? options.preprocessing : this.preprocessing;
    const channels = mappedShape.at(-1) ?? 1;
    const { length } = preprocessing
      ? channelScalingOf(preprocessing, known ? channels : (this.shape.at(-1) ?? 1)).factor
      : [0];
    if (length > 1 && length !== channels) {
      const own = `each of ${this.shape.at(-1)} has its own`;
      throw new TypeError(`"map" expected a preprocessing for the ${channels} channels it gives, as ${own}`);
    }
    return this.#with({ maps: [...this.#columns.maps, map], mappedShape, preprocessing });
  }

  /**
   * Rescales the same stored images: `{ scale, offset }` replaces real = scale * stored + offset; `{ mean, std }`,
   * numbers or lists with one per channel, maps the current real numbers to (real - mean) / std.
   */
  normalise(by: Normalisation): Dataset {
    return this.#rescaled(normalised(this.#columns.scaling, by, this.shape.at(-1) ?? 1));
  }

  /**
   * Converts the same stored bytes as a network does: `test.preprocess(model.preprocessing)`. Default: byte / 255.
   * Replaces `normalise`; its `layout` is ignored, since rows have their channels last.
   */
  preprocess(by: Preprocessing = USUAL): Dataset {
    if (this.dtype !== "u8") throw wrongType("preprocess", "a dataset of unsigned bytes", this.images);
    const { layout: _, ...scaling } = by;
    return this.#rescaled(scaling);
  }

  /** Shuffles the labels over the same images: nothing is left to learn. A test that still learns has a leak. */
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

/** "60000 rows of 28x28x1, 10 classes"; "3 rows of 4, targets of 2". */
export function showDataset(data: Dataset): string {
  const { length, shape, classes, targetShape } = data;
  const unlabelled = targetShape.length === 1 && targetShape[0] === 0;
  const answers = classes ? `${classes} classes` : unlabelled ? "no labels" : `targets of ${showShape(targetShape)}`;
  return `${length} rows of ${showShape(shape)}, ${answers}`;
}
