/**
 * Reads files of version 1, which this library no longer writes (docs/container.md, "Version 1"): sections, each with a
 * type, a codec and a length, and a checksum at the end. Graph and tensors are read in parallel.
 */
import type { Budget } from "../base/budget.ts";
import type { ByteReader } from "../base/bytes.ts";
import { BYTES, type DType, type TypedArray, view } from "../base/shape.ts";
import type { Graph, Type, Value } from "../graph/graph.ts";
import type { Parameter } from "../graph/stored.ts";
import { crc32, readFields } from "../kernels/bits.ts";
import { demandInputs, dtypeOf, GraphBuilder, type Naming, readPresent, withUsual } from "./builder.ts";
import { readWidth } from "./codecs/bits.ts";
import { zeros } from "./codecs/codec.ts";
import { rawDecoder } from "./codecs/raw.ts";
import { demandGaps, readGapBits } from "./codecs/sparse.ts";
import { describe } from "./description.ts";
import type { Extras } from "./extras.ts";
import { RESULTS } from "./format.ts";
import { activationQuantization, inputType, stateQuantization, usualQuantization } from "./graph-reader.ts";
import { Names } from "./names.ts";
import { count, index, type Kind, type OpNumbers, type StoredOp, storedValue } from "./stored.ts";

/** Names of the sections, by their types; each has one codec. */
const SECTIONS = [undefined, "graph", "tensors", "names", "labels", "preprocessing", "metadata"] as const;
type SectionName = NonNullable<(typeof SECTIONS)[number]>;
const JSON_CODEC = 1;
const JSON_SECTIONS: readonly string[] = ["preprocessing", "metadata"];

/** Codecs of tensors. */
const CODEC = { raw: 0, sparse: 1, packed: 2 } as const;

/** Bits 1 and 2 of a node's first number, and bits of the byte that follows `general`. */
const SHAPE = { quantized: 1, listed: 2, general: 3 } as const;
const MORE = { listed: 1, retyped: 2, quantized: 4 } as const;

/** Bits of a state's first byte, and of its second. */
const STATE_1 = { codecShift: 3, codecMask: 3, shaped: 0x20, quantized: 0x40, more: 0x80 } as const;
const STATE_MORE = { frozen: 1, quantization: 2 } as const;

interface Source {
  graph: ByteReader;
  tensors: ByteReader;
  builder: GraphBuilder;
}

/** Reads everything after the first four bytes, of which `head` is the last. */
export function readVersion1(
  from: ByteReader,
  bytes: Uint8Array,
  head: number,
  ops: OpNumbers,
  budget: Budget,
): Extras & { graph: Graph } {
  const sections: Partial<Record<SectionName, ByteReader>> = {};
  for (let left = head >> 4; left > 0; left--) {
    const byte = from.u8();
    const name = SECTIONS[byte >> 4];
    if (!name || sections[name]) throw from.error("damaged", `a section of type ${byte >> 4} does not belong there`);
    if ((byte & 15) !== (JSON_SECTIONS.includes(name) ? JSON_CODEC : 0))
      throw from.error("codec", `section "${name}" is stored by codec ${byte & 15}, which is unknown here`);
    sections[name] = from.part(from.varint());
  }
  const end = from.offset;
  const checksum = from.u32();
  if (from.left) throw from.error("damaged", `${from.left} bytes after the end of the file`);
  if (crc32(bytes.subarray(0, end)) !== checksum)
    throw from.error("checksum", "the checksum does not match: the file has been altered");

  const { graph, tensors, names, labels } = sections;
  if (!graph || !tensors) throw from.error("damaged", "the file has no graph, or no tensors");
  const json = (section: ByteReader | undefined) => section && JSON.parse(section.text(section.left));
  const texts = labels && [labels.list(from => from.text())];
  const { extras } = describe({
    ...(texts && { labels: texts[0] }),
    ...(sections.preprocessing && { preprocessing: json(sections.preprocessing) }),
    ...(sections.metadata && { metadata: json(sections.metadata) }),
  });
  const given = new Names();
  const naming: Naming = names ? storedNames(names) : usual => given.unique(usual);
  return { ...extras, graph: readGraph({ graph, tensors, builder: new GraphBuilder(graph, ops, naming, budget) }) };
}

/** Reads prefix-compressed names: the number of UTF-16 units shared with the previous name, then the rest. */
function storedNames(from: ByteReader): Naming {
  let last = "";
  return () => {
    last = last.slice(0, from.varint()) + from.text();
    return last;
  };
}

function readGraph({ graph: from, tensors, builder }: Source): Graph {
  const { graph, values } = builder;
  for (let left = from.varint(); left > 0; left--) {
    builder.input(inputType(from, tensors));
  }
  let current = values[0];
  while (from.left && !graph.results.length) {
    const head = from.varint();
    if (head === RESULTS) graph.results = from.list(index).map(distance => builder.known(distance));
    else {
      const outputs = readNode(head, current, { graph: from, tensors, builder });
      values.push(...outputs);
      current = outputs[0];
    }
  }
  if (from.left || tensors.left) throw new RangeError(`${from.left + tensors.left} bytes follow its end`);
  if (!graph.results.length && current) graph.results = [current];
  if (!graph.results.length) throw new RangeError("the graph has no result");
  return graph;
}

