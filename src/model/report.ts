/**
 * The report of a model: bytes, parameters, multiply-accumulates, time and accuracy after each step that made it. Rows
 * of earlier steps were computed when the next step began, so that no earlier model is kept alive. The last row is
 * computed on access.
 */
import { checkSignal, knownOptions, naming, number, wrongType } from "../base/errors.ts";
import { size, type TypedArray } from "../base/shape.ts";
import { textTable } from "../base/text-table.ts";
import { Dataset } from "../data/dataset.ts";
import type { Graph } from "../graph/graph.ts";
import { bake } from "../passes/bake.ts";
import type { Net, NetOptions } from "../run/net.ts";
import type { Scores } from "../train/trainer.ts";
import { statesOf } from "./file.ts";
import { type Timed, timeOf } from "./timing.ts";
import { nonZeros, weightsOf } from "./weights.ts";

/** Time and accuracy; absent until they are measured. */
export interface Measured extends Partial<Timed> {
  /** The fraction of correct answers among `samples` labelled samples. */
  readonly accuracy?: number;
  readonly samples?: number;
}

/** A model after one step. */
export interface ReportRow extends Measured {
  /**
   * The function that made it, such as "pruneOnce"; in the first row "float" or "integer", for a model as built or
   * loaded.
   */
  readonly step: string;
  /** The options of the step, as JSON. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Size of its file in bytes. Absent if it cannot be saved. */
  readonly bytes?: number;
  /** Number of elements of all weights, including moving statistics. */
  readonly parameters: number;
  /** Number of those that are not zero; masked elements count as zero. */
  readonly nonZeros: number;
  /** Multiply-accumulates of one sample, including those with zeros. */
  readonly macs: number;
}

/** The parts of a report that a model made from this one takes over. */
export interface ReportParts {
  readonly before: readonly ReportRow[];
  readonly step: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly measured?: Taken<Measured>;
}

export interface MeasureOptions {
  /** Labelled samples for the accuracy. Default: it is not measured. */
  data?: Dataset;
  /** Milliseconds of timing, after a quarter of that to warm up. At least 5 calls are timed. Default 100. */
  milliseconds?: number;
  signal?: AbortSignal;
}

/** The parts of a model that its report reads. */
interface Reported {
  readonly graph: Graph;
  readonly kind: "float" | "integer";
  readonly macs: number;
  readonly labels: object | undefined;
  readonly preprocessing: object | undefined;
  toBytes(): Uint8Array;
  net(options?: NetOptions): Promise<Net>;
  evaluate(data: Dataset, options: { metrics: ["accuracy"]; signal?: AbortSignal }): Promise<Scores>;
}

type Counts = Pick<ReportRow, "bytes" | "parameters" | "nonZeros" | "macs">;

/**
 * The type of `model.report`: it prints as a table and converts to JSON. Nothing is computed or measured before it is
 * accessed.
 */
export class Report {
  readonly #model: Reported;
  readonly #before: readonly ReportRow[];
  readonly #step: string;
  readonly #options: ReportRow["options"];
  #counts: Taken<Counts> | undefined;
  #measured: Taken<Measured> | undefined;

  /** @internal */
  constructor(model: Reported, parts?: ReportParts) {
    this.#model = model;
    this.#before = parts?.before ?? [];
    this.#step = parts?.step ?? model.kind;
    this.#options = parts?.options;
    this.#measured = parts?.measured;
  }

