/**
 * Lowers a graph to symbolic kernel calls over buffers, in one pass in node order. If an op asks for a layout that the
 * value does not have, a conversion is emitted, once per (value, layout).
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

/** The tables of ops that a plan needs: how each is lowered, and the layouts each prefers for its operands. */
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

/**
 * A range of the arena, once placed. `from` and `to`: the first and the last moment a run uses it, both -1 if none
 * does.
 */
export interface Buffer extends Slot {
  readonly name: string;
  kind: BufferKind;
  /** Bytes of one image if batched, else of the whole value. */
  readonly unit: number;
  /** Number of units. */
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
  /** In the order of the kernel's signature. */
  readonly args: readonly Arg[];
  /** True if it may run on any part of the batch. */
  readonly split: boolean;
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
  /** The node it was lowered from. */
  readonly node: Node;
  /** Belongs to *prepare* whatever it reads. */
  readonly once: boolean;
}

export interface Lowered {
  readonly batch: number;
  readonly group: number;
  readonly calls: readonly Call[];
  readonly buffers: readonly Buffer[];
  /** The location of each result of the graph, in layout flat. */
  readonly results: readonly BufferRef[];
}

export interface LowerOptions {
  readonly batch: number;
  /** Images per turn of the tiled loop; divides `batch`. */
  readonly group: number;
  readonly variant: "simd" | "relaxed";
  /** Steps that a stream has room for. */
  readonly steps: number;
  readonly ops: Lowerings;
  /** The kernel set of the binary that will run it (kernels/forms.ts). */
  readonly kernels: string;
  /** Counts constants, which are allocated here. */
  readonly budget?: Budget | undefined;
}

/** Lowers `graph`. Leaves are looked up in, and added to, `leaves`, which all programs of one memory share by name. */
export function lower(graph: Graph, leaves: Map<string, Buffer>, options: LowerOptions): Lowered {
  const lowering = new GraphLowering(graph, leaves, options);
  // consumers before producers, whose preferences follow from theirs: avoids deep recursion in a chain of many layers
  for (let i = graph.nodes.length; i-- > 0; ) for (const v of graph.nodes[i]!.outputs) lowering.prefer(v);
  for (const node of graph.nodes) lowering.node(node);
  const results = graph.results.map(v => lowering.in(v, flat));
  return { batch: options.batch, group: options.group, calls: lowering.calls, buffers: lowering.buffers, results };
}

/** Everything lowering knows about a value. */
interface LoweredValue {
  /** The nodes that read it, with operand numbers. */
  readonly uses: [Node, number][];
  result?: boolean;
  buffer?: Buffer;
  preferred?: Layout;
  /** The layer that overwrote it. */
  overwriter?: string;
  /** Copies in other layouts, by layout name. */
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
  readonly #values = new Map<Value, LoweredValue>();
  /** The node that is being lowered. */
  #node!: Node;

  constructor(graph: Graph, leaves: Map<string, Buffer>, options: LowerOptions) {
    this.#leaves = leaves;
    this.#options = options;
    this.batch = options.batch;
    this.group = options.group;
    this.variant = options.variant;
    for (const node of graph.nodes) node.inputs.forEach((v, i) => this.#lowered(v).uses.push([node, i]));
    for (const v of graph.results) this.#lowered(v).result = true;
  }

  #lowered(v: Value): LoweredValue {
    let lowered = this.#values.get(v);
    if (!lowered) {
      lowered = { uses: [], copies: new Map() };
      this.#values.set(v, lowered);
    }
    return lowered;
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
    const lowered = this.#lowered(v);
    if (lowered.preferred) return lowered.preferred;
    lowered.preferred = flat; // ends a cycle of preferences
    let chosen: Layout | undefined;
    for (const [node, operand] of lowered.uses) {
      let preferred = this.#options.ops.prefers[node.op.name]?.(node, operand, this);
      // State needs an invertible layout (one with `map`), or checkpoints could not read it.
      while (preferred && !preferred.map && !v.type.batched) preferred = preferred.from;
      if (!preferred) continue;
      chosen = chosen?.serving?.(preferred) ?? chosen ?? preferred;
      if (!chosen.serving) break;
    }
    lowered.preferred = chosen ?? flat;
    return lowered.preferred;
  }

  /** Allocates `unit` bytes per image if `value` is batched, otherwise (or without a value) `unit` bytes in total. */
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

  /** Allocates a temporary buffer for v in `layout`. */
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
    const lowered = this.#lowered(v);
    if (lowered.overwriter || !(lowered.buffer || v.leaf)) {
      const why = lowered.overwriter ? `"${lowered.overwriter}" wrote over it` : "nothing has made it";
      throw new PenjingError("lower", `"${this.#node.name}" reads "${shown(v)}", but ${why}`);
    }
    lowered.buffer ??= this.#leaf(v);
    return lowered.buffer;
  }

  used(v: Value): boolean {
    const { uses, result } = this.#lowered(v);
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
    const { copies } = this.#lowered(v);
    const made = copies.get(layout.name) ?? this.#convert(v, buffer, layout);
    copies.set(layout.name, made);
    return made;
  }

  /** Converts by the target layout's own kernel, by the source layout's kernel back to flat, or by an index table. */
  #convert(v: Value, have: Buffer, layout: Layout): BufferRef {
    const { shape, dtype, batched } = v.type;
    const source = layout.by ? this.in(v, layout.from!) : { buffer: have, offset: 0 };
    const made = layout.by?.(shape) ?? (layout.name === flat.name ? have.layout.back?.(shape) : undefined);
    const target = this.#room(v, `${shown(v)}:${layout.name}`, layout);
    if (made) {
      // an unbatched value is one image, for kernels that take a count
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
    this.#lowered(v).buffer = made.buffer;
    return made;
  }

  alias(out: Value, input: Value, overwrites = false): void {
    this.#lowered(out).buffer = this.#of(input);
    if (overwrites) this.#lowered(input).overwriter = this.#node.name;
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
