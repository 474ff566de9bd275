/**
 * Rows to learn from: samples such as images, their labels or targets, and weights.
 * A Dataset is a list of row numbers over arrays it shares with all datasets made from it: `take`, `skip`, `split` and
 * `shuffle` copy no row. `normalise` is kept as two numbers, or two for each channel: rows of bytes stay bytes until
 * they are rescaled for a step.
 */
import { integer, knownOptions, naming, number, wrongType, wrongValue } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { type Shape, showShape, size } from "../base/shape.ts";
import type { Preprocessing } from "../container/extras.ts";
import { ruleOf, USUAL } from "../run/pixels.ts";
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
  /** Rows in it: the batch size, less in the last one. */
  length: number;
}

export interface MapOptions {
  /** Of the x that the function gives, where it changes. */
  shape?: Shape;
  /**
   * How a stored byte becomes a number of that x, where the function changes the scale of numbers. Default: as before
   * the function.
   */
  preprocessing?: Preprocessing | undefined;
}

/**
 * The preprocessing behind arrays of real numbers that a data set made: a loop of single steps takes the arrays alone.
 */
const BEHIND = new WeakMap<object, Preprocessing>();

/** How bytes became these numbers, where a data set made them of bytes. */
export const preprocessingBehind = (x: object): Preprocessing | undefined => BEHIND.get(x);

/**
 * Made of arrays, which it does not copy, by `mnist`, or from another dataset by the methods below.
 * Errors of the constructor: TypeError for a wrong type or option, RangeError for counts that do not fit, labels out of
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

  /** What the stored rows hold: "u8", "i8" or "f32". */
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
   * How bytes become the numbers of `x`, as a network keeps it. A function given to `map` is taken to stay within the
   * scale of the numbers it gets, unless its `preprocessing` says otherwise. Undefined where rows are stored as other
   * numbers than unsigned bytes.
   */
  get preprocessing(): Preprocessing | undefined {
    return this.#columns.preprocessing;
  }

  /** A function stands between the stored rows and `x`: only `row` and iteration give what is to be learned from. */
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

  /**
   * The rows in order, `n` at a time, made when asked for; the last batch is smaller where n does not divide the
   * length.
   */
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
   * Two datasets: the first rows and the rest. `first` below 1 is a fraction (its share rounded down), from 1 on a
   * number of rows.
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
   * A function between the stored rows and what is learned from, called anew for each row that is read. It gets real
   * numbers, scaled by `normalise`, and gives numbers of the same scale: then the data set keeps its `preprocessing`.
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
   * `{ mean, std }`, numbers or a list with one for each channel, takes the real numbers as they are now to (real -
   * mean) / std.
   */
  normalise(by: Normalisation): Dataset {
    return this.#rescaled(normalised(this.#columns.scaling, by, this.shape.at(-1) ?? 1));
  }

  /**
   * The same stored bytes as a network reads them: `test.preprocess(model.preprocessing)`. Without an argument: byte /
   * 255. Replaces what `normalise` said; its `layout` is about arrays of users, rows have their channels last.
   */
  preprocess(by: Preprocessing = USUAL): Dataset {
    if (this.dtype !== "u8") throw wrongType("preprocess", "a dataset of unsigned bytes", this.images);
    const { layout: _, ...scaling } = by;
    return this.#rescaled(scaling);
  }

  /**
   * The labels in a random order over the same images: nothing is left to learn, and a test that says otherwise is
   * wrong.
   */
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
