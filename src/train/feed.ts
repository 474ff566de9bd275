/**
 * Copies rows of a data set into the streams of a step. Unsigned bytes with one scale for all channels are copied
 * unchanged and rescaled by a kernel; other data, and data that pass through `map`, arrive as float32.
 */
import { number, wrongType, wrongValue } from "../base/errors.ts";
import { BYTES, compatibleShapes, type Shape, showSamples, showShape, size, type TypedArray } from "../base/shape.ts";
import { checkFinite, checkLabels, type Dataset, type Row } from "../data/dataset.ts";
import type { Type } from "../graph/graph.ts";
import type { TeacherRows } from "./distillation.ts";
import type { ImageFormat } from "./step.ts";

/** A stream in memory: the data of an image begin at element `step * perStep + image * perImage`. */
export interface Stream {
  readonly data: TypedArray;
  readonly perStep: number;
  readonly perImage: number;
}

/** The streams of a step that are filled from a data set. */
export interface RowStreams {
  readonly images: Stream | undefined;
  readonly target: Stream | undefined;
  readonly weight: Stream | undefined;
  /** The teacher's logits of each image. */
  readonly teacher: Stream | undefined;
  /** The row number of each image. */
  readonly number: Stream | undefined;
}

/** Loss weight of each class, by class number. Keras: class_weight. */
export type ClassWeight = readonly number[] | Readonly<Record<number, number>>;

export class Feed {
  readonly data: Dataset;
  readonly images: ImageFormat;
  readonly weighted: boolean;
  readonly #target: Type;
  readonly #labels: Int32Array | undefined;
  readonly #targets: Float32Array | undefined;
  readonly #weights: Float32Array | undefined;
  /** The class weights of labels that `map` returns: those are known only when a row is read. */
  readonly #ofMapped: ReadonlyMap<number, number> | undefined;
  readonly #size: number;
  readonly #classes: number;
  readonly #teacher: TeacherRows | undefined;

  /**
   * `shape`: of the images the model takes; `target`: type of the loss's target for one image; `classes`: number of
   * classes of the model. Throws a RangeError if the data do not fit the model, or a label is out of range.
   */
  constructor(
    data: Dataset,
    shape: Shape,
    target: Type,
    classes: number,
    { classWeight, teacher }: { classWeight?: ClassWeight | undefined; teacher?: TeacherRows | undefined } = {},
  ) {
    if (!compatibleShapes(data.shape, shape))
      throw new RangeError(`"dataset" expected ${showSamples(shape)}, got ${showShape(data.shape)}`);
    this.data = data;
    this.#target = target;
    this.#size = size(shape);
    this.#classes = classes;
    this.#teacher = teacher;
    const { scale, offset } = data;
    this.images =
      data.dtype === "u8" && !data.mapped && typeof scale === "number" && typeof offset === "number"
        ? { dtype: "u8", scale, offset }
        : { dtype: "f32", scale: 1, offset: 0 };
    this.#labels = data.labels();
    this.#targets = data.targets();
    checkAnswers(data, target, classes);
    if (data.dtype === "f32" && !data.mapped)
      for (let row = 0; row < data.length; row++) this.#finite(data.stored(row), row);
    const byClass = classWeight && classWeights(data, classWeight);
    this.#weights = data.mapped ? data.sampleWeights() : weightsOf(data, this.#labels, byClass);
    this.#ofMapped = data.mapped ? byClass : undefined;
    this.weighted = this.#weights !== undefined || this.#ofMapped !== undefined;
  }

  get length(): number {
    return this.data.length;
  }

  /** Bytes of one image in its stream, without padding. */
  get imageBytes(): number {
    return this.#size * BYTES[this.images.dtype];
  }

  /**
   * Writes row `row` of the data set as image `image` of step `step`. Throws a RangeError that names the row if it is
   * not finite.
   */
  write({ images, target, weight, teacher, number }: RowStreams, step: number, image: number, row: number): void {
    const at = ({ perStep, perImage }: Stream) => step * perStep + image * perImage;
    const made = images && this.#writeImage(images, at(images), row);
    if (target) this.#writeTarget(target, at(target), row, made?.y);
    if (weight) weight.data[at(weight)] = this.#weightOf(row, made?.y);
    if (teacher) this.#teacher!.write(teacher.data as Float32Array, at(teacher), row, made?.x);
    if (number) number.data[at(number)] = row;
  }

