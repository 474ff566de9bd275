/**
 * Writes a graph as a `.penjing` file: non-default properties are written, whatever follows from the rest is not
 * (docs/container.md). It holds the graph as it was built, unfused, and its states; never addresses, kernels or
 * programs.
 */
import { ByteWriter } from "../base/byte-writer.ts";
import { knownOptions, PenjingError, show, wrongType, wrongValue } from "../base/errors.ts";
import { allocate, type Shape, sameShape, showShape, size } from "../base/shape.ts";
import type { Graph, KernelLayout, Node, Quantization, Type, Value } from "../graph/graph.ts";
import { crc32 } from "../kernels/bits.ts";
import { UNSTORED } from "../ops/index.ts";
import { encode } from "./codecs/encode.ts";
import type { Extras } from "./extras.ts";
import { DTYPES, INPUT, MAGIC, NODE, RESULTS, STATE, VERSION } from "./format.ts";
import { INPUT_NAME, makerOf, Names, RESULT_NAME, resultName, stateName } from "./names.ts";
import { STORED } from "./op-numbers.ts";
import {
  count,
  type Field,
  index,
  type Kind,
  type OpNumbers,
  productOfScales,
  real,
  type StoredOp,
  signed,
  usualValue,
} from "./stored.ts";

export interface WriteOptions extends Extras {
  /**
   * Keep the names of layers and weights. Default: true. Default names are never written; those of inputs and outputs
   * are always kept.
   */
  names?: boolean;
}

/**
 * Returns the bytes of a file. Errors: `unsupported` for what a file cannot hold (an op of training, a mask not baked,
 * a fused op), `graph` for a state without contents; each names the layer.
 */
export function write(graph: Graph, options: WriteOptions = {}, ops: OpNumbers = STORED): Uint8Array<ArrayBuffer> {
  knownOptions("write", options, ["names", "name", "labels", "preprocessing", "metadata"]);
  const { names = true, name, labels, preprocessing, metadata } = options;
  const written = new GraphWriter(graph, ops, names);
  const { renamed, layouts } = written;
  const description = {
    ...(Object.keys(renamed).length > 0 && { names: renamed }),
    ...(Object.keys(layouts).length > 0 && { layouts }),
    ...(name !== undefined && { name: text(name) }),
    ...(labels !== undefined && { labels: texts("labels", labels) }),
    ...(preprocessing !== undefined && { preprocessing: sayable("preprocessing", preprocessing) }),
    ...(metadata !== undefined && { metadata: sayable("metadata", metadata) }),
  };
  const contents = new ByteWriter();
  contents.text(Object.keys(description).length > 0 ? JSON.stringify(description) : "");
  const structure = written.bytes();
  contents.varint(structure.length);
  contents.raw(structure);
  contents.raw(written.tensors());

  const file = new ByteWriter();
  for (const byte of MAGIC) file.u8(byte);
  file.u8(VERSION);
  file.varint(contents.length);
  file.u32(crc32(contents.bytes()));
  file.raw(contents.bytes());
  return file.bytes();
}

/** The size of one state's contents in a file, in bytes, without its scales. */
export function storedBytes(value: Value): number {
  const to = new ByteWriter();
  writeTensor(to, value);
  return to.length;
}

/** Writes the number of the smallest codec, the length in bytes, and the bytes. */
function writeTensor(to: ByteWriter, value: Value): void {
  const { codec, bytes } = encode(dataOf(value));
  to.varint(codec);
  to.varint(bytes.length);
  to.raw(bytes);
}

class GraphWriter {
  /** Default name of a layer, leaf or result -> its name, if the two differ and the name is kept. */
  readonly renamed: Record<string, string> = {};
  /** Name of a kernel in the file -> its axis order for users, if it is not that of the op that reads it. */
  readonly layouts: Record<string, KernelLayout> = {};
  readonly #keepsNames: boolean;
  /** The name a reader will give each node. */
  readonly #nodeNames = new Map<Node, string>();
  readonly #to = new ByteWriter();
  readonly #tensors = new ByteWriter();
  readonly #names = new Names();
  readonly #numbers: Map<string, number>;
  readonly #ops: OpNumbers;
  /** Position of each value in the order of the reader. */
  readonly #place = new Map<Value, number>();

  constructor(graph: Graph, ops: OpNumbers, keepsNames: boolean) {
    this.#ops = ops;
    this.#keepsNames = keepsNames;
    this.#numbers = new Map(Object.entries(ops).map(([number, { op }]) => [op.name, Number(number)]));
    const inputs = graph.leaves.filter(leaf => leaf.leaf === "input");
    this.#to.varint(inputs.length);
    for (const input of inputs) this.#input(input);
    for (const node of graph.nodes) this.#node(node);
    this.#results(graph);
  }

  bytes(): Uint8Array {
    return this.#to.bytes();
  }

  /** The contents of all states, in graph order. */
  tensors(): Uint8Array {
    return this.#tensors.bytes();
  }

