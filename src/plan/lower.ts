/**
 * Graph -> symbolic kernel calls over buffers. One pass in node order; a layout an op asks for and the value does not have
 * is met by emitting a conversion, once per (value, layout).
 */
import { PenjingError } from "../base/errors.ts";
import { BYTES, size, type TypedArray } from "../base/shape.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import type { Arg, Args, Lower, Lowering, Prefers, Ref, Refusal } from "../graph/meaning.ts";
import { flat, type Layout } from "../kernels/layout.ts";
import { KERNELS, type KernelName } from "../kernels/table.ts";

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

export interface Buffer {
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
  readonly value?: Value;
  readonly data?: TypedArray;
  /** Images are written in whole tiles of this many. */
  tile: number;
  /** Bytes kernels may write past the end. */
  overWrite: number;
  /** Address in the arena, once placed. */
  at: number;
}

export interface BufferRef extends Ref {
  readonly buffer: Buffer;
}

export interface Call {
  readonly kernel: KernelName;
  readonly args: readonly Arg[];
  /** May it run on any part of the batch? */
  readonly per: "image" | "batch";
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
}

/** Lowers `graph`. Leaves are looked up in, and added to, `leaves`, which all programs of one memory share by name. */
export function lower(graph: Graph, leaves: Map<string, Buffer>, options: LowerOptions): Lowered {
  const lowering = new GraphLowering(graph, leaves, options);
  for (const node of graph.nodes) lowering.node(node);
  const results = graph.results.map(v => lowering.in(v, flat));
  return { batch: options.batch, group: options.group, calls: lowering.calls, buffers: lowering.buffers, results };
}

class GraphLowering implements Lowering {
  readonly batch: number;
  readonly group: number;
  readonly variant: "simd" | "relaxed";
  readonly calls: Call[] = [];
  readonly buffers: Buffer[] = [];
  readonly #leaves: Map<string, Buffer>;
  readonly #options: LowerOptions;
  readonly #where = new Map<Value, Buffer>();
  readonly #copies = new Map<string, BufferRef>();
  /** value -> the layer that wrote over it */
  readonly #overwritten = new Map<Value, string>();
  readonly #uses = new Map<Value, [Node, number][]>();
  readonly #preferred = new Map<Value, Layout>();
  /** The node that is being lowered. */
  #node!: Node;

  constructor(graph: Graph, leaves: Map<string, Buffer>, options: LowerOptions) {
    this.#leaves = leaves;
    this.#options = options;
    this.batch = options.batch;
    this.group = options.group;
    this.variant = options.variant;
    for (const n of graph.nodes)
      n.inputs.forEach((v, i) => {
        const uses = this.#uses.get(v);
        if (uses) uses.push([n, i]);
        else this.#uses.set(v, [[n, i]]);
      });
    for (const v of graph.results) if (!this.#uses.has(v)) this.#uses.set(v, []);
  }

  node(node: Node): void {
    this.#node = node;
    const lower = this.#options.ops.lower[node.op.name];
    if (!lower)
      throw new PenjingError("lower", `layer "${node.name}": op "${node.op.name}" is not among the ops loaded here`);
    if (typeof lower !== "function")
      throw new PenjingError("refused", `layer "${node.name}": op "${node.op.name}" does not run: ${lower.refused}`);
    lower(node, this);
  }

  prefer(v: Value): Layout {
    const known = this.#preferred.get(v);
    if (known) return known;
    this.#preferred.set(v, flat); // a cycle of wishes ends here
    let chosen: Layout | undefined;
    for (const [node, operand] of this.#uses.get(v) ?? []) {
      let wish = this.#options.ops.prefers[node.op.name]?.(node, operand, this);
      while (wish && !wish.map && !v.type.batched) wish = wish.from; // what is kept must be readable
      if (!wish) continue;
      chosen = chosen?.serving?.(wish) ?? chosen ?? wish;
      if (!chosen.serving) break;
    }
    if (chosen) this.#preferred.set(v, chosen);
    return this.#preferred.get(v)!;
  }

  #make(b: Pick<Buffer, "name" | "kind" | "unit"> & Partial<Buffer>): Buffer {
    const buffer: Buffer = { count: 1, image: 0, step: 0, layout: flat, tile: 1, overWrite: 0, at: -1, ...b };
    this.buffers.push(buffer);
    return buffer;
  }

  /** A buffer for v's images (or for the whole of an unbatched v) in `layout`. */
  #room(v: Value, name: string, layout: Layout): BufferRef {
    const unit = layout.bytes(v.type.shape, v.type.dtype);
    const rows = v.type.batched ? { count: this.batch, image: unit } : {};
    return { buffer: this.#make({ name, kind: "temp", unit, layout, value: v, ...rows }), offset: 0 };
  }

