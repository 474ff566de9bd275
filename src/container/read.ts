/**
 * A `.penjing` file becomes a graph again. A file is untrusted input: every size is checked against the bytes that are there
 * before anything is allocated, every number before it is used, and whatever is wrong is one PenjingError with the byte it was found at.
 */
import { ByteReader, crc32 } from "../base/bytes.ts";
import { show } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import { readSource, type Source } from "../base/source.ts";
import { Graph, type Node, type Quantization, type Type, type Value } from "../graph/graph.ts";
import { decode, TENSOR_CODECS } from "./codecs.ts";
import { NameReader, Names, OTHER_STATE } from "./names.ts";
import { STORED } from "./op-numbers.ts";
import {
  CHECKSUM_BYTES,
  CODEC_OF,
  DTYPES,
  type Extras,
  MAGIC,
  NODE,
  type Preprocessing,
  RESULTS,
  SECTION,
  type SectionName,
  STATE,
  STATE_MORE,
  VERSION,
} from "./sections.ts";
import { MAX_ELEMENTS, type OpNumbers, type Parameter, type Stored, usualQuantization } from "./stored.ts";

export interface Contents extends Extras {
  graph: Graph;
}

export interface ReadOptions {
  /** The file's name, for messages. */
  path?: string | undefined;
  /** Compare the checksum. Default: true; without it damage is found where it contradicts something. */
  checksum?: boolean;
  ops?: OpNumbers;
}

/** Reads a file from a path, URL, File, Blob, Buffer, ArrayBuffer or typed array. Errors: as `read`, and `missing`, `unreadable`. */
export async function readFrom(source: Source, { signal }: { signal?: AbortSignal } = {}): Promise<Contents> {
  const { bytes, path } = await readSource(source, signal);
  return read(bytes, { path });
}

/**
 * The contents of a file. Errors, each with `offset` (and `path` where it is known): `magic`, `version`, `truncated`, `checksum`, `section`,
 * `codec`, `op` (what the file names is unknown here), `damaged` (what it says cannot be).
 */
export function read(bytes: Uint8Array, { path, checksum = true, ops = STORED }: ReadOptions = {}): Contents {
  const sections = sectionsOf(bytes, path, checksum);
  const { graph: structure, tensors } = sections;
  if (!structure || !tensors) {
    const missing = structure ? "tensors" : "graph";
    throw new ByteReader(bytes, { path }).error("section", `the file has no section "${missing}"`, bytes.length);
  }
  const names = sections.names ? new StoredNames(sections.names) : new GivenNames();
  const graph = new GraphReader(structure, tensors, names, ops).graph;
  for (const section of [structure, tensors, sections.names])
    if (section && section.left > 0) throw section.error("damaged", `${section.left} bytes too many in a section`);
  return {
    graph,
    ...(sections.labels && { labels: textsIn(sections.labels) }),
    ...(sections.preprocessing && { preprocessing: jsonIn(sections.preprocessing) as Preprocessing }),
    ...(sections.metadata && { metadata: jsonIn(sections.metadata) }),
  };
}

// ---------------------------------------------------------------- the file

type Sections = Partial<Record<SectionName, ByteReader>>;

const SECTION_NAMES = new Map<number, SectionName>(
  Object.entries(SECTION).map(([name, number]) => [number, name as SectionName]),
);