  #input(leaf: Value): void {
    const { shape, dtype, quantization, batched } = leaf.type;
    if (!batched) throw unsupported(leaf.name, "an input that is not one of each image");
    if (shape.length > 15) throw unsupported(leaf.name, `an input of ${shape.length} axes`);
    this.#to.u8(DTYPES.indexOf(dtype) | (quantization ? INPUT.quantized : 0) | (shape.length << INPUT.axesShift));
    for (const n of shape) this.#to.varint(n);
    if (quantization) this.#activationQuantization(quantization, leaf.name, dtype === "u8" ? 0 : -128);
    this.#name(INPUT_NAME, leaf.name, true);
    this.#know(leaf);
  }

  #node(node: Node): void {
    const number = this.#numbers.get(node.op.name);
    const stored = number === undefined ? undefined : this.#ops[number];
    if (number === undefined || stored === undefined || number === RESULTS)
      throw unsupported(node.name, `op "${node.op.name}": ${UNSTORED[node.op.name]?.refused ?? PLAIN}`);
    demandInferred(node);
    const attrs = attributesOf(node, stored);
    const present = attrs.reduce((bits, { given }, i) => bits | (given ? 1 << i : 0), 0);
    const listed = !this.#inputsAreUsual(node, stored);
    const quantization = chosen(node);

    this.#to.varint(
      number * 8 + (present ? NODE.attributes : 0) + (quantization ? NODE.quantized : 0) + (listed ? NODE.listed : 0),
    );
    this.#nodeNames.set(node, this.#name(node.op.name, node.name));
    if (listed) {
      this.#to.varint(node.inputs.length);
      // A state is new at its first use, in this node or in an earlier one.
      let met = this.#place.size;
      const fresh = new Map<Value, number>();
      for (const input of node.inputs) {
        const place = this.#place.get(input) ?? fresh.get(input);
        this.#to.varint(place === undefined ? 0 : met - place);
        if (place === undefined) fresh.set(input, met++);
      }
    }
    node.inputs.forEach((input, i) => {
      if (!this.#place.has(input)) this.#state(input, node, i, stored);
      if (i > 0 || !present) return;
      this.#to.varint(present);
      for (const { given, field, value } of attrs) if (given) this.#attribute(field, value);
    });
    if (quantization) this.#activationQuantization(quantization, node.name);
    // Other outputs are for training.
    this.#know(node.outputs[0]!);
  }

  /** True if input 0 is the previous value, and the others are new states, one for each parameter of the op. */
  #inputsAreUsual(node: Node, stored: StoredOp): boolean {
    const [first, ...rest] = node.inputs;
    return (
      this.#place.get(first!) === this.#place.size - 1 &&
      rest.length === stored.parameters.length &&
      new Set(rest).size === rest.length &&
      rest.every(v => v.leaf !== undefined && !this.#place.has(v))
    );
  }

  #attribute({ of, usual }: Field<any>, value: any): void {
    if (!of) return;
    if (typeof of !== "function") this.#to.varint(of.indexOf(value));
    else if (typeof usual === "number") KINDS.get(of)!(this.#to, value);
    else {
      if (!Array.isArray(usual)) this.#to.varint(value.length);
      for (const n of value) KINDS.get(of)!(this.#to, n);
    }
  }

  #state(leaf: Value, node: Node, i: number, stored: StoredOp): void {
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
    const scale = parameter?.product ? productOfScales(before, shape[0])?.() : quantization?.scale;
    const usual = quantization && scale && sameQuantization(quantization, { scale, zeroPoint: 0, axis: 0 });
    if (quantization && quantization.scale.length !== (quantization.axis === undefined ? 1 : shape[quantization.axis]))
      throw unsupported(leaf.name, `${quantization.scale.length} scales of ${showShape(shape)}`);

    this.#to.varint(
      DTYPES.indexOf(dtype) |
        (shaped ? STATE.shaped : 0) |
        (leaf.frozen ? STATE.frozen : 0) |
        (!quantization ? 0 : usual ? STATE.quantized : STATE.scaled),
    );
    if (shaped) this.#to.varint(shape.length);
    shape.forEach((n, axis) => {
      if (shaped || template![axis] === 0) this.#to.varint(n);
    });
    if (quantization && !usual) {
      this.#to.varint(quantization.axis === undefined ? 0 : quantization.axis + 1);
      this.#to.signed(quantization.zeroPoint);
    }
    if (quantization && !(usual && parameter?.product)) this.#scales(quantization, leaf.name);
    writeTensor(this.#tensors, leaf);
    const name = this.#name(stateName(this.#nodeNames.get(node)!, parameter?.name), leaf.name);
    if (leaf.layout) this.layouts[name] = leaf.layout;
    this.#know(leaf);
  }

  /**
   * Writes the quantization of a batched value: one zero point in a byte, counted from the least value of the type, and
   * one scale.
   */
  #activationQuantization(quantization: Quantization, layer: string, least = -128): void {
    const { zeroPoint, axis, scale } = quantization;
    if (axis !== undefined || scale.length !== 1) throw unsupported(layer, "activations with more than one scale");
    if (!Number.isInteger(zeroPoint) || zeroPoint < least || zeroPoint > least + 255)
      throw unsupported(layer, `a zero point of ${zeroPoint}`);
    this.#to.u8(zeroPoint - least);
    this.#scales(quantization, layer);
  }

  #scales({ scale }: Quantization, layer: string): void {
    for (const s of scale) {
      if (!(s > 0) || s === Infinity) throw unsupported(layer, `a scale of ${s}`);
      this.#to.f32(s);
    }
  }

  #results(graph: Graph): void {
    const last = this.#place.size;
    const distances = graph.results.map(result => {
      const place = this.#place.get(result);
      if (place === undefined) throw new PenjingError("graph", "a result of the graph is made by none of its nodes");
      return last - place;
    });
    if (distances.length === 0) throw new PenjingError("graph", "the graph has no result to run for");
    for (const result of graph.results) {
      const usual = this.#names.unique(RESULT_NAME);
      const maker = makerOf(result);
      if (maker && this.#nodeNames.get(maker) !== resultName(result)) this.renamed[usual] = resultName(result);
    }
    if (distances.length === 1 && distances[0] === 1) return;
    this.#to.varint(RESULTS);
    this.#to.varint(distances.length);
    for (const distance of distances) this.#to.varint(distance);
  }

  /** Records a name, if names are kept or `keep` says so; returns the name the reader will give. */
  #name(usual: string, name: string, keep = this.#keepsNames): string {
    const given = this.#names.unique(usual);
    if (!keep) return given;
    if (given !== name) this.renamed[given] = name;
    return name;
  }

  #know(value: Value): void {
    this.#place.set(value, this.#place.size);
  }
}

