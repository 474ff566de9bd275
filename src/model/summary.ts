/** The layers of a model, and their table for `model.summary()`. */
import { wrongType } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { BYTES, type Shape, size } from "../base/shape.ts";
import { type Graph, isLearned, type Node, type Value } from "../graph/graph.ts";
import { holdsInt8 } from "../ops/quantized/int8-types.ts";
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

/** One layer of a model. */
export interface ModelLayer {
  readonly name: string;
  /** The names of its ops, in order. */
  readonly ops: readonly string[];
  /** Shape of one sample. */
  readonly outputShape: Shape;
  /** Number of elements of its weights, including moving statistics. */
  readonly parameters: number;
  /** Number of those that optimizers may change. */
  readonly trainableParameters: number;
  /**
   * True if optimizers may change its weights. False freezes them; a frozen batch normalization also keeps its
   * statistics.
   */
  trainable: boolean;
  /** Names of its weights. */
  readonly weights: readonly string[];
  /** The layers, or inputs, it reads. */
  readonly connectedTo: readonly string[];
}

const countOf = (some: readonly Value[]): number => some.reduce((sum, v) => sum + size(v.type.shape), 0);

/** Number of elements of these weights that optimizers may change: none in an integer network. */
const trainableOf = (graph: Graph, weights: readonly Value[]): number =>
  holdsInt8(graph) ? 0 : countOf(weights.filter(v => !v.frozen));

/** The layer that consists of these nodes. */
export function layerOf(graph: Graph, name: string, nodes: readonly Node[]): ModelLayer {
  const own = new Set(nodes.flatMap(n => n.inputs));
  const weights = weightsOf(graph).filter(v => own.has(v) || v.name.startsWith(`${name}/`));
  const inputs = nodes.flatMap(n => n.inputs).filter(v => v.leaf === "input" || (v.node && !nodes.includes(v.node)));
  return {
    name,
    ops: nodes.map(n => n.op.name),
    outputShape: nodes.at(-1)!.outputs[0]!.type.shape,
    parameters: countOf(weights),
    get trainableParameters() {
      return trainableOf(graph, weights);
    },
    weights: weights.map(v => v.name),
    connectedTo: [...new Set(inputs.map(v => v.node?.name ?? v.name))],
    get trainable() {
      const parameters = weights.filter(v => isLearned(v.role));
      return parameters.length === 0 || parameters.some(v => !v.frozen);
    },
    set trainable(trainable: boolean) {
      if (typeof trainable !== "boolean") throw wrongType("trainable", "a boolean", trainable);
      for (const v of weights) if (isLearned(v.role)) v.frozen = !trainable;
    },
  };
}

/** Returns the layer of that name; throws a RangeError that lists them if there is none. */
export function layerNamed(graph: Graph, name: string): ModelLayer {
  const layers = layersOf(graph);
  const found = layers.find(l => l.name === name);
  if (found) return layerOf(graph, found.name, found.nodes);
  const names = layers.map(l => l.name).join(", ");
  throw new RangeError(`"layer" expected one of ${names}, got ${JSON.stringify(name)}`);
}

/** Number of elements of all weights, including moving statistics. */
export const parametersOf = (graph: Graph): number => countOf(weightsOf(graph));

interface Summarized {
  readonly name: string;
  readonly graph: Graph;
  readonly layers: readonly ModelLayer[];
}

/** Separates thousands, as in Keras: 44,426. Independent of the locale, so that the text is the same everywhere. */
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

  const weights = weightsOf(graph);
  const all = countOf(weights);
  const trainable = trainableOf(graph, weights);
  const bytes = weights.reduce((sum, v) => sum + size(v.type.shape) * BYTES[v.type.dtype], 0);
  const total = (what: string, n: number, bytes: number): string => `${what}: ${counted(n)} (${sized(bytes)})`;
  return [
    `Model: "${model.name}"`,
    rule,
    line(rows[0]!),
    rule,
    ...rows.slice(1).map(line),
    rule,
    total("Total params", all, bytes),
    ...(holdsInt8(graph)
      ? ["Trainable params: 0 (a network of integers)"]
      : [
          total("Trainable params", trainable, 4 * trainable),
          total("Non-trainable params", all - trainable, 4 * (all - trainable)),
        ]),
  ]
    .map(printable)
    .join("\n");
}

/** Formats sizes as Keras does: 1 KB = 1024 bytes. */
function sized(n: number): string {
  if (n < 1024) return `${n.toFixed(2)} B`;
  return n < 1024 ** 2 ? `${(n / 1024).toFixed(2)} KB` : `${(n / 1024 ** 2).toFixed(2)} MB`;
}
