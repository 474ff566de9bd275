/**
 * Finds the indices of axes that belong together: the classes of channels that slimming may remove. The table AXES
 * relates them from node to node, through residual additions, concatenations, flattening and groups. The law of a
 * class: put its indices in another order, everywhere at once, and the graph gives the same numbers up to the order
 * of sums; remove indices of which every number is zero, and it gives the same numbers too.
 */
import { PenjingError, wrongValue } from "../base/errors.ts";
import { type Shape, size, type TypedArray } from "../base/shape.ts";
import { type Axis, fixed, type Indices, indices, parts, product } from "../graph/axes.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { type Axes, type NodeAxes, type Refusal, refused } from "../graph/meaning.ts";
import { AXES } from "../ops/index.ts";

/** Names one axis of one value. */
export interface Place {
  readonly value: Value;
  readonly axis: number;
}

/** Lists the axes that the same indices occur in, wholly or as a part. */
export interface AxisClass {
  readonly indices: Indices;
  readonly size: number;
  /** True if their order must not change. */
  readonly fixed: boolean;
  /** True if they may be reordered, but none removed. */
  readonly whole: boolean;
  readonly places: readonly Place[];
}

export class GraphAxes {
  readonly #graph: Graph;
  readonly #relations = new Relations();
  readonly #axes = new Map<Value, readonly Axis[]>();
  readonly #nodes = new Map<Node, NodeAxes>();

  /** Reads the current state of the graph. Errors: PenjingError "refused" for int8 layers and ops of training steps. */
  constructor(graph: Graph) {
    this.#graph = graph;
    for (const leaf of graph.leaves) if (leaf.leaf !== "state") this.#fix(leaf);
    for (const node of graph.nodes) this.#relate(node);
    for (const result of graph.results) this.#fix(result);
  }

  #fix(value: Value): void {
    for (const axis of this.#of(value)) this.#relations.fix(axis);
  }