  /** Returns the row as the map made it; undefined without a map. */
  #writeImage({ data }: Stream, at: number, row: number): Row | undefined {
    if (this.images.dtype === "u8") {
      const from = this.data.index[row]! * this.#size;
      data.set(this.data.images.subarray(from, from + this.#size), at);
      return undefined;
    }
    const made = this.data.row(row, data as Float32Array, at);
    if (!this.data.mapped) return undefined;
    this.#finite(made.x, row);
    return made;
  }

  #weightOf(row: number, y: number | Float32Array | undefined): number {
    const weight = this.#weights?.[row] ?? 1;
    return typeof y === "number" ? weight * (this.#ofMapped?.get(y) ?? 1) : weight;
  }

  #finite(x: ArrayLike<number>, row: number): void {
    for (let i = 0; i < x.length; i++)
      if (!Number.isFinite(x[i])) throw wrongValue(`x[${row}][${i}]`, "finite number", x[i]);
  }

  /** `y`: the map's label or targets. */
  #writeTarget({ data }: Stream, at: number, row: number, y: number | Float32Array | undefined): void {
    const { shape } = this.#target;
    const each = size(shape);
    if (this.#labels) {
      const label = (y as number | undefined) ?? this.#labels[row]!;
      if (y !== undefined && (!shape.length || each > 1)) checkLabel(label, row, this.#classes);
      if (each === 1) data[at] = label;
      else {
        // one-hot
        data.fill(0, at, at + each);
        data[at + label] = 1;
      }
    } else if (y !== undefined) data.set(y as Float32Array, at);
    else if (this.#targets) data.set(this.#targets.subarray(row * each, (row + 1) * each), at);
  }
}

/**
 * Throws a RangeError if a label is not the number of a class: one that a map returned is known only when it is read.
 */
export function checkLabel(label: number, row: number, classes: number): void {
  if (!Number.isInteger(label) || label < 0 || label >= classes)
    throw wrongValue(`label of row ${row}`, `integer in 0..${classes - 1}`, label);
}

/**
 * Throws if the labels or targets of the data do not fit the loss; labels that pass through `map` are checked row by
 * row, as they are read. `target`: its type for one row; `classes`: number of
 * classes of the model.
 */
export function checkAnswers(data: Dataset, { shape }: Type, classes: number): void {
  const labels = data.labels();
  const targets = data.targets();
  if (!labels && !targets && size(data.targetShape) !== size(shape))
    throw new TypeError('"dataset" expected labels or targets, got rows without');
  if (labels) {
    if (!data.mapped && (!shape.length || size(shape) > 1)) checkLabels(labels, classes);
    return;
  }
  if (!shape.length) throw wrongType("dataset", "labels, which this loss compares with", targets);
  if (size(shape) !== size(data.targetShape))
    throw new RangeError(`"targets" expected ${showShape(shape)} a row, got ${showShape(data.targetShape)}`);
  if (targets) checkFinite("targets", targets, data.targetShape);
}

/** The weights of the classes that have one, checked. */
function classWeights(data: Dataset, classWeight: ClassWeight): ReadonlyMap<number, number> {
  if (typeof classWeight !== "object") throw wrongType("classWeight", "a weight for each class", classWeight);
  if (!data.labels()) throw wrongType("classWeight", "a dataset with labels", data.targets());
  const byClass = Object.entries(classWeight).map(
    ([label, weight]) => [Number(label), number(`classWeight[${label}]`, weight, { min: 0 })] as const,
  );
  for (const [label] of byClass)
    if (!Number.isInteger(label) || label < 0 || label >= data.classes)
      throw wrongValue("classWeight", `class numbers in 0..${data.classes - 1}`, label);
  return new Map(byClass);
}

/** Sample weights times class weights; undefined if all are 1. */
function weightsOf(
  data: Dataset,
  labels: Int32Array | undefined,
  byClass: ReadonlyMap<number, number> | undefined,
): Float32Array | undefined {
  const weights = data.sampleWeights();
  if (!byClass || !labels) return weights;
  return Float32Array.from(labels, (label, i) => (weights?.[i] ?? 1) * (byClass.get(label) ?? 1));
}