function readNode(head: number, current: Value | undefined, source: Source): readonly Value[] {
  const { graph: from, tensors, builder } = source;
  const stored = builder.op(head >>> 3);
  const shape = (head >> 1) & 3;
  const more =
    shape === SHAPE.general
      ? from.u8()
      : (shape === SHAPE.listed ? MORE.listed : 0) | (shape === SHAPE.quantized ? MORE.quantized : 0);
  const fields = Object.values(stored.fields);
  const present = head & 1 ? readPresent(from, stored) : [];
  const given = fields.map((field, i) => (present[i] ? storedValue(asVersion1(field), from) : undefined));
  const layer = builder.layer(stored);
  const listed = (more & MORE.listed) !== 0;
  const inputCount = listed ? from.varint() : 1 + stored.parameters.length;
  demandInputs(inputCount, layer, stored);
  const inputs: Value[] = [];
  let attrs: Record<string, unknown> = {};
  for (let i = 0; i < inputCount; i++) {
    const distance = listed ? from.varint() : 0;
    const known = distance ? builder.known(distance) : listed || i > 0 ? undefined : current;
    if (!known && !listed && i === 0) throw new RangeError(`layer "${layer}" reads a value that nothing makes`);
    inputs.push(known ?? readState(layer, inputs, stored, attrs, source));
    if (i === 0) attrs = withUsual(stored, given, inputs[0]!.type);
  }
  if (more & MORE.quantized) attrs.quantization = activationQuantization(from, tensors);
  const outputs = builder.node(stored, layer, inputs, attrs);
  if (more & MORE.retyped) for (const { type } of outputs) demandType(type, from, tensors);
  return outputs;
}

/** Version 1 stored counts without subtracting 1. */
const countAsItIs: Kind = from => {
  const n = from.varint();
  if (n < 1) throw new RangeError("a count is 0");
  return n;
};

const asVersion1 = <F extends { of?: unknown }>(field: F): F =>
  field.of === count ? { ...field, of: countAsItIs } : field;

function readState(
  layer: string,
  before: readonly Value[],
  { parameters }: StoredOp,
  attrs: object,
  { graph: from, tensors, builder }: Source,
): Value {
  const head = from.u8();
  const dtype = dtypeOf(head);
  const codec = (head >> STATE_1.codecShift) & STATE_1.codecMask;
  const more = head & STATE_1.more ? from.u8() : 0;
  const types = before.map(v => v.type);
  const parameter: Parameter | undefined = parameters[before.length - 1];
  const shape =
    head & STATE_1.shaped || !parameter
      ? from.list(index)
      : parameter.shape(types, attrs).map(size => size || from.varint());
  const type: Type = { shape, dtype, batched: false };
  if (more & STATE_MORE.quantization) type.quantization = stateQuantization(from, shape, tensors);
  else if (head & STATE_1.quantized) type.quantization = usualQuantization(tensors, shape, types, parameter);
  const frozen = (more & STATE_MORE.frozen) !== 0;
  return builder.state(layer, parameter, type, frozen, (name, elements) =>
    decode(codec, name, dtype, elements, tensors),
  );
}

/**
 * Version 1 could give an output another type than its op infers. Kernels do not support that: only the inferred type
 * is accepted.
 */
function demandType({ dtype, batched, quantization }: Type, from: ByteReader, tensors: ByteReader): void {
  const head = from.u8();
  const stored = head & 8 ? activationQuantization(from, tensors) : undefined;
  const same =
    dtypeOf(head) === dtype &&
    ((head & 16) !== 0) === batched &&
    stored?.zeroPoint === quantization?.zeroPoint &&
    stored?.scale[0] === quantization?.scale[0];
  if (!same) throw new RangeError("an output is of another type than its op infers");
}

/** Decodes a tensor: all gaps are stored before all elements, not between them; unsigned elements have no sign bit. */
function decode(codec: number, name: string, dtype: DType, length: number, from: ByteReader): TypedArray {
  const bytes = BYTES[dtype];
  const unsigned = dtype === "u8" || dtype === "u32";
  const fields = (count: number, width: number) => {
    const stored = from.raw(Math.ceil((count * width) / 8));
    const elements = zeros(count, bytes);
    readFields(stored, elements, width, 0);
    return unsigned && width < 8 * bytes ? elements.map(v => v & ((1 << width) - 1)) : elements;
  };
  if (codec === CODEC.raw) return view(dtype, rawDecoder.decode(from, length, bytes).buffer, 0, length);
  if (codec === CODEC.packed) return view(dtype, fields(length, readWidth(from, bytes)).buffer, 0, length);
  if (codec !== CODEC.sparse)
    throw from.error("codec", `tensor "${name}" is stored by codec ${codec}, which is unknown here`);
  const gapBits = readGapBits(from);
  const width = dtype === "f32" ? 32 : readWidth(from, bytes);
  demandGaps(from, length, gapBits);
  const data = zeros(length, bytes);
  const places = readGaps(from, length, gapBits);
  const values = fields(places.length, width);
  places.forEach((at, i) => {
    data[at] = values[i]!;
  });
  return view(dtype, data.buffer, 0, length);
}

/** Reads the positions of non-zero elements: codes of `gapBits` bits, as in codecs/sparse.ts. */
function readGaps(from: ByteReader, length: number, gapBits: number): Int32Array {
  const bytes = from.rest;
  const escapeCode = (1 << gapBits) - 1;
  const places = new Int32Array(Math.min(length, Math.floor((8 * bytes.length) / gapBits)));
  let found = 0;
  let bit = 0;
  for (let at = 0; at < length; ) {
    const byte = bit >> 3;
    const code = ((bytes[byte]! | (bytes[byte + 1]! << 8)) >> (bit & 7)) & escapeCode;
    bit += gapBits;
    if (bit > 8 * bytes.length) break;
    at += code;
    if (at > length) throw new RangeError("an element lies behind the end of its tensor");
    if (code !== escapeCode && at < length) places[found++] = at++;
    else if (code !== escapeCode) break;
  }
  from.raw(Math.ceil(bit / 8));
  return places.subarray(0, found);
}