function sectionsOf(bytes: Uint8Array, path: string | undefined, checksum: boolean): Sections {
  const reader = new ByteReader(bytes, { path });
  const magic = reader.raw(MAGIC.length, "the magic bytes");
  if (!MAGIC.every((byte, i) => magic[i] === byte)) throw reader.error("magic", "not a .penjing file", 0);
  const head = reader.u8();
  if ((head & 15) !== VERSION)
    throw reader.error(
      "version",
      `format version ${head & 15} is unknown, this library reads ${VERSION}`,
      MAGIC.length,
    );

  const sections: Sections = {};
  const heads: { name: SectionName | undefined; number: number; codec: number; offset: number }[] = [];
  for (let i = 0; i < head >> 4; i++) {
    const offset = reader.offset;
    const byte = reader.u8();
    const name = SECTION_NAMES.get(byte >> 4);
    heads.push({ name, number: byte >> 4, codec: byte & 15, offset });
    const part = reader.part(reader.varint(), `section "${name ?? byte >> 4}"`);
    if (name && sections[name]) throw reader.error("damaged", `a second section "${name}"`, offset);
    if (name) sections[name] = part;
  }
  const end = reader.offset;
  const expected = reader.part(CHECKSUM_BYTES, "the checksum").u32();
  if (reader.left > 0) throw reader.error("damaged", `${reader.left} bytes after the end of the file`);
  // Only now: a file cut short is better called that than altered.
  if (checksum && crc32(bytes.subarray(0, end)) !== expected)
    throw reader.error("checksum", "the checksum does not match: the file has been altered", end);

  for (const { name, number, codec, offset } of heads) {
    if (!name) throw reader.error("section", `section type ${number} is unknown here`, offset);
    if (codec !== CODEC_OF[name])
      throw reader.error("codec", `codec ${codec} of section "${name}" is unknown here`, offset);
  }
  return sections;
}

function textsIn(from: ByteReader): string[] {
  const count = from.varint();
  if (count > from.left) throw from.error("truncated", `the section ends inside ${count} texts`);
  const texts = Array.from({ length: count }, () => from.text());
  if (from.left > 0) throw from.error("damaged", `${from.left} bytes too many in a section`);
  return texts;
}

function jsonIn(from: ByteReader): Record<string, unknown> {
  const { offset } = from;
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(from.raw(from.left)));
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch (cause) {
    throw from.error("damaged", "a section is not JSON", offset, cause);
  }
  throw from.error("damaged", "a section is not a JSON object", offset);
}

// ---------------------------------------------------------------- names

interface NameSource {
  input(): string;
  layer(opName: string): string;
  state(layer: string, parameter: string): string;
}

class GivenNames extends Names implements NameSource {}

class StoredNames implements NameSource {
  readonly #from: ByteReader;
  readonly #names: NameReader;
  readonly #leaves = new Set<string>();

  constructor(from: ByteReader) {
    this.#from = from;
    this.#names = new NameReader(from);
  }

  layer(): string {
    return this.#names.name();
  }

  state(): string {
    return this.#leaf();
  }

  input(): string {
    return this.#leaf();
  }

  /** Leaves are found by name: two of one name would be one. */
  #leaf(): string {
    const { offset } = this.#from;
    const name = this.#names.name();
    if (this.#leaves.has(name)) throw this.#from.error("damaged", `two leaves are called ${show(name)}`, offset);
    this.#leaves.add(name);
    return name;
  }
}

// ---------------------------------------------------------------- the graph

class GraphReader {
  readonly graph = new Graph();
  readonly #from: ByteReader;
  readonly #tensors: ByteReader;
  readonly #names: NameSource;
  readonly #ops: OpNumbers;
  readonly #values: Value[] = [];
  #current: Value | undefined;

  constructor(from: ByteReader, tensors: ByteReader, names: NameSource, ops: OpNumbers) {
    this.#from = from;
    this.#tensors = tensors;
    this.#names = names;
    this.#ops = ops;
    const inputs = from.varint();
    for (let i = 0; i < inputs; i++) this.#input();
    this.#current = this.#values[0];
    let listed = false;
    while (from.left > 0 && !listed) listed = this.#node() === RESULTS;
    this.graph.results = listed ? this.#results() : this.#current ? [this.#current] : [];
    if (this.graph.results.length === 0) throw from.error("damaged", "the graph has no result");
  }