  #leaf(v: Value): Buffer {
    const known = this.#leaves.get(v.name);
    if (known) {
      if (!this.buffers.includes(known)) this.buffers.push(known);
      return known;
    }
    const { shape, dtype, batched } = v.type;
    const layout = v.leaf === "state" && dtype === "f32" ? this.prefer(v) : flat;
    const unit = layout.bytes(shape, dtype);
    const rows = batched ? this.batch : 1;
    const buffer = this.#make({
      name: v.name,
      kind: v.leaf!,
      unit,
      count: rows * (v.leaf === "stream" ? this.#options.steps : 1),
      image: batched ? unit : 0,
      step: v.leaf === "stream" ? rows * unit : 0,
      layout,
      value: v,
    });
    this.#leaves.set(v.name, buffer);
    return buffer;
  }

  #of(v: Value): Buffer {
    const shown = v.name || `%${v.id}`;
    const over = this.#overwritten.get(v);
    if (over)
      throw new PenjingError("lower", `"${shown}" is read by "${this.#node.name}" after "${over}" wrote over it`);
    let buffer = this.#where.get(v);
    if (!buffer) {
      if (!v.leaf) throw new PenjingError("lower", `"${shown}" has no buffer when "${this.#node.name}" reads it`);
      buffer = this.#leaf(v);
      this.#where.set(v, buffer);
    }
    return buffer;
  }

  used(v: Value): boolean {
    return this.#uses.has(v);
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
    const have = this.#of(v);
    if (have.layout.name === layout.name) return { buffer: have, offset: 0 };
    const key = `${v.id} ${layout.name}`;
    const made = this.#copies.get(key) ?? this.#convert(v, have, layout);
    this.#copies.set(key, made);
    return made;
  }

  /** By the target's own kernel, by the source's kernel back to flat, or by an index table. */
  #convert(v: Value, have: Buffer, layout: Layout): BufferRef {
    const { shape, dtype, batched } = v.type;
    const source = layout.by ? this.in(v, layout.from!) : { buffer: have, offset: 0 };
    const made = layout.by?.(shape) ?? (layout.name === flat.name ? have.layout.back?.(shape) : undefined);
    const target = this.#room(v, `${v.name || `%${v.id}`}:${layout.name}`, layout);
    if (made) {
      // what is not batched is one image, where the kernel counts them
      const args = { n: batched ? "count" : 1, ...made.args, x: source, y: target };
      this.#emit(made.kernel, args as Record<string, Arg>, batched ? "image" : "batch", false);
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
    const made = this.#room(v, v.name || `%${v.id}`, layout);
    this.#where.set(v, made.buffer);
    return made;
  }

  alias(out: Value, input: Value, overwrites = false): void {
    this.#where.set(out, this.#of(input));
    if (overwrites) this.#overwritten.set(input, this.#node.name);
  }

  scratch(name: string, bytes: number): BufferRef {
    return { buffer: this.#make({ name, kind: "temp", unit: bytes }), offset: 0 };
  }

  constant(name: string, data: TypedArray): BufferRef {
    return { buffer: this.#make({ name, kind: "constant", unit: data.byteLength, data }), offset: 0 };
  }

  map<K extends KernelName>(kernel: K, v: Value, args: (n: Arg) => Args<K>): void {
    const b = this.#of(v);
    const elements = b.unit / BYTES[v.type.dtype];
    if (v.type.batched) this.each(kernel, args({ per: elements }));
    else this.call(kernel, args(elements));
  }

  call<K extends KernelName>(kernel: K, args: Args<K>): void {
    this.#emit(kernel, args as Record<string, Arg>, "batch", false);
  }

  each<K extends KernelName>(kernel: K, args: Args<K>): void {
    this.#emit(kernel, args as Record<string, Arg>, "image", false);
  }

  once<K extends KernelName>(kernel: K, args: Args<K>): void {
    this.#emit(kernel, args as Record<string, Arg>, "batch", true);
  }

  #emit(kernel: KernelName, args: Record<string, Arg>, per: "image" | "batch", once: boolean): void {
    const row = KERNELS[kernel];
    const reads: Buffer[] = [];
    const writes: Buffer[] = [];
    const list = Object.entries(row.args).map(([name, role]) => {
      const whose = name.endsWith("s") ? args[name.slice(0, -1)] : undefined;
      const arg = args[name] ?? (role === "count" ? "count" : isRef(whose) ? whose.buffer.image : undefined);
      if (arg === undefined)
        throw new PenjingError("lower", `${kernel}, lowered from "${this.#node.name}", lacks its argument "${name}"`);
      if (isRef(arg)) {
        const { buffer } = arg;
        if (role !== "write") reads.push(buffer);
        if (role !== "read") {
          writes.push(buffer);
          buffer.tile = Math.max(buffer.tile, row.tile ?? 1);
          buffer.overWrite = Math.max(buffer.overWrite, row.overWrite ?? 0);
        }
      }
      return arg;
    });
    this.calls.push({ kernel, args: list, per, reads, writes, node: this.#node, once });
  }
}

export const isRef = (arg: Arg | undefined): arg is BufferRef => typeof arg === "object" && "buffer" in arg;
