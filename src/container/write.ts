/**
 * A graph becomes a `.penjing` file: what differs from the usual is written, what follows from the rest is not (docs/container.md).
 * It holds the graph as it was built, unfused, and its states; never addresses, kernels or programs.
 */
import { ByteWriter, crc32 } from "../base/bytes.ts";
import { knownOptions, PenjingError, show, wrongType, wrongValue } from "../base/errors.ts";
import { allocate, type DType, type Shape, sameShape, showShape, size } from "../base/shape.ts";
import type { Graph, Node, Quantization, Type, Value } from "../graph/graph.ts";
import { encode, TENSOR_CODECS } from "./codecs.ts";
import { NameWriter, type Order, usualNames } from "./names.ts";
import { STORED } from "./op-numbers.ts";
import {
  CODEC_OF,
  DTYPES,
  type Extras,
  MAGIC,
  NODE,
  RESULTS,
  SECTION,
  type SectionName,
  STATE,
  STATE_MORE,
  VERSION,
} from "./sections.ts";
import { type OpNumbers, type Stored, sameValue, usualQuantization } from "./stored.ts";

export interface WriteOptions extends Extras {
  /** Keep the names of layers and weights. Default: true; the names that a reader would give anyway are never written. */
  names?: boolean;
}

/**
 * The bytes of a file. Errors: `unsupported` for what a file cannot hold (an op of training, a mask not baked, a fused op),
 * `graph` for a state without contents; each names the layer.
 */
export function write(graph: Graph, options: WriteOptions = {}, ops: OpNumbers = STORED): Uint8Array<ArrayBuffer> {
  knownOptions("write", options, ["names", "labels", "preprocessing", "metadata"]);
  const { names = true, labels, preprocessing, metadata } = options;
  const body = new GraphWriter(graph, ops);
  const sections: [SectionName, Uint8Array][] = [
    ["graph", body.structure.bytes()],
    ["tensors", body.tensors.bytes()],
  ];
  if (names && !usualNames(body.order)) sections.push(["names", namesOf(body.order)]);
  if (labels !== undefined) sections.push(["labels", textsOf("labels", labels)]);
  if (preprocessing !== undefined) sections.push(["preprocessing", jsonOf("preprocessing", preprocessing)]);
  if (metadata !== undefined) sections.push(["metadata", jsonOf("metadata", metadata)]);

  const file = new ByteWriter();
  for (const byte of MAGIC) file.u8(byte);
  file.u8((sections.length << 4) | VERSION);
  for (const [name, bytes] of sections) {
    file.u8((SECTION[name] << 4) | CODEC_OF[name]);
    file.varint(bytes.length);
    file.raw(bytes);
  }
  file.u32(crc32(file.bytes()));
  return file.bytes();
}

/** The bytes the contents of one state take in a file, without its scales. */
export const storedBytes = (value: Value): number => encode(dataOf(value), value.type.dtype).bytes.length;

class GraphWriter {
  readonly structure = new ByteWriter();
  readonly tensors = new ByteWriter();
  readonly order: Order = [];
  readonly #numbers: Map<string, number>;
  readonly #ops: OpNumbers;
  /** Values in the order a reader makes them. */
  readonly #place = new Map<Value, number>();
  /** What input 0 of the next node usually is. */
  #current: Value | undefined;

  constructor(graph: Graph, ops: OpNumbers) {
    this.#ops = ops;
    this.#numbers = new Map(Object.entries(ops).map(([number, { op }]) => [op.name, Number(number)]));
    const inputs = graph.leaves.filter(leaf => leaf.leaf === "input");
    this.structure.varint(inputs.length);
    for (const input of inputs) this.#input(input);
    this.#current = inputs[0];
    for (const node of graph.nodes) this.#node(node);
    this.#results(graph);
  }

