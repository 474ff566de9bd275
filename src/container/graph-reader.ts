/** Reads the graph of files of versions 2 and 3 (docs/container.md). */
import type { Budget } from "../base/budget.ts";
import type { ByteReader } from "../base/bytes.ts";
import { type Shape, size } from "../base/shape.ts";
import type { Graph, Quantization, Type, Value } from "../graph/graph.ts";
import type { Parameter } from "../graph/stored.ts";
import {
  demandInputs,
  dtypeOf,
  GraphBuilder,
  type Naming,
  productQuantization,
  readPresent,
  readScales,
  withUsual,
} from "./builder.ts";
import { decode } from "./codecs/decode.ts";
import { INPUT, NODE, RESULTS, STATE, STATE_2 } from "./format.ts";
import { Names, RESULT_NAME } from "./names.ts";
import { index, type OpNumbers, type StoredOp, signed, storedValue } from "./stored.ts";

export interface GraphSource {
  /**
   * The bytes of the graph. In version 2 each tensor follows its state here; in version 3 all of them are in `tensors`.
   */
  from: ByteReader;
  tensors?: ByteReader;
  /** Default name of a layer, leaf or result -> its name, if the two differ. */
  renamed: Readonly<Record<string, string>>;
  ops: OpNumbers;
  budget: Budget;
}

export function readGraph({ from, tensors, renamed, ops, budget }: GraphSource): Graph {
  const names = new Names();
  const nameOf: Naming = usual => {
    const given = names.unique(usual);
    return Object.hasOwn(renamed, given) ? renamed[given]! : given;
  };
  const builder = new GraphBuilder(from, ops, nameOf, budget);
  const { graph, values } = builder;
  const known = (distance: number) => builder.known(distance);

  for (let left = from.varint(); left > 0; left--) builder.input(inputType(from));
  while (from.left && !graph.results.length) {
    const head = from.varint();
    if (head === RESULTS) graph.results = from.list(index).map(known);
    else values.push(readNode(head, from, builder, tensors === undefined)[0]!);
  }
  if (from.left) throw new RangeError(`${from.left} bytes follow its end`);
  if (!graph.results.length) graph.results = [known(1)];
  for (const result of graph.results) {
    const given = names.unique(RESULT_NAME);
    if (Object.hasOwn(renamed, given) && result.node) result.name = renamed[given]!;
  }
  if (tensors) readTensors(tensors, graph);
  return graph;
}

/** Reads the contents of all states, in graph order. */
function readTensors(from: ByteReader, graph: Graph): void {
  for (const state of graph.leaves) {
    if (state.leaf !== "state") continue;
    const { dtype, shape } = state.type;
    const codec = from.varint();
    const part = from.part(from.varint());
    state.data = decode(codec, state.name, dtype, size(shape), part);
    if (part.left) throw part.error("damaged", `${part.left} bytes follow the end of tensor "${state.name}"`);
  }
  if (from.left) throw new RangeError(`${from.left} bytes follow the last tensor`);
}

/** Reads the type of an input. Version 1 has its scale in `scales`. */
export function inputType(from: ByteReader, scales = from): Type {
  const head = from.u8();
  const type: Type = { shape: from.list(index, head >> INPUT.axesShift), dtype: dtypeOf(head), batched: true };
  if (head & INPUT.quantized) type.quantization = activationQuantization(from, scales, type.dtype === "u8" ? 0 : -128);
  return type;
}

function readNode(head: number, from: ByteReader, builder: GraphBuilder, inline: boolean): readonly Value[] {
  const stored = builder.op(head >>> 3);
  const layer = builder.layer(stored);
  const distances = head & NODE.listed ? from.list(index) : [1, ...stored.parameters.map(() => 0)];
  demandInputs(distances.length, layer, stored);
  const inputs: Value[] = [];
  let attrs: Record<string, unknown> = {};
  for (const distance of distances) {
    inputs.push(
      distance ? builder.known(distance) : readState({ from, builder, layer, stored, before: inputs, attrs, inline }),
    );
    // defaults may depend on input 0, and the shapes of the other inputs on the attributes
    if (inputs.length === 1) attrs = attributes(from, head & NODE.attributes, stored, inputs[0]!.type);
  }
  if (head & NODE.quantized) attrs.quantization = activationQuantization(from);
  return builder.node(stored, layer, inputs, attrs);
}

function attributes(from: ByteReader, some: number, stored: StoredOp, input: Type): Record<string, unknown> {
  const present = some ? readPresent(from, stored) : [];
  const fields = Object.values(stored.fields);
  return withUsual(
    stored,
    fields.map((field, i) => (present[i] ? storedValue(field, from) : undefined)),
    input,
  );
}

interface StatePlace {
  from: ByteReader;
  builder: GraphBuilder;
  layer: string;
  stored: StoredOp;
  /** The node's inputs before this one. */
  before: readonly Value[];
  attrs: object;
  /** The contents follow immediately (version 2). */
  inline: boolean;
}

function readState({ from, builder, layer, stored: { parameters }, before, attrs, inline }: StatePlace): Value {
  const first = from.varint();
  const head = inline ? (first & 7) | ((first >> STATE_2.flagsShift) & ~7) : first;
  const codec = (first >> STATE_2.codecShift) & STATE_2.codecMask;
  const dtype = dtypeOf(head);
  const types = before.map(v => v.type);
  const parameter = parameters[before.length - 1];
  const shape =
    head & STATE.shaped || !parameter
      ? from.list(index)
      : parameter.shape(types, attrs).map(size => size || from.varint());
  const type: Type = { shape, dtype, batched: false };
  if (head & STATE.quantized) type.quantization = usualQuantization(from, shape, types, parameter);
  else if (head & STATE.scaled) type.quantization = stateQuantization(from, shape);
  const contents = (name: string, elements: number) => decode(codec, name, dtype, elements, from);
  return builder.state(layer, parameter, type, (head & STATE.frozen) !== 0, inline ? contents : undefined);
}

/** Reads the quantization of a batched value. */
export function activationQuantization(from: ByteReader, scales = from, least = -128): Quantization {
  const zeroPoint = from.u8() + least;
  return { scale: readScales(scales, 1), zeroPoint };
}

/**
 * The default quantization of a state: a scale for each index of axis 0, or the product derived from the inputs before
 * it.
 */
export function usualQuantization(
  scales: ByteReader,
  shape: Shape,
  before: readonly Type[],
  parameter: Parameter | undefined,
): Quantization {
  return parameter?.product
    ? productQuantization(before, shape[0])
    : { scale: readScales(scales, shape[0]), zeroPoint: 0, axis: 0 };
}

/** Reads any other quantization of a state. */
export function stateQuantization(from: ByteReader, shape: Shape, scales = from): Quantization {
  const axis = from.varint() - 1;
  const zeroPoint = signed(from);
  if (axis < 0) return { scale: readScales(scales, 1), zeroPoint };
  return { scale: readScales(scales, shape[axis]), zeroPoint, axis };
}