  #of(value: Value): readonly Axis[] {
    let known = this.#axes.get(value);
    if (!known) {
      known = value.type.shape.map(indices);
      this.#axes.set(value, known);
    }
    return known;
  }

  #relate(node: Node): void {
    const rule = (AXES as Readonly<Record<string, Axes | Refusal>>)[node.op.name];
    const operands = [...node.inputs, ...node.outputs];
    const integer = operands.some(v => v.type.dtype === "i8");
    if (!rule || refused(rule) || integer) {
      const why = integer ? "only float networks are slimmed" : ((rule as Refusal)?.refused ?? "it has no axes");
      throw new PenjingError("refused", `layer "${node.name}": the channels of "${node.op.name}" are unknown: ${why}`, {
        path: node.name,
      });
    }
    const made = rule(node);
    this.#nodes.set(node, made);
    operands.forEach((value, i) => {
      const own = this.#of(value);
      const given = made.operands[i] ?? [];
      if (given.length !== own.length || given.some((axis, k) => axis.size !== own[k]!.size))
        throw new PenjingError("graph", `the axes of "${node.op.name}" are not those of its operand ${i}`);
      given.forEach((axis, k) => {
        this.#relations.same(axis, own[k]!);
      });
    });
  }

  /** Resolves an axis of a value to its indices, product or parts. */
  of({ value, axis }: Place): Axis {
    return this.#relations.resolve(this.#of(value)[axis]!);
  }

  /** Lists all classes of more than one index, in the order of the graph's leaves and nodes. */
  classes(): AxisClass[] {
    const places = new Map<Indices, Place[]>();
    const values = [...this.#graph.leaves, ...this.#graph.nodes.flatMap(n => n.outputs)];
    for (const value of values)
      value.type.shape.forEach((_, axis) => {
        for (const found of new Set(indicesOf(this.of({ value, axis })))) {
          const known = places.get(found);
          if (known) known.push({ value, axis });
          else places.set(found, [{ value, axis }]);
        }
      });
    return [...places]
      .filter(([found]) => found.size > 1)
      .map(([found, list]) => ({
        indices: found,
        size: found.size,
        fixed: this.#relations.isFixed(found),
        whole: this.#relations.isWhole(found),
        places: list,
      }));
  }

  /**
   * Returns, for each position along an axis, the index of a class at it; -1: none. An axis in which the class is one
   * factor has each index at several positions.
   */
  indexAlong(place: Place, { indices: chosen }: Pick<AxisClass, "indices">): Int32Array {
    return Int32Array.from(memberOf(this.of(place), chosen));
  }

  /** Computes the shape of a value for other sizes of classes; those that `sizes` omits keep theirs. */
  shapeWith(value: Value, sizes: ReadonlyMap<Indices, number>): Shape {
    return this.#of(value).map(axis => sizeWith(this.#relations.resolve(axis), sizes));
  }

  /** Returns a copy of a node for other sizes of classes. It belongs to no graph. */
  nodeWith(node: Node, sizes: ReadonlyMap<Indices, number>): Node {
    const resized = (v: Value): Value => ({ ...v, type: { ...v.type, shape: this.shapeWith(v, sizes) } });
    return {
      ...node,
      attrs: this.#attrsWith(node, sizes),
      inputs: node.inputs.map(resized),
      outputs: node.outputs.map(resized),
    };
  }

  #attrsWith(node: Node, sizes: ReadonlyMap<Indices, number>): unknown {
    return this.#nodes.get(node)!.attrs?.(axis => sizeWith(this.#relations.resolve(axis), sizes)) ?? node.attrs;
  }

  /**
   * Copies the graph with only the indices `kept` of a class, in that order: all of them in another order, or fewer.
   * Weights keep their numbers at these indices; attributes that hold sizes follow.
   */
  select(chosen: AxisClass, kept: readonly number[]): Graph {
    return this.selectAll([[chosen, kept]]);
  }

  /** The same as `select`, for several classes at once. */
  selectAll(choices: Iterable<readonly [AxisClass, readonly number[]]>): Graph {
    const chosen = new Map<Indices, readonly number[]>();
    for (const [{ indices, size: count, fixed, whole }, kept] of choices) {
      if (new Set(kept).size !== kept.length || kept.some(i => !(Number.isInteger(i) && i >= 0 && i < count)))
        throw wrongValue("kept", `different indices in 0..${count - 1}`, kept);
      if (fixed || !kept.length || (whole && kept.length < count))
        throw wrongValue("kept", fixed ? "a class that is not fixed" : whole ? "all of its indices" : "an index", kept);
      chosen.set(indices, kept);
    }
    const sizes = new Map([...chosen].map(([indices, kept]) => [indices, kept.length]));
    const { graph, of } = this.#graph.copy();
    for (const leaf of this.#graph.leaves) {
      const copy = of.get(leaf)!;
      copy.type = { ...leaf.type, shape: this.shapeWith(leaf, sizes) };
      if (!leaf.data || !size(copy.type.shape)) continue;
      const taken = this.#of(leaf).map(axis => takenOf(this.#relations.resolve(axis), chosen));
      copy.data = gathered(leaf.data, leaf.type.shape, taken);
    }
    this.#graph.nodes.forEach((node, i) => {
      const copy = graph.nodes[i]!;
      copy.attrs = this.#attrsWith(node, sizes);
      const types = node.op.infer(
        copy.inputs.map(v => v.type),
        copy.attrs,
      );
      copy.outputs.forEach((output, k) => {
        output.type = types[k]!;
      });
    });
    return graph;
  }
}

/** Lists the indices in an axis. */
function indicesOf(axis: Axis): Indices[] {
  if (axis.kind === "indices") return [axis];
  return (axis.kind === "product" ? axis.factors : axis.parts).flatMap(indicesOf);
}

/** Computes the size of a resolved axis for other sizes of classes. */
function sizeWith(axis: Axis, sizes: ReadonlyMap<Indices, number>): number {
  if (axis.kind === "indices") return sizes.get(axis) ?? axis.size;
  if (axis.kind === "product") return axis.factors.reduce((n, factor) => n * sizeWith(factor, sizes), 1);
  return axis.parts.reduce((n, part) => n + sizeWith(part, sizes), 0);
}

/** Lists the remaining indices of a resolved axis, in order, if only some of the `chosen` classes are kept. */
function takenOf(axis: Axis, chosen: ReadonlyMap<Indices, readonly number[]>): number[] {
  if (axis.kind === "indices") return [...(chosen.get(axis) ?? Array(axis.size).keys())];
  if (axis.kind === "product")
    return axis.factors.reduce(
      (outer: number[], factor) => {
        const inner = takenOf(factor, chosen);
        return outer.flatMap(i => inner.map(j => i * factor.size + j));
      },
      [0],
    );
  let offset = 0;
  return axis.parts.flatMap(part => {
    const here = takenOf(part, chosen).map(i => offset + i);
    offset += part.size;
    return here;
  });
}

/** Lists the index of `chosen` at each position of a resolved axis, or -1. */
function memberOf(axis: Axis, chosen: Indices): number[] {
  if (axis.kind === "indices") return Array.from({ length: axis.size }, (_, i) => (axis === chosen ? i : -1));
  if (axis.kind === "parts") return axis.parts.flatMap(part => memberOf(part, chosen));
  return axis.factors.reduce(
    (outer: number[], factor) => {
      const inner = memberOf(factor, chosen);
      return outer.flatMap(i => inner.map(j => (j >= 0 ? j : i)));
    },
    [-1],
  );
}