  #input(): void {
    const from = this.#from;
    const { offset } = from;
    const head = from.u8();
    const dtype = this.#dtype(head & 7, offset);
    const shape = Array.from({ length: head >> 4 }, () => from.varint());
    this.#check(shape, offset);
    const type: Type = { shape, dtype, batched: true };
    if (head & 8) type.quantization = this.#quantization();
    this.#values.push(this.graph.leaf("input", this.#names.input(), type));
  }

  /** Reads one node and gives its op's number. */
  #node(): number {
    const from = this.#from;
    const { offset } = from;
    const head = from.varint();
    const number = Math.floor(head / 8);
    if (number === RESULTS) {
      if (head !== 0) throw from.error("damaged", "the list of results has bits set that it cannot have", offset);
      return RESULTS;
    }
    const stored = Object.hasOwn(this.#ops, number) ? this.#ops[number] : undefined;
    if (!stored) throw from.error("op", `op number ${number} is unknown here`, offset);
    const shape = (head >> 1) & 3;
    const more = shape === NODE.shape.general ? from.u8() : 0;
    const listed = shape === NODE.shape.listed || (more & NODE.more.listed) !== 0;
    const given = head & NODE.attributes ? this.#given(stored, offset) : [];
    const layer = this.#names.layer(stored.op.name);
    const count = this.#inputCount(stored, listed, layer, offset);
    const inputs: Value[] = [];
    const attrs: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) {
      const known = this.#knownInput(i, listed, layer, offset);
      inputs.push(known ?? this.#state(layer, inputs, stored, attrs));
      // What is usual may depend on input 0, and the shapes of the others on the attributes.
      if (i === 0) fillIn(attrs, stored, given, inputs[0]!.type);
    }

    if (shape === NODE.shape.quantized || more & NODE.more.quantized) attrs.quantization = this.#quantization();
    const outputs = this.#add(stored, layer, inputs, attrs, offset);
    if (more & NODE.more.retyped) for (const output of outputs) output.type = this.#retyped(output.type);
    this.#values.push(...outputs);
    this.#current = outputs[0];
    return number;
  }

  /** The attributes that are not as usual, each at its place. */
  #given(stored: Stored, offset: number): unknown[] {
    const fields = Object.values(stored.fields);
    const present = this.#from.varint();
    if (present >>> fields.length !== 0) {
      const message = `op "${stored.op.name}" has ${fields.length} attributes, the file sets others`;
      throw this.#from.error("damaged", message, offset);
    }
    return fields.map((field, i) => (present & (1 << i) ? field.read(this.#from) : undefined));
  }

  #inputCount(stored: Stored, listed: boolean, layer: string, offset: number): number {
    const count = listed ? this.#from.varint() : 1 + stored.parameters.length;
    const [least, most] = stored.inputs;
    if (count >= least && count <= most) return count;
    const expected = least === most ? least : `${least}..${most}`;
    const message = `layer "${layer}" (${stored.op.name}) has ${count} inputs, expected ${expected}`;
    throw this.#from.error("damaged", message, offset);
  }

  /** Input i where it is a value met before; undefined where a new state follows. */
  #knownInput(i: number, listed: boolean, layer: string, offset: number): Value | undefined {
    const back = listed ? this.#from.varint() : 0;
    if (listed && back === 0) return undefined;
    if (!listed && i > 0) return undefined;
    const known = listed ? this.#values[this.#values.length - back] : this.#current;
    if (known) return known;
    throw this.#from.error("damaged", `layer "${layer}" reads a value that nothing before it makes`, offset);
  }

  #add(stored: Stored, layer: string, inputs: Value[], attrs: object, offset: number): Node["outputs"] {
    let outputs: Value[];
    try {
      outputs = this.graph.scope(layer, () => this.graph.add(stored.op, inputs, attrs));
    } catch (cause) {
      // Whatever an op's inference trips over, the file is to blame: no graph that was built looks like this.
      throw this.#from.error("damaged", (cause as Error).message, offset, cause);
    }
    for (const { type } of outputs) this.#check(type.shape, offset);
    return outputs;
  }

  #state(layer: string, before: readonly Value[], stored: Stored, attrs: object): Value {
    const from = this.#from;
    const { offset } = from;
    const head = from.u8();
    const dtype = this.#dtype(head & 7, offset);
    const codec = TENSOR_CODECS[(head >> STATE.codecShift) & STATE.codecMask];
    if (!codec)
      throw from.error("codec", `tensor codec ${(head >> STATE.codecShift) & STATE.codecMask} is unknown here`, offset);
    const more = head & STATE.more ? from.u8() : 0;
    const types = before.map(v => v.type);
    const parameter = stored.parameters[before.length - 1];
    const shape = head & STATE.shaped ? this.#sizes() : this.#template(layer, parameter, types, attrs, offset);
    const elements = this.#check(shape, offset);
    const type: Type = { shape, dtype, batched: false };
    const quantization = this.#stateQuantization(head, more, parameter, types, shape, offset);
    if (quantization) type.quantization = quantization;
    const data = decode(codec, dtype, elements, this.#tensors);
    const name = this.#names.state(layer, parameter?.name ?? OTHER_STATE);
    const leaf = this.graph.leaf("state", name, type, data);
    if (more & STATE_MORE.frozen) leaf.frozen = true;
    this.#values.push(leaf);
    return leaf;
  }

  #sizes(): Shape {
    const rank = this.#from.varint();
    if (rank > this.#from.left) throw this.#from.error("truncated", `the section ends inside a shape of ${rank} axes`);
    return Array.from({ length: rank }, () => this.#from.varint());
  }

  #template(layer: string, parameter: Parameter | undefined, types: Type[], attrs: object, offset: number): Shape {
    if (!parameter)
      throw this.#from.error("damaged", `layer "${layer}" has more states than its op has parameters`, offset);
    return parameter.shape(types, attrs).map(n => (n === 0 ? this.#from.varint() : n));
  }

  #stateQuantization(
    head: number,
    more: number,
    parameter: Parameter | undefined,
    types: readonly Type[],
    shape: Shape,
    offset: number,
  ): Quantization | undefined {
    const from = this.#from;
    if (more & STATE_MORE.quantization) {
      const axis = from.varint() - 1;
      const zeroPoint = from.signed();
      if (axis >= shape.length)
        throw from.error("damaged", `a scale for each index of axis ${axis} of ${showShape(shape)}`, offset);
      const scale = this.#scales(axis < 0 ? 1 : shape[axis]!);
      return axis < 0 ? { scale, zeroPoint } : { scale, zeroPoint, axis };
    }
    if (!(head & STATE.quantized)) return undefined;
    const stored = parameter?.quantized === "product" ? undefined : this.#scales(shape[0] ?? 1);
    const usual = usualQuantization(parameter, types, shape, stored);
    if (!usual) throw from.error("damaged", "a bias has scales that follow from nothing", offset);
    return usual;
  }

  #retyped(inferred: Type): Type {
    const { offset } = this.#from;
    const head = this.#from.u8();
    const type: Type = { shape: inferred.shape, dtype: this.#dtype(head & 7, offset), batched: (head & 16) !== 0 };
    if (head & 8) type.quantization = this.#quantization();
    return type;
  }

  #quantization(): Quantization {
    const zeroPoint = this.#from.u8() - 128;
    return { scale: this.#scales(1), zeroPoint };
  }

  #scales(count: number): Float32Array {
    const { offset } = this.#tensors;
    const from = this.#tensors.part(count * 4, `${count} scales`);
    const scales = Float32Array.from({ length: count }, () => from.f32());
    const wrong = scales.find(s => !(s > 0) || s === Infinity);
    if (wrong !== undefined) throw from.error("damaged", `a scale is ${wrong}`, offset);
    return scales;
  }

  #results(): Value[] {
    const from = this.#from;
    const count = from.varint();
    if (count > from.left) throw from.error("truncated", `the section ends inside a list of ${count} results`);
    return Array.from({ length: count }, () => {
      const { offset } = from;
      const back = from.varint();
      const value = this.#values[this.#values.length - back];
      if (!value || back === 0) throw from.error("damaged", "a result is a value that no node makes", offset);
      return value;
    });
  }

  #dtype(number: number, offset: number): Type["dtype"] {
    const dtype = DTYPES[number];
    if (!dtype) throw this.#from.error("damaged", `element type ${number} is unknown here`, offset);
    return dtype;
  }

  /** The number of elements, once every size is known to be a possible one. */
  #check(shape: Shape, offset: number): number {
    let elements = 1;
    for (const n of shape) elements = Number.isInteger(n) && n > 0 ? elements * n : Number.NaN;
    if (!(elements <= MAX_ELEMENTS)) throw this.#from.error("damaged", `a shape is ${showShape(shape)}`, offset);
    return elements;
  }
}

function fillIn(attrs: Record<string, unknown>, stored: Stored, given: readonly unknown[], input: Type): void {
  Object.entries(stored.fields).forEach(([key, field], i) => {
    const value = given[i] ?? field.usual([input]);
    if (value !== undefined) attrs[key] = value;
  });
}