  #input(leaf: Value): void {
    const { shape, dtype, quantization, batched } = leaf.type;
    if (!batched) throw unsupported(leaf.name, "an input that is not one of each image");
    if (shape.length > 15) throw unsupported(leaf.name, `an input of ${shape.length} axes`);
    this.structure.u8(DTYPES.indexOf(dtype) | (quantization ? 8 : 0) | (shape.length << 4));
    for (const n of shape) this.structure.varint(n);
    if (quantization) this.#quantization(quantization, leaf.name);
    this.#know(leaf);
    this.order.push({ leaf });
  }

  #node(node: Node): void {
    const number = this.#numbers.get(node.op.name);
    const stored = number === undefined ? undefined : this.#ops[number];
    if (number === undefined || stored === undefined || number === RESULTS)
      throw unsupported(node.name, `op "${node.op.name}": a file holds networks that run, unfused and baked`);
    const attrs = attributesOf(node, stored);
    const present = attrs.reduce((bits, { given }, i) => bits | (given ? 1 << i : 0), 0);
    const listed = !this.#inputsAreUsual(node, stored);
    const inferred = node.op.infer(
      node.inputs.map(v => v.type),
      node.attrs,
    );
    const quantized = chosen(node) !== undefined;
    const retyped = !node.outputs.every((v, i) => sameType(v.type, inferred[i]!));
    const { plain, quantized: requantized, listed: listedOnly, general } = NODE.shape;
    const shape = retyped || (quantized && listed) ? general : quantized ? requantized : listed ? listedOnly : plain;

    this.structure.varint(number * 8 + shape * 2 + (present ? NODE.attributes : 0));
    if (shape === general)
      this.structure.u8(
        (listed ? NODE.more.listed : 0) | (retyped ? NODE.more.retyped : 0) | (quantized ? NODE.more.quantized : 0),
      );
    if (present) {
      this.structure.varint(present);
      for (const { given, field, value } of attrs) if (given) field.write(this.structure, value);
    }
    this.order.push({ node });
    if (listed) this.structure.varint(node.inputs.length);
    node.inputs.forEach((input, i) => {
      const known = this.#place.get(input);
      if (listed) this.structure.varint(known === undefined ? 0 : this.#place.size - known);
      if (known === undefined) this.#state(input, node, i, stored);
    });
    if (quantized) this.#quantization(chosen(node)!, node.name);
    if (retyped) for (const output of node.outputs) this.#retyped(output.type, node.name);
    for (const output of node.outputs) this.#know(output);
    this.#current = node.outputs[0];
  }

  /** Input 0 is the value before, the others are new and as many as the op has parameters. */
  #inputsAreUsual(node: Node, stored: Stored): boolean {
    const [first, ...rest] = node.inputs;
    return (
      first === this.#current &&
      rest.length === stored.parameters.length &&
      new Set(rest).size === rest.length &&
      rest.every(v => v.leaf !== undefined && !this.#place.has(v))
    );
  }

  #state(leaf: Value, node: Node, i: number, stored: Stored): void {
    if (leaf.leaf !== "state")
      throw unsupported(
        node.name,
        leaf.leaf ? `a leaf of kind "${leaf.leaf}"` : "a value that no node before it makes",
      );
    if (leaf.type.batched) throw unsupported(leaf.name, "a state that is one of each image");
    const before = node.inputs.slice(0, i).map(v => v.type);
    const parameter = stored.parameters[i - 1];
    const { shape, dtype, quantization } = leaf.type;
    const template = parameter?.shape(before, node.attrs);
    const shaped = !template || !fits(shape, template);
    const usual = usualQuantization(parameter, before, shape, quantization?.scale);
    const derived = quantization !== undefined && usual !== undefined && sameQuantization(quantization, usual);
    const more = (leaf.frozen ? STATE_MORE.frozen : 0) | (quantization && !derived ? STATE_MORE.quantization : 0);
    const { codec, bytes } = encode(dataOf(leaf), dtype);

    this.structure.u8(
      DTYPES.indexOf(dtype) |
        (TENSOR_CODECS.indexOf(codec) << STATE.codecShift) |
        (shaped ? STATE.shaped : 0) |
        (derived ? STATE.quantized : 0) |
        (more ? STATE.more : 0),
    );
    if (more) this.structure.u8(more);
    if (shaped) this.structure.varint(shape.length);
    shape.forEach((n, axis) => {
      if (shaped || template![axis] === 0) this.structure.varint(n);
    });
    if (quantization && !derived) {
      this.structure.varint(quantization.axis === undefined ? 0 : quantization.axis + 1);
      this.structure.signed(quantization.zeroPoint);
    }
    if (quantization && !(derived && parameter?.quantized === "product")) this.#scales(quantization, leaf.name);
    this.tensors.raw(bytes);
    this.#know(leaf);
    this.order.push({ leaf, node, ...(parameter && { parameter }) });
  }

  /** Output types that do not follow: element type and quantization of each. */
  #retyped({ dtype, quantization, batched }: Type, layer: string): void {
    this.structure.u8(DTYPES.indexOf(dtype) | (quantization ? 8 : 0) | (batched ? 16 : 0));
    if (quantization) this.#quantization(quantization, layer);
  }

  /** Of a value that is one of each image: one zero point in a byte, one scale. */
  #quantization(quantization: Quantization, layer: string): void {
    const { zeroPoint, axis, scale } = quantization;
    if (axis !== undefined || scale.length !== 1) throw unsupported(layer, "activations with more than one scale");
    if (!Number.isInteger(zeroPoint) || zeroPoint < -128 || zeroPoint > 127)
      throw unsupported(layer, `a zero point of ${zeroPoint}`);
    this.structure.u8(zeroPoint + 128);
    this.#scales(quantization, layer);
  }

  #scales({ scale }: Quantization, layer: string): void {
    for (const s of scale) {
      if (!(s > 0) || s === Infinity) throw unsupported(layer, `a scale of ${s}`);
      this.tensors.f32(s);
    }
  }

  #results(graph: Graph): void {
    if (graph.results.length === 0) throw new PenjingError("graph", "the graph has no result to run for");
    if (graph.results.length === 1 && graph.results[0] === this.#current && graph.nodes.length > 0) return;
    this.structure.varint(RESULTS);
    this.structure.varint(graph.results.length);
    for (const result of graph.results) {
      const known = this.#place.get(result);
      if (known === undefined) throw new PenjingError("graph", "a result of the graph is made by none of its nodes");
      this.structure.varint(this.#place.size - known);
    }
  }

  #know(value: Value): void {
    this.#place.set(value, this.#place.size);
  }
}