/** Copies the numbers of `data` at these indices of each axis. */
function gathered(data: TypedArray, shape: Shape, taken: readonly number[][]): TypedArray {
  const places = taken.reduce(
    (outer: number[], list, axis) => outer.flatMap(i => list.map(j => i * shape[axis]! + j)),
    [0],
  );
  const made = data.slice(0, places.length);
  places.forEach((from, to) => {
    made[to] = data[from]!;
  });
  return made;
}

/** Unifies terms: records which indices turned out to be the same. */
class Relations {
  /** Indices -> the indices, product or parts they were unified with. */
  readonly #is = new Map<Indices, Axis>();
  readonly #fixed = new Set<Indices>();
  readonly #whole = new Set<Indices>();

  isFixed = (found: Indices): boolean => found.fixed === true || this.#fixed.has(found);

  isWhole = (found: Indices): boolean => found.whole === true || this.#whole.has(found);

  /** Resolves an axis: no product stays in a product, no parts in parts, no factor of size 1, no part of size 0. */
  resolve(axis: Axis): Axis {
    if (axis.kind === "indices") {
      let last: Axis = axis;
      for (let next: Axis | undefined = axis; next; next = last.kind === "indices" ? this.#is.get(last) : undefined)
        last = next;
      // path compression
      for (let at: Axis = axis; at !== last && at.kind === "indices"; ) {
        const next: Axis = this.#is.get(at)!;
        this.#is.set(at, last);
        at = next;
      }
      return last.kind === "indices" ? last : this.resolve(last);
    }
    const inside = (axis.kind === "product" ? axis.factors : axis.parts).map(each => this.resolve(each));
    if (axis.kind === "product") {
      const factors = inside.flatMap(each => (each.kind === "product" ? each.factors : [each]));
      const more = factors.filter(each => each.size !== 1);
      return more.length > 1 ? product(...more) : (more[0] ?? fixed(1));
    }
    const list = inside.flatMap(each => (each.kind === "parts" ? each.parts : [each]));
    const some = list.filter(each => each.size !== 0);
    return some.length > 1 ? parts(...some) : (some[0] ?? fixed(0));
  }

  fix(axis: Axis): void {
    for (const found of indicesOf(this.resolve(axis))) this.#fixed.add(found);
  }

  /** Unifies two axes. If their terms have no common structure, both become fixed. */
  same(one: Axis, other: Axis): void {
    const [a, b] = [this.resolve(one), this.resolve(other)];
    if (a === b || a.size <= 1) return;
    if (a.kind === "indices") this.#become(a, b);
    else if (b.kind === "indices") this.#become(b, a);
    else if (a.kind === "product" && b.kind === "product")
      this.#align([...a.factors].reverse(), [...b.factors].reverse());
    else if (a.kind === "parts" && b.kind === "parts") this.#align([...a.parts], [...b.parts], true);
    else for (const axis of [a, b]) this.fix(axis);
  }

  #become(found: Indices, axis: Axis): void {
    this.#is.set(found, axis);
    if (this.isFixed(found)) this.fix(axis);
    if (this.isWhole(found)) for (const each of indicesOf(this.resolve(axis))) this.#whole.add(each);
  }

  /** Resolves the first of a list, and splits it if it turned out to be a product or parts. */
  #first(list: Axis[], additive: boolean): Axis {
    for (;;) {
      const first = this.resolve(list[0]!);
      if (additive && first.kind === "parts") list.splice(0, 1, ...first.parts);
      else if (!additive && first.kind === "product") list.splice(0, 1, ...[...first.factors].reverse());
      else return first;
    }
  }

  /** Aligns two lists of factors, innermost first, or of parts. The larger of two that differ is split if possible. */
  #align(a: Axis[], b: Axis[], additive = false): void {
    while (a.length && b.length) {
      const [x, y] = [this.#first(a, additive), this.#first(b, additive)];
      if (x.size === y.size) {
        this.same(x, y);
        a.shift();
        b.shift();
        continue;
      }
      const [longer, large, small] = x.size > y.size ? [a, x, y] : [b, y, x];
      const rest = additive ? large.size - small.size : large.size / small.size;
      if (large.kind !== "indices" || !Number.isInteger(rest)) break;
      const [near, far] = [indices(small.size), indices(rest)];
      this.#become(large, additive ? parts(near, far) : product(far, near));
      longer.splice(0, 1, near, far);
    }
    for (const axis of [...a, ...b]) this.fix(axis);
  }
}
