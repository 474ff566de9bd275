/** Pages about models: the effect of each step, and the distribution of bytes and multiply-accumulates over layers. */
import { naming, wrongType } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { analyze, type LayerAnalysis } from "../compress/analyze.ts";
import { Model } from "../model/model.ts";
import type { ReportRow } from "../model/report.ts";
import { barChart } from "./charts.ts";
import { grouped, percent, ratio } from "./numbers.ts";
import { type PageOptions, titleOf } from "./options.ts";
import { type PageBlock, type PageCell, type PageSection, page } from "./page.ts";

export interface ModelPageOptions extends PageOptions {
  /** Another model, whose layers of the same names stand beside those of this one. Default: none. */
  before?: Model;
}

/**
 * Makes a page about a model by the rows of its report: sizes, time and accuracy after each step, and its layers. It
 * omits what has not been measured: call `await model.report.measure({ data })` first.
 *
 *     await writeFile("pruned.html", await modelPage(pruned, { title: "LeNet-5, pruned" }));
 *
 * Errors: PenjingError `missing` if the packages that draw charts are not installed.
 */
export async function modelPage(model: Model, options: ModelPageOptions = {}): Promise<string> {
  return naming("modelPage", () => written(model, options));
}

async function written(model: Model, { before, ...options }: ModelPageOptions): Promise<string> {
  if (!(model instanceof Model)) throw wrongType("model", "a Model", model);
  if (before !== undefined && !(before instanceof Model)) throw wrongType("before", "a Model", before);
  const title = titleOf("modelPage", options, model.name, ["before"]);
  const { rows } = model.report;
  const last = rows.at(-1)!;
  const sections = [...(rows.length > 1 ? [await stepsSection(rows)] : []), await layersSection(model, before)];
  const figures = { blocks: [{ figures: figuresOf(rows[0]!, last) }] };
  return page({ title, summary: rows.map(({ step }) => step).join(" → "), sections: [figures, ...sections] });
}

function figuresOf(first: ReportRow, last: ReportRow): [string, string][] {
  const figures: [string, string][] = [];
  const named = (name: string, ratio: string | undefined) => (ratio ? `${name}, ${ratio}` : name);
  const { bytes, macs, micros, accuracy } = last;
  if (bytes) figures.push([named("bytes", ratio(first.bytes ?? bytes, bytes)), grouped(bytes)]);
  figures.push([named("multiply-accumulates", ratio(first.macs, macs)), grouped(macs)]);
  if (micros !== undefined) figures.push(["time of a sample", `${micros.toFixed(1)} us`]);
  if (accuracy !== undefined) figures.push(["accuracy", percent(accuracy)]);
  return figures;
}

/** The table of reports, without empty columns. */
export function rowsTable(rows: readonly (ReportRow & { readonly name?: string })[]) {
  const first = rows[0]!;
  const columns: [head: string, cell: (row: ReportRow) => PageCell][] = [
    ["parameters", row => row.parameters],
    ["non-zeros", row => row.nonZeros],
    ["MACs", row => row.macs],
    ["bytes", row => row.bytes],
    ["smaller", row => (row.bytes && first.bytes ? `${(first.bytes / row.bytes).toFixed(1)}x` : undefined)],
    ["us", row => (row.micros === undefined ? undefined : Number(row.micros.toFixed(1)))],
    ["accuracy", row => (row.accuracy === undefined ? undefined : percent(row.accuracy))],
  ];
  const kept = columns.filter(([, cell]) => rows.some(row => cell(row) !== undefined));
  return {
    table: {
      heads: ["", ...kept.map(([head]) => head)],
      rows: rows.map(row => [row.name ?? row.step, ...kept.map(([, cell]) => cell(row))]),
    },
  };
}

/** Describes how time and accuracy were measured. */
export function measuredHow(rows: readonly ReportRow[]): string {
  const parts: string[] = [];
  const timed = rows.find(row => row.timing);
  if (timed)
    parts.push(
      `us: microseconds of one sample, the median of ${timed.timing!.runs} calls (${timed.timing!.variant} kernels).`,
    );
  const judged = rows.find(row => row.samples !== undefined);
  if (judged) parts.push(`Accuracy: on ${grouped(judged.samples!)} samples.`);
  return parts.join(" ");
}

async function stepsSection(rows: readonly ReportRow[]): Promise<PageSection> {
  const names = rows.map(({ step }) => step);
  const bars = async (title: string, of: (row: ReportRow) => number | undefined) => {
    const values = rows.map(row => of(row) ?? 0);
    const series = [{ name: title, values }];
    return { svg: await barChart({ title, names, series, x: { label: title }, format: grouped }) };
  };
  const options = rows.filter(row => row.options);
  const how = measuredHow(rows);
  return {
    title: "Steps",
    blocks: [
      rowsTable(rows),
      ...(how ? [{ text: how }] : []),
      ...(rows.some(row => row.bytes) ? [await bars("bytes of the file", row => row.bytes)] : []),
      ...(rows.some(row => row.macs !== rows[0]!.macs) ? [await bars("multiply-accumulates", row => row.macs)] : []),
      ...options.map(row => ({ text: `${row.step}: ${optionsText(row.options!)}` })),
    ],
  };
}

/** Writes names and values without the quotes and braces of JSON: "keep (macs 0.5), score l1". */
const optionsText = (options: object): string =>
  Object.entries(options)
    .map(([name, value]) => `${name} ${optionText(value)}`)
    .join(", ");

function optionText(value: unknown): string {
  if (Array.isArray(value)) return value.map(optionText).join(" ");
  return typeof value === "object" && value ? `(${optionsText(value)})` : String(value);
}

async function layersSection(model: Model, before: Model | undefined): Promise<PageSection> {
  const { layers } = analyze(model);
  const earlier = new Map((before ? analyze(before).layers : []).map(layer => [layer.name, layer]));
  const weighted = layers.filter(layer => layer.parameters > 0);
  const chart = async (title: string, of: (layer: LayerAnalysis) => number, percent = false): Promise<PageBlock> => {
    const of0 = (layer: LayerAnalysis | undefined) => (layer ? of(layer) : 0);
    const series = [
      ...(before ? [{ name: "before", values: weighted.map(({ name }) => of0(earlier.get(name))) }] : []),
      { name: before ? "after" : title, values: weighted.map(of) },
    ];
    const names = weighted.map(({ name }) => name);
    return {
      svg: await barChart({ title, names, series, x: { label: title, percent }, ...(!percent && { format: grouped }) }),
    };
  };
  const zeros = ({ parameters, nonZeros }: LayerAnalysis) => (parameters ? 1 - nonZeros / parameters : 0);
  const charts = weighted.length
    ? [
        await chart("bytes of a layer in the file", l => l.bytes),
        await chart("multiply-accumulates of a layer", l => l.macs),
        ...(weighted.some(layer => zeros(layer) >= 0.1) ? [await chart("zeros in a layer", zeros, true)] : []),
      ]
    : [];
  const shape = (layer: LayerAnalysis): string => {
    const [was, is] = [earlier.get(layer.name)?.outputShape ?? layer.outputShape, layer.outputShape].map(showShape);
    return was === is ? is! : `${was} → ${is}`;
  };
  const heads = ["layer", "op", "output", "parameters", "zeros", "MACs", "bytes"];
  const rows = layers.map(l => [
    l.name,
    l.op,
    shape(l),
    l.parameters,
    l.parameters ? percent(zeros(l)) : undefined,
    l.macs,
    l.bytes,
  ]);
  return { title: "Layers", blocks: [...charts, { table: { heads, rows } }] };
}