  /** One row per step, in order; the last one is the current model. */
  get rows(): readonly ReportRow[] {
    return [...this.#before, this.#row()];
  }

  /**
   * Measures the time of one sample, and the accuracy if there are data; both stay in the last row until the weights
   * change. `evaluate` with the metric "accuracy" and the validation of `fit` record an accuracy there too.
   *
   *     console.log(String(await model.report.measure({ data: test })));
   */
  async measure(options: MeasureOptions = {}): Promise<this> {
    return naming("measure", async () => {
      knownOptions("measure", options, ["data", "milliseconds", "signal"]);
      const { data, signal } = options;
      const milliseconds = number("milliseconds", options.milliseconds ?? 100, { above: 0 });
      checkSignal(signal);
      if (data !== undefined && !(data instanceof Dataset && data.classes))
        throw wrongType("data", "a Dataset with labels", data);
      if (data) await this.#model.evaluate(data, { metrics: ["accuracy"], ...(signal && { signal }) });
      const weights = this.weights();
      this.learn(weights, await timeOf(await this.#model.net({ capacity: 1 }), milliseconds, signal));
      return this;
    });
  }

  /** Formats all rows as a table; with columns for time and accuracy if a row has them. */
  toString(): string {
    return reportTable(this.rows);
  }

  toJSON(): { rows: readonly ReportRow[] } {
    return { rows: this.rows };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** @internal For a copy of the model. */
  parts(): ReportParts {
    const measured = this.#measured?.holds(this.weights()) ? this.#measured : undefined;
    const options = this.#options;
    return { before: this.#before, step: this.#step, ...(options && { options }), ...(measured && { measured }) };
  }

  /** @internal For the model that a step makes from this one. */
  followedBy(step: string, options?: ReportRow["options"]): ReportParts {
    return { before: this.rows, step, ...(options && { options }) };
  }

  /** @internal The current weights, on which outputs depend: to be passed along with measurements. */
  weights(): Weights {
    const { graph, preprocessing } = this.#model;
    return [preprocessing, ...statesOf(graph).map(leaf => leaf.data!)];
  }

  /** @internal Records a measurement, together with others of the same weights. */
  learn(weights: Weights, found: Measured): void {
    const known = this.#measured?.holds(weights) ? this.#measured.value : {};
    this.#measured = new Taken(weights, { ...known, ...found });
  }

  /** @internal Records the accuracy among the scores of labelled samples, if there is one. */
  learnScores(weights: Weights, { scores, samples }: { scores: Scores; samples: number }): void {
    const { accuracy } = scores;
    if (accuracy !== undefined) this.learn(weights, { accuracy, samples });
  }

  /** @internal Takes over the measurements of a model with the same outputs. */
  learnFrom(other: Report): void {
    const { accuracy, samples } = other.#row();
    if (accuracy !== undefined && samples !== undefined) this.learn(this.weights(), { accuracy, samples });
  }

  #row(): ReportRow {
    const weights = this.weights();
    const contents = [this.#model.labels, ...weights];
    if (!this.#counts?.holds(contents)) this.#counts = new Taken(contents, countsOf(this.#model));
    const measured = this.#measured?.holds(weights) ? this.#measured.value : {};
    const options = this.#options && { options: this.#options };
    return { step: this.#step, ...options, ...this.#counts.value, ...measured };
  }
}

/** Objects that are replaced, never changed, when a model changes. */
type Weights = readonly (TypedArray | object | undefined)[];

/** A value computed for these weights. It keeps none of them alive. */
class Taken<T> {
  readonly value: T;
  readonly #of: readonly (WeakRef<object> | undefined)[];

  constructor(weights: Weights, value: T) {
    this.value = value;
    this.#of = weights.map(w => w && new WeakRef(w));
  }

  holds(weights: Weights): boolean {
    return weights.length === this.#of.length && weights.every((w, i) => w === this.#of[i]?.deref());
  }
}

function countsOf(model: Reported): Counts {
  const { graph } = model.graph.copy();
  bake(graph);
  const weights = weightsOf(graph);
  const bytes = bytesOf(model);
  return {
    ...(bytes !== undefined && { bytes }),
    parameters: weights.reduce((sum, v) => sum + size(v.type.shape), 0),
    nonZeros: weights.reduce((sum, v) => sum + nonZeros(v), 0),
    macs: model.macs,
  };
}

/**
 * Returns undefined if it cannot be saved: `save` throws the reason, but a step that makes another model from it should
 * not fail.
 */
function bytesOf(model: Reported): number | undefined {
  try {
    return model.toBytes().length;
  } catch {
    return undefined;
  }
}

/** Formats rows of several reports as one table; sizes are relative to those of the first row. */
export function reportTable(rows: readonly ReportRow[]): string {
  const first = rows[0]!;
  const times = (row: ReportRow): string =>
    row.bytes && first.bytes ? `${(first.bytes / row.bytes).toFixed(1)}x` : "";
  const columns: [head: string, cell: (row: ReportRow) => string][] = [
    ["step", row => row.step],
    ["parameters", row => String(row.parameters)],
    ["non-zeros", row => String(row.nonZeros)],
    ["MACs", row => String(row.macs)],
    ["bytes", row => String(row.bytes ?? "")],
    ["smaller", times],
  ];
  if (rows.some(row => row.micros !== undefined)) columns.push(["us/sample", row => row.micros?.toFixed(1) ?? ""]);
  if (rows.some(row => row.accuracy !== undefined))
    columns.push(["accuracy", row => (row.accuracy === undefined ? "" : `${(100 * row.accuracy).toFixed(2)} %`)]);
  return textTable([columns.map(([head]) => head), ...rows.map(row => columns.map(([, cell]) => cell(row)))]);
}
