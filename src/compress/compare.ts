/** Compares two networks on the same data: answers, errors, sizes and times. */
import { checkSignal, integer, knownOptions, naming, number, wrongType } from "../base/errors.ts";
import { showShape, size } from "../base/shape.ts";
import { textTable } from "../base/text-table.ts";
import { Dataset } from "../data/dataset.ts";
import { answers } from "../model/answers.ts";
import { Model } from "../model/model.ts";
import { type ReportRow, reportTable } from "../model/report.ts";
import { givenBy } from "../ops/traits.ts";
import { score } from "../train/score.ts";
import { Difference, type Errors, type LayerError, layerErrors } from "./layer-errors.ts";

export interface CompareOptions {
  /** The names of the two networks in tables. Default "a" and "b". */
  names?: readonly [a: string, b: string];
  /** Compares the outputs of layers too. Default true. */
  layers?: boolean;
  /** The greatest number of examples of changed answers. Default 10. */
  examples?: number;
  /** Milliseconds spent on the time of each network. Default 100. */
  milliseconds?: number;
  signal?: AbortSignal;
  /** Called now and then: samples done, of how many; each network sees all of them once or twice. */
  onProgress?: (done: number, total: number) => void;
}

/** A sample that the two networks answer differently. */
export interface ChangedAnswer {
  /** Its place in the data set, counted from 0. */
  readonly row: number;
  /** The class each network gives: its name where the network knows names, else its number as text. */
  readonly a: string;
  readonly b: string;
  /** The right one, of labelled data. */
  readonly label?: string;
}

export interface ChangedAnswers {
  readonly count: number;
  /** count / samples. */
  readonly share: number;
  /** The places of all of them in the data set. */
  readonly rows: readonly number[];
  /** For labelled data: the number of answers that became right, and of those that became wrong. */
  readonly mended?: number;
  readonly broken?: number;
  /** The first of them. */
  readonly examples: readonly ChangedAnswer[];
}

/** One of the networks: the last row of its report, with time and, on labelled data, accuracy. */
export interface Compared extends ReportRow {
  readonly name: string;
  /** Mean, of data with labels or targets. */
  readonly loss?: number;
}

/** The result of `compare`. */
export interface Comparison {
  readonly samples: number;
  readonly a: Compared;
  readonly b: Compared;
  /** Missing where outputs are no classes: data with targets, or outputs of several axes. */
  readonly changed?: ChangedAnswers;
  /** The error of the networks' outputs. */
  readonly output: Errors;
  /** The errors of layers with the same name and shape in both, in the order of `b`. */
  readonly layers: readonly LayerError[];
  /** Layers of `b` that `a` has not, or in another shape. */
  readonly unmatched: readonly string[];
  /** Tables. */
  toString(): string;
}

const OPTIONS = ["names", "layers", "examples", "milliseconds", "signal", "onProgress"];

/**
 * Runs two networks over a data set. They take the same samples and give as many numbers; float or integer, however
 * they were made. Bytes of the data become inputs as each network's own `preprocessing` says.
 *
 *     console.log(String(await compare(model, await quantizeStatic(model, { calibration }), test)));
 *
 * Layers correspond by name; batch normalization is folded into the layer in front of it first, as quantization does.
 * Errors: RangeError for data or networks that do not fit each other, AbortError by `signal`.
 */
export async function compare(a: Model, b: Model, data: Dataset, options: CompareOptions = {}): Promise<Comparison> {
  return naming("compare", () => compared(a, b, data, options));
}

async function compared(a: Model, b: Model, data: Dataset, options: CompareOptions): Promise<Comparison> {
  for (const [what, model] of Object.entries({ a, b }))
    if (!(model instanceof Model)) throw wrongType(what, "a Model", model);
  if (!(data instanceof Dataset)) throw wrongType("data", "a Dataset", data);
  knownOptions("compare", options, OPTIONS);
  const { names = ["a", "b"], layers = true, signal, onProgress } = options;
  const most = integer("examples", options.examples ?? 10, 0);
  const milliseconds = number("milliseconds", options.milliseconds ?? 100, { above: 0 });
  if (!Array.isArray(names) || names.length !== 2) throw wrongType("names", "two names", names);
  if (typeof layers !== "boolean") throw wrongType("layers", "a boolean", layers);
  checkSignal(signal);
  if (!data.length) throw new RangeError('"data" expected at least 1 row, got 0');
  const [ours, theirs] = [a, b].map(model => model.outputShape) as [Model["outputShape"], Model["outputShape"]];
  if (a.graph.results.length !== 1 || b.graph.results.length !== 1)
    throw new RangeError(
      `"b" expected a network with one output, as "a", got ${b.graph.results.length} and ${a.graph.results.length}`,
    );
  if (size(ours) !== size(theirs))
    throw new RangeError(`"b" expected outputs of ${showShape(ours)}, as "a" has them, got ${showShape(theirs)}`);

  const sides = [a, b].map(model => ({ model, data: asReadBy(model, data) })) as [Side, Side];
  const total = (layers ? 3 : 2) * data.length;
  const found: { row: Compared; outputs: Float32Array }[] = [];
  for (const [i, side] of sides.entries()) {
    found.push(await measured(side, names[i]!, milliseconds, signal));
    onProgress?.((i + 1) * data.length, total);
  }
  const [first, second] = found as [(typeof found)[0], (typeof found)[0]];
  const output = new Difference();
  output.add(first.outputs, second.outputs);
  const graphs = sides.map(({ model, data }) => ({ graph: model.graph, data })) as Parameters<typeof layerErrors>;
  const errors = layers
    ? await layerErrors(graphs[0], graphs[1], {
        signal,
        onProgress: done => onProgress?.(2 * data.length + done, total),
      })
    : { layers: [], unmatched: [] };
  if (layers) onProgress?.(total, total);
  const changed = changes(sides, first.outputs, second.outputs, most);
  const result = {
    samples: data.length,
    a: first.row,
    b: second.row,
    ...(changed && { changed }),
    output: output.errors,
    ...errors,
  };
  return { ...result, toString: () => text(result) };
}

