/**
 * Builds the graph of a file of any version: numbers values in file order, restores names that are not stored, checks
 * shapes, and claims memory from the budget before it is allocated.
 */
import type { Budget } from "../base/budget.ts";
import type { ByteReader } from "../base/bytes.ts";
import { show } from "../base/errors.ts";
import { type Shape, showShape, size, type TypedArray } from "../base/shape.ts";
import { Graph, type Quantization, type Type, type Value } from "../graph/graph.ts";
import type { Parameter } from "../graph/stored.ts";
import { bytesOf, claimNode, NODE_BYTES } from "./claims.ts";
import { DTYPES, MAX_ELEMENTS } from "./format.ts";
import { INPUT_NAME, stateName } from "./names.ts";
import { type OpNumbers, productOfScales, type StoredOp, usualValue } from "./stored.ts";

/** Names a layer or leaf; `usual` is its name unless the file has another. */
export type Naming = (usual: string) => string;

export class GraphBuilder {
  readonly graph = new Graph();
  /** Inputs, then for each node its new states and its first output. */
  readonly values: Value[] = [];
  readonly #from: ByteReader;
  readonly #ops: OpNumbers;
  readonly #name: Naming;
  readonly #budget: Budget;

  /** `from`: for messages. */
  constructor(from: ByteReader, ops: OpNumbers, name: Naming, budget: Budget) {
    this.#from = from;
    this.#ops = ops;
    this.#budget = budget;
    this.#name = usual => {
      const given = name(usual);
      budget.claim(2 * given.length, "a name");
      return given;
    };
  }

  /** Returns a value by its distance (1 or more) from the end of `values`. */
  known(distance: number): Value {
    const value = this.values[this.values.length - distance];
    if (!value) throw new RangeError("a value is asked for that nothing before makes");
    return value;
  }

  input(type: Type): Value {
    elementsOf(type.shape);
    this.#budget.claim(NODE_BYTES + bytesOf(type), "an input");
    const name = this.#name(INPUT_NAME);
    this.#demandNew(name);
    const value = this.graph.leaf("input", name, type);
    this.values.push(value);
    return value;
  }

  /** Adds a state, whose contents may follow later. Claims its memory before `contents` allocates it. */
  state(
    layer: string,
    parameter: Parameter | undefined,
    type: Type,
    frozen: boolean,
    contents?: (name: string, elements: number) => TypedArray,
  ): Value {
    const name = this.#name(stateName(layer, parameter?.name));
    const elements = elementsOf(type.shape);
    this.#budget.claim(NODE_BYTES + bytesOf(type), `tensor ${show(name)}`);
    this.#demandNew(name);
    const replaced = parameter?.standIn !== undefined && name === stateName(layer, parameter.standIn);
    const role = parameter && !replaced ? parameter.role : "constant";
    const value = this.graph.state(role, name, type, contents?.(name, elements));
    if (frozen) value.frozen = true;
    this.values.push(value);
    return value;
  }

  #demandNew(name: string): void {
    if (this.graph.leafOf(name)) throw new RangeError(`two leaves are called ${show(name)}`);
  }

  /** Returns the op with a number, or throws a PenjingError with code `op`. */
  op(number: number): StoredOp {
    const stored = Object.hasOwn(this.#ops, number) ? this.#ops[number] : undefined;
    if (!stored) throw this.#from.error("op", `op number ${number} is unknown here`);
    return stored;
  }

  /** Names the next node. */
  layer({ op }: StoredOp): string {
    return this.#name(op.name);
  }

  node(stored: StoredOp, layer: string, inputs: Value[], attrs: object): readonly Value[] {
    const outputs = this.graph.scope(layer, () => this.graph.add(stored.op, inputs, attrs));
    for (const { type } of outputs) elementsOf(type.shape);
    claimNode(this.#budget, outputs[0]!.node!, stored.parameters[0]?.name === "kernel");
    return outputs;
  }
}

/** Throws a RangeError if an op does not take `count` inputs. */
export function demandInputs(count: number, layer: string, { inputs: [least, most], op }: StoredOp): void {
  if (count < least || count > most) throw new RangeError(`layer "${layer}" (${op.name}) has ${count} inputs`);
}

/** The attributes of a node: those in `given`, and defaults for the rest, which may depend on input 0. */
export function withUsual({ fields }: StoredOp, given: readonly unknown[], input: Type): Record<string, unknown> {
  const attrs: Record<string, unknown> = {};
  Object.entries(fields).forEach(([key, field], i) => {
    const value = given[i] ?? usualValue(field, input);
    if (value !== undefined) attrs[key] = value;
  });
  return attrs;
}

/** Reads the bit set of attributes that are not default, and checks that each belongs to this op. */
export function readPresent(from: ByteReader, { op, fields }: StoredOp): boolean[] {
  const present = from.varint();
  const all = Object.keys(fields);
  if (present >>> all.length) throw new RangeError(`op "${op.name}" has no such attributes`);
  return all.map((_, i) => (present & (1 << i)) !== 0);
}

// ---------------------------------------------------------------- types

export function dtypeOf(head: number): Type["dtype"] {
  const dtype = DTYPES[head & 7];
  if (!dtype) throw new RangeError(`element type ${head & 7} is unknown here`);
  return dtype;
}

/** Returns the number of elements after checking each size. */
export function elementsOf(shape: Shape): number {
  const elements = size(shape);
  if (!shape.every(n => n > 0 && Number.isInteger(n)) || elements > MAX_ELEMENTS)
    throw new RangeError(`a shape is ${showShape(shape)}`);
  return elements;
}

/** The bits of float32 Infinity, greater than those of all finite positive numbers. */
const INFINITY = 0x7f800000;

/** Reads `count` scales. */
export function readScales(from: ByteReader, count: number | undefined): Float32Array {
  if (!count) throw new RangeError("there are scales along an axis that is not there");
  const { buffer } = new Uint8Array(from.raw(4 * count));
  // compared as integers: as floats, each would be a heap number until this is optimized (90 kB for a large network)
  if (!new Int32Array(buffer).every(bits => bits > 0 && bits < INFINITY))
    throw new RangeError("a scale is not above 0 and finite");
  return new Float32Array(buffer);
}

/**
 * The scales of a bias, derived from the inputs before it. Computed on first access: a network that only runs never
 * needs them.
 */
export function productQuantization(before: readonly Type[], channels: number | undefined): Quantization {
  const make = productOfScales(before, channels);
  if (!make) throw new RangeError("a bias has scales that follow from nothing");
  let made: Float32Array | undefined;
  return {
    get scale() {
      made ??= make();
      return made;
    },
    zeroPoint: 0,
    axis: 0,
  };
}
