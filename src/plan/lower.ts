/**
 * Graph -> symbolic kernel calls over buffers. One pass in node order; a layout an op asks for and the value does not have
 * is met by emitting a conversion, once per (value, layout).
 */
import type { Budget } from "../base/budget.ts";
import { PenjingError } from "../base/errors.ts";
import { BYTES, size, type TypedArray } from "../base/shape.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import type { Arg, Args, Lower, Lowering, Prefers, Ref, Refusal } from "../graph/meaning.ts";
import { type Form, formOf } from "../kernels/forms.ts";
import { flat, type Layout } from "../kernels/layout.ts";
import type { KernelName } from "../kernels/table.ts";
import type { Slot } from "./arena.ts";

/** What a plan needs to know of the ops: how each is lowered, and how each likes its operands. */
export interface Lowerings {
  readonly lower: Readonly<Record<string, Lower | Refusal>>;
  readonly prefers: Readonly<Record<string, Prefers>>;
}

/**
 * - state, tally, stream, input: a leaf of the graph
 * - constant: bytes written at load
 * - pinned: made by *prepare*; shares memory with nothing
 * - temp: lives from its first to its last use
 */
export type BufferKind = "state" | "tally" | "stream" | "input" | "constant" | "pinned" | "temp";

/** A piece of the arena, once placed. `from` and `to`: the first and the last moment a run touches it, both -1 where none does. */
export interface Buffer extends Slot {
  readonly name: string;
  kind: BufferKind;
  /** Bytes of one image where batched, else of all. */
  readonly unit: number;
  /** How many units. */
  readonly count: number;
  /** Bytes from image to image; 0: not batched. */
  readonly image: number;
  /** Bytes from step to step of a stream; 0: the same every step. */
  readonly step: number;
  readonly layout: Layout;
  readonly value: Value | undefined;
  readonly data: TypedArray | undefined;
}

export interface BufferRef extends Ref {
  readonly buffer: Buffer;
}

export interface Call {
  readonly kernel: KernelName;
  readonly form: Form;
  /** In the order of the form. */
  readonly args: readonly Arg[];
  /** May it run on any part of the batch? */
  readonly split: boolean;
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
  /** What it was lowered from. */
  readonly node: Node;
  /** Belongs to *prepare* whatever it reads. */
  readonly once: boolean;
}

export interface Lowered {
  readonly batch: number;
  readonly group: number;
  readonly calls: readonly Call[];
  readonly buffers: readonly Buffer[];
  /** Where each result of the graph lies, in layout flat. */
  readonly results: readonly BufferRef[];
}

export interface LowerOptions {
  readonly batch: number;
  /** Images per turn of the tiled loop; divides `batch`. */
  readonly group: number;
  readonly variant: "simd" | "relaxed";
  /** Steps a stream has room for. */
  readonly steps: number;
  readonly ops: Lowerings;
  /** The kernels of the binary that will run it: see kernels/forms.ts. */
  readonly kernels: string;
  /** Counts what is allocated here: constants. */
  readonly budget?: Budget | undefined;
}

/** Lowers `graph`. Leaves are looked up in, and added to, `leaves`, which all programs of one memory share by name. */
export function lower(graph: Graph, leaves: Map<string, Buffer>, options: LowerOptions): Lowered {
  const lowering = new GraphLowering(graph, leaves, options);
  // readers before what they read, whose wishes follow from theirs: in a chain of many layers no wish waits for all others at once
  for (let i = graph.nodes.length; i-- > 0; ) for (const v of graph.nodes[i]!.outputs) lowering.prefer(v);
  for (const node of graph.nodes) lowering.node(node);
  const results = graph.results.map(v => lowering.in(v, flat));
  return { batch: options.batch, group: options.group, calls: lowering.calls, buffers: lowering.buffers, results };
}

/** What is known of a value. */
interface Site {
  /** Who reads it, as which operand. */
  readonly uses: [Node, number][];
  result?: boolean;
  buffer?: Buffer;
  preferred?: Layout;
  /** The layer that wrote over it. */
  overwriter?: string;
  /** In other layouts, by their names. */
  readonly copies: Map<string, BufferRef>;
}

class GraphLowering implements Lowering {
  readonly batch: number;
  readonly group: number;
  readonly variant: "simd" | "relaxed";
  readonly calls: Call[] = [];
  readonly buffers: Buffer[] = [];
  readonly #leaves: Map<string, Buffer>;
  readonly #options: LowerOptions;
  readonly #sites = new Map<Value, Site>();
  /** The node that is being lowered. */
  #node!: Node;

