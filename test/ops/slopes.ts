/** Gradients against the slopes of evaluate, in float64: a gradient rule must match the specification. */
import type { Graph } from "../../src/graph/graph.ts";
import { evaluated, expectClose, type Feed } from "./planned.ts";

const STEP = 1e-6;

/**
 * `graph`: results [y ..., d(sum of upstream * y) / d(wrt) ...], as from withGradients; `outputs`: the number of y. Do
 * not feed points without a slope (x = 0 of a relu).
 */
export function expectSlopes(
  graph: Graph,
  feed: Feed,
  batch: number,
  wrt: readonly string[],
  { outputs = 1, tolerance = 1e-6 } = {},
): void {
  const gradients = evaluated(graph, feed, batch).slice(outputs);
  const wanted = graph.results.slice(0, outputs);
  wrt.forEach((name, k) => {
    const at = Float64Array.from(feed[name]!);
    const total = () =>
      evaluated(graph, { ...feed, [name]: at }, batch, wanted).reduce(
        (sum, y, o) => y.data.reduce((s, v, i) => s + v * feed[`upstream ${o}`]![i]!, sum),
        0,
      );
    const slope = at.map((x, i) => {
      at[i] = x + STEP;
      const above = total();
      at[i] = x - STEP;
      const below = total();
      at[i] = x;
      return (above - below) / (2 * STEP);
    });
    expectClose(gradients[k]!.data, slope, `d ${name}`, tolerance);
  });
}
