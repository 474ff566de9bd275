/** How large a network is and where: the numbers that compression is judged by. */
import { wrongType } from "../base/errors.ts";
import { type Shape, showShape, size } from "../base/shape.ts";
import { storedBytes } from "../container/index.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { Model } from "../model/model.ts";
import { COST, type OpName } from "../ops/index.ts";
import { bake } from "../passes/bake.ts";
import { QuantizedModel } from "./quantize.ts";

export interface LayerAnalysis {
  name: string;
  /** The op that has its weights, or its first one. */
  op: string;
  /** Of one image. */
  outputShape: Shape;
  /** Numbers in its weights; those it shares count where they are first used. */
  parameters: number;
  /** Of those, how many are not zero. */
  nonZeros: number;
  /** Multiply-accumulates of one image, zeros included. */
  macs: number;
  /** What its weights and their scales take in the file. */
  bytes: number;
}

export interface Analysis {
  /** Bytes of the parameters as float32. */
  original: number;
  /** Bytes of the network's file with every weight stored as float32. */
  float: number;
  /** Bytes of the network's file as it is saved. */
  compressed: number;
  /** original / compressed. */
  ratio: number;
  parameters: number;
  nonZeros: number;
  macs: number;
  layers: LayerAnalysis[];
  /** A table, layer by layer, and the sizes. */
  toString(): string;
}

/** Masked weights count as zeros: what is analyzed is what `bake()` gives and `save` writes. Errors as `save`'s. */
export function analyze(model: Model | QuantizedModel): Analysis {
  if (!(model instanceof Model) && !(model instanceof QuantizedModel))
    throw wrongType("model", "a Model or a QuantizedModel", model);
  const saved = model instanceof Model ? model.bake() : model;
  const layers = analyzeLayers(saved.graph);
  const sum = (of: (layer: LayerAnalysis) => number) => layers.reduce((total, layer) => total + of(layer), 0);
  const original = 4 * model.parameters;
  const compressed = saved.toBytes().length;
  const analysis = {
    original,
    float: floatBytes(model instanceof Model ? saved.graph : model.float, saved),
    compressed,
    ratio: original / compressed,
    parameters: sum(layer => layer.parameters),
    nonZeros: sum(layer => layer.nonZeros),
    macs: sum(layer => layer.macs),
    layers,
  };
  return { ...analysis, toString: () => table(analysis) };
}

/** Without zeros no weight is stored sparsely. */
function floatBytes(from: Graph, { labels, preprocessing, metadata }: Model | QuantizedModel): number {
  const graph = bake(from);
  for (const v of graph.leaves) if (v.data) v.data = new Float32Array(v.data.length).fill(1);
  const extras = {
    ...(labels && { labels }),
    ...(preprocessing && { preprocessing }),
    ...(metadata && { metadata }),
  };
  return new Model(graph, extras).toBytes().length;
}

/** The layers of a graph of floats or integers, in order. */
export function analyzeLayers(graph: Graph): LayerAnalysis[] {
  const seen = new Set<Value>();
  const nodes = new Map<string, Node[]>();
  for (const node of graph.nodes) nodes.set(node.name, [...(nodes.get(node.name) ?? []), node]);
  return [...nodes].map(([name, own]) => {
    const weights = [...new Set(own.flatMap(n => n.inputs))].filter(v => v.leaf === "state" && !seen.has(v));
    for (const v of weights) seen.add(v);
    const weighted = own.find(n => n.inputs.some(v => v.leaf === "state")) ?? own[0]!;
    return {
      name,
      op: weighted.op.name,
      outputShape: own.at(-1)!.outputs[0]!.type.shape,
      parameters: weights.reduce((sum, v) => sum + size(v.type.shape), 0),
      nonZeros: weights.reduce((sum, v) => sum + nonZeros(v), 0),
      macs: own.reduce((sum, n) => sum + COST[n.op.name as OpName](n).macs, 0),
      bytes: weights.reduce((sum, v) => sum + storedBytes(v) + scaleBytes(v), 0),
    };
  });
}

function nonZeros({ data }: Value): number {
  let count = 0;
  for (const x of data ?? []) if (x !== 0) count++;
  return count;
}

/** Scales of int32 biases follow from those of inputs and weights. */
const scaleBytes = ({ type }: Value): number => (type.dtype === "i8" ? 4 * (type.quantization?.scale.length ?? 0) : 0);

function table({ original, float, compressed, ratio, layers, ...totals }: Omit<Analysis, "toString">): string {
  const bytes = layers.reduce((sum, layer) => sum + layer.bytes, 0);
  const rows = [
    ["layer", "op", "output", "parameters", "non-zeros", "MACs", "bytes"],
    ...layers.map(l => [
      l.name,
      l.op,
      showShape(l.outputShape),
      ...[l.parameters, l.nonZeros, l.macs, l.bytes].map(String),
    ]),
    ["all", "", "", ...[totals.parameters, totals.nonZeros, totals.macs, bytes].map(String)],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  const cell = (text: string, column: number) =>
    column < 3 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!);
  const sizes = `parameters as float32 ${original} bytes, float file ${float}, this file ${compressed}: ${ratio.toFixed(2)} times smaller`;
  return [...rows.map(row => row.map(cell).join("  ")), sizes].join("\n");
}