  constructor(graph: Graph, leaves: Map<string, Buffer>, options: LowerOptions) {
    this.#leaves = leaves;
    this.#options = options;
    this.batch = options.batch;
    this.group = options.group;
    this.variant = options.variant;
    for (const node of graph.nodes) node.inputs.forEach((v, i) => this.#site(v).uses.push([node, i]));
    for (const v of graph.results) this.#site(v).result = true;
  }

  #site(v: Value): Site {
    let site = this.#sites.get(v);
    if (!site) {
      site = { uses: [], copies: new Map() };
      this.#sites.set(v, site);
    }
    return site;
  }

  node(node: Node): void {
    this.#node = node;
    const lower = this.#options.ops.lower[node.op.name];
    if (typeof lower !== "function") {
      const why = lower?.refused ?? "it is not among the ops loaded here";
      throw new PenjingError("refused", `layer "${node.name}": op "${node.op.name}" does not run: ${why}`);
    }
    lower(node, this);
  }

  prefer(v: Value): Layout {
    const site = this.#site(v);
    if (site.preferred) return site.preferred;
    site.preferred = flat; // a cycle of wishes ends here
    let chosen: Layout | undefined;
    for (const [node, operand] of site.uses) {
      let wish = this.#options.ops.prefers[node.op.name]?.(node, operand, this);
      while (wish && !wish.map && !v.type.batched) wish = wish.from; // what is kept must be readable
      if (!wish) continue;
      chosen = chosen?.serving?.(wish) ?? chosen ?? wish;
      if (!chosen.serving) break;
    }
    site.preferred = chosen ?? flat;
    return site.preferred;
  }