// ---------------------------------------------------------------- attributes and types

/** Writers of attribute numbers, the inverses of their readers. */
const KINDS = new Map<Kind, (to: ByteWriter, value: number) => void>([
  [index, (to, value) => to.varint(value)],
  [count, (to, value) => to.varint(value - 1)],
  [signed, (to, value) => to.signed(value)],
  [real, (to, value) => to.f64(value)],
]);

function attributesOf(node: Node, stored: StoredOp) {
  const attrs = node.attrs as Record<string, unknown>;
  if (attrs.relu)
    throw unsupported(node.name, "an activation fused into its layer is not stored: store the graph as it was built");
  for (const key of Object.keys(attrs))
    if (attrs[key] !== undefined && key !== "quantization" && key !== "relu" && !(key in stored.fields))
      throw unsupported(node.name, `attribute "${key}" of op "${node.op.name}"`);
  return Object.entries(stored.fields as Record<string, Field>).map(([key, field]) => {
    const value = attrs[key];
    return { field, value, given: value !== undefined && !sameValue(value, usualValue(field, node.inputs[0]!.type)) };
  });
}

/** Compares numbers, flags, words and lists of them. */
const sameValue = (a: unknown, b: unknown): boolean =>
  Array.isArray(a) && Array.isArray(b)
    ? a.length === b.length && a.every((v, i) => Object.is(v, b[i]))
    : Object.is(a, b);

/** The quantization that a node's attributes choose for its output. */
const chosen = (node: Node): Quantization | undefined => (node.attrs as { quantization?: Quantization }).quantization;

/** Throws if an output has another type than the op infers: a reader restores types by inference. */
function demandInferred({ name, op, inputs, attrs, outputs }: Node): void {
  const inferred = op.infer(
    inputs.map(v => v.type),
    attrs,
  );
  if (!outputs.every(({ type }, i) => sameType(type, inferred[i]!)))
    throw unsupported(name, "an output of another type than its op infers");
}

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
  const expected = allocate(dtype, 0).constructor;
  if (!leaf.data) throw new PenjingError("graph", `state "${leaf.name}" has no contents to store`, { path: leaf.name });
  if (leaf.data.constructor !== expected || leaf.data.length !== size(shape))
    throw new PenjingError(
      "graph",
      `state "${leaf.name}" is ${dtype} of ${showShape(shape)} but its contents are ${show(leaf.data)}`,
      { path: leaf.name },
    );
  return leaf.data;
}

/** The form of the networks that files hold. */
const PLAIN = "a file holds networks that run, unfused and baked";

const unsupported = (layer: string, what: string): PenjingError =>
  new PenjingError("unsupported", `"${layer}" cannot be stored: ${what}`, { path: layer });

// ---------------------------------------------------------------- the description

function text(name: unknown): string {
  if (typeof name !== "string") throw wrongType("name", "a string", name);
  return name;
}

function texts(what: string, list: readonly string[]): readonly string[] {
  if (!Array.isArray(list)) throw wrongType(what, "an array of strings", list);
  for (const text of list) if (typeof text !== "string") throw wrongType(what, "an array of strings", text);
  return list;
}

function sayable(what: string, value: object): object {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw wrongType(what, "an object", value);
  try {
    JSON.stringify(value);
    return value;
  } catch {
    throw wrongValue(what, "what JSON can say", value);
  }
}
