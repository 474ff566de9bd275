/** The size of a network and of its layers: the numbers that compression is judged by. */

import { wrongType } from "../base/errors.ts";
import { type Shape, showShape, size } from "../base/shape.ts";
import { textTable } from "../base/text-table.ts";
import { read, storedBytes } from "../container/index.ts";
import { Graph, type Node, type Type, type Value } from "../graph/graph.ts";
import { Model } from "../model/model.ts";
import { nonZeros } from "../model/weights.ts";
import { COST, type OpName } from "../ops/index.ts";
import { traitsOf } from "../ops/traits.ts";

/** One layer's part. */
export interface LayerAnalysis {
  name: string;
  /** The op that has its weights, or its first one. */
  op: string;
  /** Multiply-accumulates of one sample. */
  outputShape: Shape;
  /** Numbers in its weights; those it shares count where they are first used. */
  parameters: number;
  /** The number of those that are not zero. */
  nonZeros: number;
  /** Multiply-accumulates of one image, zeros included. */
  macs: number;
  /** Bytes that its weights and their scales take in the file. */
  bytes: number;
}

/** Sizes in bytes, and the part each layer has in them. */
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

/**
 * Masked weights count as zeros: what is analyzed is what `save` writes. What was folded before quantizing (batch
 * normalization) is not counted. Errors as `save`'s.
 */
export function analyze(model: Model): Analysis {
  if (!(model instanceof Model)) throw wrongType("model", "a Model", model);
  return analysis(model.bake(), model.toBytes());
}

/** The same of the bytes of a `.penjing` file, float or int8. Errors: as `read`'s. */
export function analyzeFile(bytes: Uint8Array): Analysis {
  if (!(bytes instanceof Uint8Array)) throw wrongType("bytes", "Uint8Array", bytes);
  const { graph, ...extras } = read(bytes);
  return analysis(new Model(graph, extras), bytes);
}

function analysis(model: Model, file: Uint8Array): Analysis {
  const { graph } = model;
  const sizes = {
    original: 4 * model.parameters,
    float: floatBytes(model.kind === "integer" ? floatForm(graph) : graph, model),
    compressed: file.length,
  };
  const layers = analyzeLayers(graph);
  const sum = (of: (layer: LayerAnalysis) => number) => layers.reduce((total, layer) => total + of(layer), 0);
  const found = {
    ...sizes,
    ratio: sizes.original / sizes.compressed,
    parameters: sum(layer => layer.parameters),
    nonZeros: sum(layer => layer.nonZeros),
    macs: sum(layer => layer.macs),
    layers,
  };
  return { ...found, toString: () => table(found) };
}

/** The file of a float graph in which every weight takes all its bits, with what `of` keeps besides. */
function floatBytes(from: Graph, of: Model): number {
  const { graph } = from.copy();
  // all different, and with all their bits: no codec makes them smaller
  const full = (_: number, i: number) => -1 - ((2 * i + 1) % 2 ** 23) * 2 ** -23;
  for (const v of graph.leaves) if (v.leaf === "state") v.data = new Float32Array(size(v.type.shape)).map(full);
  const { regularizers: _, hooks: __, float: ___, ...extras } = of.parts();
  return new Model(graph, extras).toBytes().length;
}

/**
 * A graph of integers with every value float: its structure, without numbers, and without what stands where integers
 * begin, change or end.
 */
function floatForm(from: Graph): Graph {
  const graph = new Graph();
  const of = new Map<Value, Value>();
  for (const v of from.leaves) {
    const type: Type = { shape: v.type.shape, dtype: "f32", batched: v.type.batched };
    of.set(v, v.leaf === "state" ? graph.state(v.role!, v.name, type) : graph.leaf(v.leaf!, v.name, type));
  }
  for (const node of from.nodes) {
    const { op, name, attrs, inputs, outputs } = node;
    const operands = inputs.map(v => of.get(v)!);
    const { quantization: _, ...rest } = attrs as { quantization?: unknown };
    const made = traitsOf(node).int8 === "border" ? operands : graph.scope(name, () => graph.add(op, operands, rest));
    outputs.forEach((o, i) => of.set(o, made[i]!));
  }
  graph.results = from.results.map(v => of.get(v)!);
  graph.prune();
  return graph;
}

function analyzeLayers(graph: Graph): LayerAnalysis[] {
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
  const files = `float file ${float}, this file ${compressed}`;
  const sizes = `parameters as float32 ${original} bytes, ${files}: ${ratio.toFixed(2)} times smaller`;
  return `${textTable(rows, 3)}\n${sizes}`;
}
