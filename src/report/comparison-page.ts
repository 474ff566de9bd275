/** The results of `compare` as a page. */
import { wrongType } from "../base/errors.ts";
import type { Comparison } from "../compress/compare.ts";
import { barChart } from "./charts.ts";
import { measuredHow, rowsTable } from "./model-page.ts";
import { decibels, grouped, percent } from "./numbers.ts";
import { type PageOptions, titleOf } from "./options.ts";
import { type PageBlock, page } from "./page.ts";

/** A page with both networks, the changed classifications, and the error of each layer. */
export async function comparisonPage(found: Comparison, options: PageOptions = {}): Promise<string> {
  if (!found?.a || !found.output) throw wrongType("comparisonPage", "what compare returns", found);
  const { samples, a, b, changed } = found;
  const title = titleOf("comparisonPage", options, `${a.name} and ${b.name}`);
  const sections = [
    { title: "The networks", blocks: [rowsTable([a, b]), { text: measuredHow([a, b]) }] },
    ...(changed ? [{ title: "Answers", blocks: answersOf(found, changed) }] : []),
    { title: "Errors", blocks: await errorsOf(found) },
  ];
  return page({ title, summary: `Compared on ${grouped(samples)} samples.`, sections });
}

function answersOf({ a, b, samples }: Comparison, changed: NonNullable<Comparison["changed"]>): PageBlock[] {
  const { count, share, mended, broken, examples } = changed;
  const labelled = mended !== undefined;
  const figures: [string, string][] = [
    ["answers changed", `${grouped(count)} of ${grouped(samples)}`],
    ["share", percent(share)],
    ...(labelled
      ? ([
          ["became right", grouped(mended)],
          ["became wrong", grouped(broken!)],
        ] as [string, string][])
      : []),
  ];
  if (!count) return [{ figures }];
  const heads = ["sample", a.name, b.name, ...(labelled ? ["right"] : [])];
  const rows = examples.map(e => [e.row, e.a, e.b, ...(labelled ? [e.label] : [])]);
  return [{ figures }, { table: { heads, rows } }];
}

async function errorsOf({ output, layers, unmatched }: Comparison): Promise<PageBlock[]> {
  const errors = [...layers.map(({ layer, ...rest }) => ({ name: layer, ...rest })), { name: "outputs", ...output }];
  const finite = errors.filter(({ sqnr }) => sqnr !== Infinity);
  const title = "signal to noise, dB";
  const chart = {
    title,
    names: finite.map(({ name }) => name),
    series: [{ name: title, values: finite.map(({ sqnr }) => sqnr) }],
    x: { label: `${title} (more is better)` },
    format: (db: number) => db.toFixed(1),
  };
  return [
    ...(finite.length ? [{ svg: await barChart(chart) }] : []),
    {
      table: {
        heads: ["layer", "mean error", "greatest error", "signal to noise"],
        rows: errors.map(e => [e.name, e.meanError.toPrecision(3), e.maxError.toPrecision(3), decibels(e.sqnr)]),
      },
    },
    ...(unmatched.length
      ? [{ text: `Not compared, for want of a layer of that name and shape: ${unmatched.join(", ")}.` }]
      : []),
  ];
}
