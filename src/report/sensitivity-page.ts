/** The results of `sensitivity` as a picture and as a page. */
import { wrongType } from "../base/errors.ts";
import type { Sensitivity, SensitivityTo } from "../compress/sensitivity.ts";
import type { Scores } from "../train/trainer.ts";
import { lineChart } from "./charts.ts";
import { grouped, percent } from "./numbers.ts";
import { type PageOptions, titleOf } from "./options.ts";
import { page } from "./page.ts";

const LABELS: Readonly<Record<SensitivityTo, string>> = {
  sparsity: "sparsity of the layer",
  channels: "share of channels removed from the layer",
  bits: "bits a weight of the layer",
};

const isShare = ({ metric }: Sensitivity): boolean => metric !== "loss";

function checkSensitivity(what: string, found: Sensitivity): void {
  if (!found?.strengths || !found.layers) throw wrongType(what, "what sensitivity returns", found);
}

/**
 * An SVG with a line per layer, the score against the strength; with many layers, a panel for each. The dashed line is
 * the unchanged network. Errors: PenjingError `missing` if the packages that draw charts are not installed.
 */
export async function sensitivityChart(found: Sensitivity): Promise<string> {
  checkSensitivity("sensitivityChart", found);
  const { of, metric, scores, strengths, layers } = found;
  return lineChart({
    title: `${metric} against ${LABELS[of]}`,
    x: { label: LABELS[of], values: strengths, percent: of !== "bits" },
    y: { label: metric, percent: isShare(found) },
    reference: scores[metric]!,
    series: layers.map(({ layer, points }) => ({
      name: layer,
      points: points.map(({ strength, scores }) => [strength, scores[metric]!] as const),
    })),
  });
}

/** A page with the chart, and a table with cells tinted by the loss. */
export async function sensitivityPage(found: Sensitivity, options: PageOptions = {}): Promise<string> {
  checkSensitivity("sensitivityPage", found);
  const title = titleOf("sensitivityPage", options, "Sensitivity of layers");
  const { of, metric, samples, scores, strengths, layers } = found;
  const shown = (of: Scores) => (isShare(found) ? percent(of[metric]!) : of[metric]!.toFixed(4));
  const lost = (of: Scores) => (metric === "loss" ? of.loss - scores.loss : scores[metric]! - of[metric]!);
  const most = Math.max(...layers.flatMap(({ points }) => points.map(point => lost(point.scores))));
  const strength = (s: number) => (of === "bits" ? `${s} bits` : `${Number((100 * s).toFixed(2))} %`);
  const method = `The ${metric} on ${grouped(samples)} samples with one layer changed alone, without training.`;
  return page({
    title,
    summary: `${method} The network as it is: ${shown(scores)}.`,
    sections: [
      {
        title: `Against ${LABELS[of]}`,
        blocks: [
          { svg: await sensitivityChart(found), caption: "The dashed line is the network as it is." },
          {
            table: {
              heads: ["layer", "weights", ...strengths.map(strength)],
              rows: layers.map(({ layer, weights, points }) => [layer, weights, ...points.map(p => shown(p.scores))]),
              shade: (row, column) =>
                column < 2 || most <= 0 ? undefined : lost(layers[row]!.points[column - 2]!.scores) / most,
            },
          },
        ],
      },
    ],
  });
}
