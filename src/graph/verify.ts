/**
 * The invariants of every graph, as code. Passes rely on them; tests check them around every pass, and fuzzing checks
 * them for every file that is read. `Graph.add` and the `GraphBuilder` of files guarantee them, so nothing checks them
 * at run time.
 */
import { PenjingError } from "../base/errors.ts";
import { sameShape, size } from "../base/shape.ts";
import type { Graph, Node, Promised, Type, Value } from "./graph.ts";

const sameType = (a: Type, b: Type): boolean =>
  a.dtype === b.dtype && a.batched === b.batched && sameShape(a.shape, b.shape);

/**
 * Throws a PenjingError with code "graph" that names the first violation:
 *
 * - leaves have unique names, and as many numbers as their shapes say;
 * - nodes are in topological order and make each value once;
 * - types are those of `infer`;
 * - an op on a weight's edge keeps what those before it promise about the weight;
 * - a leaf that is overwritten is state, a tally or a stream, and nothing reads its old value afterwards;
 * - results exist.
 */
export function verify(graph: Graph): void {
  const wrong = (what: string) => new PenjingError("graph", what);
  const made = new Set<Value>();
  const names = new Set<string>();
  for (const v of graph.leaves) {
    if (!v.leaf) throw wrong(`"${v.name}" stands among the leaves and is none`);
    if (names.has(v.name)) throw wrong(`two leaves are named "${v.name}"`);
    if (v.data && v.data.length !== size(v.type.shape))
      throw wrong(`"${v.name}" has ${v.data.length} numbers for a shape of ${size(v.type.shape)}`);
    names.add(v.name);
    made.add(v);
  }
  const overwritten = new Map<Value, string>();
  const promises = new Map<Value, Promises>();
  for (const n of graph.nodes) {
    n.inputs.forEach((v, i) => {
      if (!made.has(v)) throw wrong(`"${n.name}" (${n.op.name}) reads operand ${i} before anything makes it`);
      const by = overwritten.get(v);
      if (by) throw wrong(`"${n.name}" reads "${v.name || `%${v.id}`}" after "${by}" wrote over it`);
    });
    const types = n.op.infer(
      n.inputs.map(v => v.type),
      n.attrs,
    );
    if (types.length !== n.outputs.length)
      throw wrong(`"${n.name}" has ${n.outputs.length} outputs, "${n.op.name}" gives ${types.length}`);
    n.outputs.forEach((o, i) => {
      if (made.has(o)) throw wrong(`%${o.id} of "${n.name}" is made twice`);
      if (o.node !== n || o.index !== i) throw wrong(`%${o.id} of "${n.name}" points at another node`);
      if (!sameType(o.type, types[i]!)) throw wrong(`%${o.id} of "${n.name}" is not of the type "${n.op.name}" gives`);
      made.add(o);
    });
    if (n.op.weightEdge) promises.set(n.outputs[0]!, promised(n, promises));
    for (const i of n.op.updates ?? []) if (i >= 0) overwritten.set(n.inputs[i]!, n.name);
  }
  for (const v of graph.results) if (!made.has(v)) throw wrong(`result %${v.id} is made by nothing`);
}

/** Promised property -> the layer and op that promise it. */
type Promises = ReadonlyMap<Promised, string>;

/** The promises after an op on a weight's edge. An op off the edge, such as the gradient of one, has none before it. */
function promised(node: Node, known: ReadonlyMap<Value, Promises>): Promises {
  const { gives, keeps } = node.op.weightEdge!;
  const here = `"${node.op.name}" of "${node.name}"`;
  const after = new Map<Promised, string>();
  for (const [what, by] of known.get(node.inputs[0]!) ?? []) {
    if (!keeps.includes(what))
      throw new PenjingError("graph", `${here} breaks a promise about the weight: ${what}, made by ${by} before it`);
    after.set(what, by);
  }
  for (const what of gives) if (!after.has(what)) after.set(what, here);
  return after;
}