  /** A new buffer: of so many bytes for each image of `value`, or in all where that is not batched, or none. */
  #make(name: string, kind: BufferKind, unit: number, value?: Value, layout = flat, data?: TypedArray): BufferRef {
    const batched = value?.type.batched;
    const rows = batched ? this.batch : 1;
    const streamed = kind === "stream";
    const buffer: Buffer = {
      name,
      kind,
      unit,
      count: streamed ? rows * this.#options.steps : rows,
      image: batched ? unit : 0,
      step: streamed ? rows * unit : 0,
      layout,
      value,
      data,
      bytes: 0,
      from: -1,
      to: -1,
      at: -1,
    };
    this.#options.budget?.demand(unit * buffer.count, `"${name}"`);
    this.buffers.push(buffer);
    return { buffer, offset: 0 };
  }

  /** A temporary buffer for v in `layout`. */
  #room(v: Value, name: string, layout: Layout): BufferRef {
    return this.#make(name, "temp", layout.bytes(v.type.shape, v.type.dtype), v, layout);
  }

  #leaf(v: Value): Buffer {
    const known = this.#leaves.get(v.name);
    if (known) {
      this.buffers.push(known);
      return known;
    }
    const { shape, dtype } = v.type;
    const layout = v.leaf === "state" && dtype === "f32" ? this.prefer(v) : flat;
    const { buffer } = this.#make(v.name, v.leaf!, layout.bytes(shape, dtype), v, layout);
    this.#leaves.set(v.name, buffer);
    return buffer;
  }

  #of(v: Value): Buffer {
    const site = this.#site(v);
    if (site.overwriter || !(site.buffer || v.leaf)) {
      const why = site.overwriter ? `"${site.overwriter}" wrote over it` : "nothing has made it";
      throw new PenjingError("lower", `"${this.#node.name}" reads "${shown(v)}", but ${why}`);
    }
    site.buffer ??= this.#leaf(v);
    return site.buffer;
  }

  used(v: Value): boolean {
    const { uses, result } = this.#site(v);
    return uses.length > 0 || result === true;
  }

  fixed(v: Value): TypedArray | undefined {
    // what trains has no kernels for weights that do not change
    return v.leaf === "state" && this.#options.kernels.includes(";f32_sparse_dense ") ? v.data : undefined;
  }

  layoutOf(v: Value): Layout {
    return this.#of(v).layout;
  }

  ref(v: Value): BufferRef {
    return { buffer: this.#of(v), offset: 0 };
  }

  stride(v: Value): number {
    return this.#of(v).image;
  }

  strideIn(v: Value, layout: Layout): number {
    return v.type.batched ? layout.bytes(v.type.shape, v.type.dtype) : 0;
  }

  in(v: Value, layout: Layout = flat): BufferRef {
    const buffer = this.#of(v);
    if (buffer.layout.name === layout.name) return { buffer, offset: 0 };
    const { copies } = this.#site(v);
    const made = copies.get(layout.name) ?? this.#convert(v, buffer, layout);
    copies.set(layout.name, made);
    return made;
  }

  /** By the target's own kernel, by the source's kernel back to flat, or by an index table. */
  #convert(v: Value, have: Buffer, layout: Layout): BufferRef {
    const { shape, dtype, batched } = v.type;
    const source = layout.by ? this.in(v, layout.from!) : { buffer: have, offset: 0 };
    const made = layout.by?.(shape) ?? (layout.name === flat.name ? have.layout.back?.(shape) : undefined);
    const target = this.#room(v, `${shown(v)}:${layout.name}`, layout);
    if (made) {
      // what is not batched is one image, where the kernel counts them
      const args = { n: batched ? "count" : 1, ...made.args, x: source, y: target };
      this.#emit(made.kernel, args, batched);
      return target;
    }
    if (!have.layout.map || !layout.map || batched || BYTES[dtype] !== 4)
      throw new PenjingError(
        "lower",
        `"${this.#node.name}" finds no way from layout "${have.layout.name}" to "${layout.name}"`,
      );
    const stored = new Int32Array(size(shape));
    have.layout.map(shape).forEach((logical, p) => {
      if (logical >= 0) stored[logical] = p;
    });
    const index = layout.map(shape).map(logical => (logical < 0 ? -1 : stored[logical]!));
    const table = this.constant(`${have.layout.name}->${layout.name}`, index);
    this.call("permute", { n: index.length, x: source, y: target, index: table });
    return target;
  }

  out(v: Value, layout: Layout = flat): BufferRef {
    const made = this.#room(v, shown(v), layout);
    this.#site(v).buffer = made.buffer;
    return made;
  }

  alias(out: Value, input: Value, overwrites = false): void {
    this.#site(out).buffer = this.#of(input);
    if (overwrites) this.#site(input).overwriter = this.#node.name;
  }

  scratch(name: string, bytes: number): BufferRef {
    return this.#make(name, "temp", bytes);
  }

  constant(name: string, data: TypedArray): BufferRef {
    this.#options.budget?.claim(data.byteLength, `a table of "${this.#node.name}"`);
    return this.#make(name, "constant", data.byteLength, undefined, flat, data);
  }

  map<K extends KernelName>(kernel: K, v: Value, args: (n: Arg) => Args<K>): void {
    const elements = this.#of(v).unit / BYTES[v.type.dtype];
    const { batched } = v.type;
    this.#emit(kernel, args(batched ? { per: elements } : elements), batched);
  }

  call<K extends KernelName>(kernel: K, args: Args<K>): void {
    this.#emit(kernel, args, false);
  }

  each<K extends KernelName>(kernel: K, args: Args<K>): void {
    this.#emit(kernel, args, true);
  }

  once<K extends KernelName>(kernel: K, args: Args<K>): void {
    this.#emit(kernel, args, false, true);
  }

  #emit(kernel: KernelName, args: object, split: boolean, once = false): void {
    const named = args as Readonly<Record<string, Arg>>;
    const form = formOf(this.#options.kernels, kernel);
    const reads: Buffer[] = [];
    const writes: Buffer[] = [];
    const list = form.args.map(({ name, role }) => {
      let arg = named[name];
      if (arg === undefined) {
        const whose = named[name.slice(0, -1)];
        if (role === "#") arg = "count";
        else if (name.endsWith("s") && isRef(whose)) arg = whose.buffer.image;
        else throw new PenjingError("lower", `${kernel} of "${this.#node.name}" lacks "${name}"`);
      }
      if (isRef(arg)) {
        if (role !== ">") reads.push(arg.buffer);
        if (role !== "<") writes.push(arg.buffer);
      }
      return arg;
    });
    this.calls.push({ kernel, form, args: list, split, reads, writes, node: this.#node, once });
  }
}

export const isRef = (arg: Arg | undefined): arg is BufferRef => typeof arg === "object" && "buffer" in arg;

const shown = (v: Value): string => v.name || `%${v.id}`;
