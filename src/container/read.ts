/**
 * A `.penjing` file becomes a graph again. A file is untrusted input: every size is checked against the bytes that are there
 * before anything is allocated, every number before it is used, and whatever is wrong is one PenjingError with the byte it was found at.
 */
import { ByteReader } from "../base/bytes.ts";
import { PenjingError, show } from "../base/errors.ts";
import { type Shape, showShape, size } from "../base/shape.ts";
import { readSource, type Source } from "../base/source.ts";
import { Graph, type Quantization, type Type, type Value } from "../graph/graph.ts";
import { verify } from "../graph/verify.ts";
import { crc32 } from "../kernels/boot.ts";
import { decode, rawTensor } from "./decode.ts";
import type { Description, Extras } from "./extras.ts";
import { DTYPES, INPUT, MAGIC, MAX_ELEMENTS, NODE, RESULTS, STATE, VERSION } from "./format.ts";
import { INPUT_NAME, Names, RESULT_NAME, stateName } from "./names.ts";
import { STORED } from "./op-numbers.ts";
import { index, type OpNumbers, productOfScales, type StoredOp, signed, storedValue, usualValue } from "./stored.ts";

export interface Contents extends Extras {
  graph: Graph;
}

export interface ReadOptions {
  /** The file's name, for messages. */
  path?: string | undefined;
  ops?: OpNumbers;
}

/** Reads a file from a path, URL, File, Blob, Buffer, ArrayBuffer or typed array. Errors: as `read`, and `missing`, `unreadable`. */
export async function readFrom(source: Source, { signal }: { signal?: AbortSignal } = {}): Promise<Contents> {
  const { bytes, path } = await readSource(source, signal);
  return read(bytes, { path });
}

/**
 * The contents of a file. Errors, each with `offset` (and `path` where it is known): `magic`, `version`, `truncated`, `checksum`,
 * `op` (the file names one that is unknown here), `damaged` (what it says cannot be).
 */
export function read(bytes: Uint8Array, { path, ops = STORED }: ReadOptions = {}): Contents {
  const from = new ByteReader(bytes, path);
  readFrame(from, bytes);
  try {
    const length = from.varint();
    const { names = {}, ...extras }: Description = length ? JSON.parse(from.text(length)) : {};
    if (extras.name !== undefined && typeof extras.name !== "string") throw new RangeError("the name is no text");
    if (extras.labels?.some(label => typeof label !== "string")) throw new RangeError("a label is no text");
    const graph = readGraph(from, ops, names);
    verify(graph);
    return { ...extras, graph };
  } catch (cause) {
    // Whatever is tripped over, an op's inference included: the file is to blame. No graph that was built looks like this.
    if (cause instanceof PenjingError && cause.code !== "graph") throw cause;
    throw from.error("damaged", `what the file says cannot be: ${(cause as Error).message}`, undefined, cause);
  }
}

/** What stands before the contents. */
function readFrame(from: ByteReader, bytes: Uint8Array): void {
  if (!MAGIC.every(byte => from.u8() === byte)) throw from.error("magic", "not a .penjing file", 0);
  const version = from.u8();
  if (version !== VERSION)
    throw from.error("version", `format version ${version & 15} is unknown, this library reads ${VERSION}`);
  const length = from.varint();
  const checksum = from.u32();
  const excess = from.left - length;
  if (excess > 0) throw from.error("damaged", `${excess} bytes after the end of the file`, bytes.length - excess);
  if (excess < 0) throw from.error("truncated", `the file ends ${-excess} bytes too early`, bytes.length);
  if (crc32(bytes.subarray(from.offset)) !== checksum)
    throw from.error("checksum", "the checksum does not match: the file has been altered");
}