// ---------------------------------------------------------------- attributes and types

function attributesOf(node: Node, stored: Stored) {
  const attrs = node.attrs as Record<string, unknown>;
  const fields = Object.entries(stored.fields);
  for (const key of Object.keys(attrs))
    if (attrs[key] !== undefined && key !== "quantization" && !(key in stored.fields))
      throw unsupported(node.name, `attribute "${key}" of op "${node.op.name}"`);
  const types = node.inputs.map(v => v.type);
  return fields.map(([key, field]) => {
    const value = attrs[key];
    return { field, value, given: value !== undefined && !sameValue(value, field.usual(types.slice(0, 1))) };
  });
}

/** The quantization a node chooses for its output. */
const chosen = (node: Node): Quantization | undefined => (node.attrs as { quantization?: Quantization }).quantization;

const sameType = (a: Type, b: Type): boolean =>
  a.dtype === b.dtype &&
  a.batched === b.batched &&
  sameShape(a.shape, b.shape) &&
  (a.quantization === b.quantization ||
    (a.quantization !== undefined && b.quantization !== undefined && sameQuantization(a.quantization, b.quantization)));

const sameQuantization = (a: Quantization, b: Quantization): boolean =>
  a.zeroPoint === b.zeroPoint &&
  a.axis === b.axis &&
  a.scale.length === b.scale.length &&
  a.scale.every((s, i) => s === b.scale[i]);

const fits = (shape: Shape, template: Shape): boolean =>
  shape.length === template.length && shape.every((n, axis) => template[axis] === 0 || template[axis] === n);

function dataOf(leaf: Value) {
  const { shape, dtype } = leaf.type;
  const expected = allocate(dtype as DType, 0).constructor;
  if (!leaf.data) throw new PenjingError("graph", `state "${leaf.name}" has no contents to store`, { path: leaf.name });
  if (leaf.data.constructor !== expected || leaf.data.length !== size(shape))
    throw new PenjingError(
      "graph",
      `state "${leaf.name}" is ${dtype} of ${showShape(shape)} but its contents are ${show(leaf.data)}`,
      { path: leaf.name },
    );
  return leaf.data;
}

const unsupported = (layer: string, what: string): PenjingError =>
  new PenjingError("unsupported", `"${layer}" cannot be stored: ${what}`, { path: layer });

// ---------------------------------------------------------------- optional sections

function namesOf(order: Order): Uint8Array {
  const to = new NameWriter();
  for (const { leaf, node } of order) to.name((leaf ?? node!).name);
  return to.bytes();
}

function textsOf(what: string, texts: readonly string[]): Uint8Array {
  if (!Array.isArray(texts)) throw wrongType(what, "an array of strings", texts);
  const to = new ByteWriter();
  to.varint(texts.length);
  for (const text of texts) {
    if (typeof text !== "string") throw wrongType(what, "an array of strings", text);
    to.text(text);
  }
  return to.bytes();
}

function jsonOf(what: string, value: object): Uint8Array {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw wrongType(what, "an object", value);
  try {
    return new TextEncoder().encode(JSON.stringify(value));
  } catch {
    throw wrongValue(what, "what JSON can say", value);
  }
}