/** A network, and the data as it reads them. */
interface Side {
  readonly model: Model;
  readonly data: Dataset;
}

const asReadBy = ({ preprocessing }: Model, data: Dataset): Dataset =>
  preprocessing && data.dtype === "u8" ? data.preprocess(preprocessing) : data;

async function measured(
  { model, data }: Side,
  name: string,
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<{ row: Compared; outputs: Float32Array }> {
  const { report, graph } = model;
  const weights = report.weights();
  const outputs = (await answers(await model.net(), "data", data, signal && { signal })) as Float32Array;
  const scores = data.labels() || data.targets() ? score(outputs, data, graph) : undefined;
  if (scores) report.learnScores(weights, { scores, samples: data.length });
  await report.measure({ milliseconds, ...(signal && { signal }) });
  return { row: { name, ...report.rows.at(-1)!, ...(scores && { loss: scores.loss }) }, outputs };
}

/** The class that outputs stand for. */
function answer(outputs: Float32Array, threshold: number): number {
  if (outputs.length === 1) return outputs[0]! > threshold ? 1 : 0;
  let best = 0;
  for (let i = 1; i < outputs.length; i++) if (outputs[i]! > outputs[best]!) best = i;
  return best;
}

/** A single output is a probability, or a logit. */
const thresholdOf = ({ graph }: Model): number =>
  ["probabilities", "distribution"].includes(givenBy(graph.results[0]!) ?? "") ? 0.5 : 0;

function changes(
  sides: readonly [Side, Side],
  a: Float32Array,
  b: Float32Array,
  most: number,
): ChangedAnswers | undefined {
  const [{ data, model }, other] = sides;
  if (data.targets() || model.outputShape.length !== 1) return undefined;
  const labelled = data.labels() !== undefined;
  const each = size(model.outputShape);
  const thresholds = [thresholdOf(model), thresholdOf(other.model)] as const;
  const named = (label: number): string =>
    model.labels?.[label] ?? other.model.labels?.[label] ?? data.classNames?.[label] ?? String(label);
  const rows: number[] = [];
  const examples: ChangedAnswer[] = [];
  let mended = 0;
  let broken = 0;
  for (let row = 0; row < data.length; row++) {
    const [before, after] = [a, b].map((outputs, i) =>
      answer(outputs.subarray(row * each, (row + 1) * each), thresholds[i]!),
    ) as [number, number];
    if (before === after) continue;
    rows.push(row);
    const label = labelled ? (data.answer(row) as number) : undefined;
    if (label === after) mended++;
    if (label === before) broken++;
    if (examples.length === most) continue;
    examples.push({ row, a: named(before), b: named(after), ...(label !== undefined && { label: named(label) }) });
  }
  const judged = labelled && { mended, broken };
  return { count: rows.length, share: rows.length / data.length, rows, ...judged, examples };
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const decibels = (sqnr: number): string => (sqnr === Infinity ? "equal" : `${sqnr.toFixed(1)} dB`);

function text({ samples, a, b, changed, output, layers, unmatched }: Omit<Comparison, "toString">): string {
  const parts = [reportTable([a, b].map(({ name, ...row }) => ({ ...row, step: name })))];
  if (changed) {
    const { count, share, mended, broken, examples } = changed;
    const judged = mended === undefined ? "" : `, ${mended} of them to the right one, ${broken} from it`;
    parts.push(`${count} of ${samples} answers changed (${percent(share)})${judged}`);
    const heads = ["sample", a.name, b.name, ...(mended === undefined ? [] : ["right"])];
    if (count)
      parts.push(
        textTable([
          heads,
          ...examples.map(e => [String(e.row), e.a, e.b, ...(e.label === undefined ? [] : [e.label])]),
        ]),
      );
  }
  const errors = [...layers.map(({ layer, ...rest }) => ({ name: layer, ...rest })), { name: "outputs", ...output }];
  const rows = errors.map(e => [e.name, e.meanError.toPrecision(3), e.maxError.toPrecision(3), decibels(e.sqnr)]);
  parts.push(textTable([["layer", "mean error", "greatest", "SQNR"], ...rows]));
  if (unmatched.length) parts.push(`not compared: ${unmatched.join(", ")}`);
  return parts.join("\n\n");
}