function readGraph(from: ByteReader, ops: OpNumbers, renamed: Record<string, unknown>): Graph {
  const graph = new Graph();
  const names = new Names();
  /** In the order in which they are met: inputs, then for each node its new states and its first output. */
  const values: Value[] = [];

  const name = (usual: string): string => {
    const given = names.unique(usual);
    return String(renamed[given] ?? given);
  };

  const leaf = (usual: string, make: (name: string) => Value): Value => {
    const given = name(usual);
    if (graph.leafOf(given)) throw new RangeError(`two leaves are called ${show(given)}`);
    const value = make(given);
    values.push(value);
    return value;
  };

  /** A value by its distance from the end of all that have been met, 1 or more. */
  const known = (distance: number): Value => {
    const value = values[values.length - distance];
    if (!value) throw new RangeError("a value is asked for that nothing before makes");
    return value;
  };

  const input = (): void => {
    const head = from.u8();
    const type: Type = { shape: from.list(index, head >> INPUT.axesShift), dtype: dtypeOf(head), batched: true };
    elementsOf(type.shape);
    if (head & INPUT.quantized) type.quantization = activationQuantization(from);
    leaf(INPUT_NAME, given => graph.leaf("input", given, type));
  };

  const state = (layer: string, { parameters }: StoredOp, before: readonly Value[], attrs: object): Value => {
    const head = from.varint();
    const dtype = dtypeOf(head);
    const types = before.map(v => v.type);
    const parameter = parameters[before.length - 1];
    const shape =
      head & STATE.shaped || !parameter
        ? from.list(index)
        : parameter.shape(types, attrs).map(size => size || from.varint());
    const elements = elementsOf(shape);
    const type: Type = { shape, dtype, batched: false };
    if (head & STATE.quantized)
      type.quantization = parameter?.product
        ? productQuantization(types, shape[0])
        : { scale: scales(from, shape[0]), zeroPoint: 0, axis: 0 };
    else if (head & STATE.scaled) type.quantization = stateQuantization(from, shape);
    const value = leaf(stateName(layer, parameter?.name), given => {
      const replaced = parameter?.standIn !== undefined && given === stateName(layer, parameter.standIn);
      const role = parameter && !replaced ? parameter.role : "constant";
      return graph.state(role, given, type, decode(head, dtype, elements, from));
    });
    if (head & STATE.frozen) value.frozen = true;
    return value;
  };

  const node = (head: number): void => {
    const stored = ops[head >>> 3];
    if (!stored) throw from.error("op", `op number ${head >>> 3} is unknown here`);
    const layer = name(stored.op.name);
    const distances = head & NODE.listed ? from.list(index) : [1, ...stored.parameters.map(() => 0)];
    const [least, most] = stored.inputs;
    if (distances.length < least || distances.length > most)
      throw new RangeError(`layer "${layer}" (${stored.op.name}) has ${distances.length} inputs`);
    const inputs: Value[] = [];
    let attrs: Record<string, unknown> = {};
    for (const distance of distances) {
      inputs.push(distance ? known(distance) : state(layer, stored, inputs, attrs));
      // What is usual may depend on input 0, and the shapes of the others on the attributes.
      if (inputs.length === 1) attrs = attributes(from, head & NODE.attributes, stored, inputs[0]!.type);
    }
    if (head & NODE.quantized) attrs.quantization = activationQuantization(from);
    const outputs = graph.scope(layer, () => graph.add(stored.op, inputs, attrs));
    for (const { type } of outputs) elementsOf(type.shape);
    values.push(outputs[0]!);
  };

  for (let left = from.varint(); left > 0; left--) input();
  while (from.left && !graph.results.length) {
    const head = from.varint();
    if (head === RESULTS) graph.results = from.list(index).map(known);
    else node(head);
  }
  if (from.left) throw new RangeError(`${from.left} bytes follow its end`);
  if (!graph.results.length) graph.results = [known(1)];
  for (const result of graph.results) {
    const given = renamed[names.unique(RESULT_NAME)];
    if (given !== undefined && result.node) result.name = String(given);
  }
  return graph;
}

function attributes(from: ByteReader, some: number, { op, fields }: StoredOp, input: Type): Record<string, unknown> {
  const attrs: Record<string, unknown> = {};
  const present = some ? from.varint() : 0;
  const all = Object.entries(fields);
  if (present >>> all.length) throw new RangeError(`op "${op.name}" has no such attributes`);
  all.forEach(([key, field], i) => {
    const value = present & (1 << i) ? storedValue(field, from) : usualValue(field, input);
    if (value !== undefined) attrs[key] = value;
  });
  return attrs;
}

/** Of a value that is one of each image. */
function activationQuantization(from: ByteReader): Quantization {
  const zeroPoint = from.u8() - 128;
  return { scale: scales(from, 1), zeroPoint };
}

function stateQuantization(from: ByteReader, shape: Shape): Quantization {
  const axis = from.varint() - 1;
  const zeroPoint = signed(from);
  if (axis < 0) return { scale: scales(from, 1), zeroPoint };
  return { scale: scales(from, shape[axis]), zeroPoint, axis };
}

/** Of a bias. Its scales are made where they are asked for: a network that only runs asks for none. */
function productQuantization(before: readonly Type[], channels: number | undefined): Quantization {
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

/** The bits of Infinity in float32, which lie above those of all positive numbers. */
const INFINITY = 0x7f800000;

function scales(from: ByteReader, count: number | undefined): Float32Array {
  if (!count) throw new RangeError("there are scales along an axis that is not there");
  const scale = rawTensor("f32", count, from) as Float32Array;
  // compared as integers, since floats would be garbage until this is compiled well: 90 kB of a large network's start
  if (!new Int32Array(scale.buffer).every(bits => bits > 0 && bits < INFINITY))
    throw new RangeError("a scale is not above 0 and finite");
  return scale;
}

function dtypeOf(head: number): Type["dtype"] {
  const dtype = DTYPES[head & 7];
  if (!dtype) throw new RangeError(`element type ${head & 7} is unknown here`);
  return dtype;
}

/** The number of elements, once every size is known to be a possible one. */
function elementsOf(shape: Shape): number {
  const elements = size(shape);
  if (!shape.every(n => n > 0 && Number.isInteger(n)) || elements > MAX_ELEMENTS)
    throw new RangeError(`a shape is ${showShape(shape)}`);
  return elements;
}
