/** The table that `model.summary()` gives. */
import { printable } from "../base/printable.ts";
import { type Shape, size } from "../base/shape.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { weightsOf } from "./weights.ts";

/** The nodes of each layer, in the order in which layers first appear. */
export function layersOf(graph: Graph): { name: string; nodes: Node[] }[] {
  const layers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    const nodes = layers.get(node.name);
    if (nodes) nodes.push(node);
    else layers.set(node.name, [node]);
  }
  return [...layers].map(([name, nodes]) => ({ name, nodes }));
}

interface Summarized {
  readonly name: string;
  readonly graph: Graph;
  readonly layers: readonly {
    readonly name: string;
    readonly ops: readonly string[];
    readonly outputShape: Shape;
    readonly parameters: number;
    readonly connectedTo: readonly string[];
  }[];
}

/** Thousands apart, as Keras prints them: 44,426. Not by the host's language, so that the text is the same everywhere. */
const counted = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

const shown = (shape: Shape): string => `(${["batch", ...shape].join(", ")})`;

export function summaryOf(model: Summarized): string {
  const { graph } = model;
  const inputs = graph.leaves.filter(v => v.leaf === "input");
  const rows = [
    ["Layer (ops)", "Output shape", "Param #", "Connected to"],
    ...inputs.map(v => [`${v.name} (input)`, shown(v.type.shape), "0", ""]),
    ...model.layers.map(l => [
      `${l.name} (${l.ops.join(" + ")})`,
      shown(l.outputShape),
      counted(l.parameters),
      l.connectedTo.join(", "),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 2 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd();
  const rule = "-".repeat(widths.reduce((sum, w) => sum + w + 2, -2));

  const count = (some: readonly Value[]): number => some.reduce((sum, v) => sum + size(v.type.shape), 0);
  const weights = weightsOf(graph);
  const trainable = count(weights.filter(v => !v.frozen));
  const all = count(weights);
  const total = (what: string, n: number): string => `${what}: ${counted(n)} (${bytes(n * 4)})`;
  return [
    `Model: "${model.name}"`,
    rule,
    line(rows[0]!),
    rule,
    ...rows.slice(1).map(line),
    rule,
    total("Total params", all),
    total("Trainable params", trainable),
    total("Non-trainable params", all - trainable),
  ]
    .map(printable)
    .join("\n");
}

/** Sizes as Keras prints them: 1 KB = 1024 bytes. */
function bytes(n: number): string {
  if (n < 1024) return `${n.toFixed(2)} B`;
  return n < 1024 ** 2 ? `${(n / 1024).toFixed(2)} KB` : `${(n / 1024 ** 2).toFixed(2)} MB`;
}
