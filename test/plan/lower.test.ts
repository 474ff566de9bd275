import { describe, expect, test } from "vitest";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { type Lower, type Prefers, refuse } from "../../src/graph/meaning.ts";
import { flat, type Layout } from "../../src/kernels/layout.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { type Buffer, type Lowered, type Lowerings, lower } from "../../src/plan/lower.ts";

/** Rows of 3 numbers, each moved one place on: a layout that `permute` reaches by its map. */
const rotated: Layout = {
  name: "rotated",
  bytes: flat.bytes,
  map: shape => Int32Array.from({ length: shape[0]! }, (_, i) => (i + 1) % shape[0]!),
};

const real = (shape: readonly number[], batched = false) => ({ shape: [...shape], dtype: "f32" as const, batched });

interface Given {
  lower?: Record<string, Lower>;
  prefers?: Record<string, Prefers>;
  leaves?: Map<string, Buffer>;
  batch?: number;
}

/** Lowers with custom ops, which call one kernel each. */
function lowered(graph: Graph, { lower: own = {}, prefers = {}, leaves = new Map(), batch = 4 }: Given = {}): Lowered {
  return lower(graph, leaves, {
    batch,
    group: 2,
    variant: "simd",
    steps: 1,
    ops: { lower: { relu: one(flat), add: two(flat, flat), ...own }, prefers },
    kernels: RUN.kernels,
  });
}

/** y = kernel(x), x in `layout`. */
const one =
  (layout: Layout): Lower =>
  (node, c) =>
    c.map("f32_relu", node.inputs[0]!, n => ({ n, x: c.in(node.inputs[0]!, layout), y: c.out(node.outputs[0]!) }));

const two =
  (first: Layout, second: Layout): Lower =>
  (node, c) => {
    const [a, b] = node.inputs as [Value, Value];
    c.map("f32_add", a, n => ({ n, a: c.in(a, first), b: c.in(b, second), y: c.out(node.outputs[0]!) }));
  };

const kernels = ({ calls }: Lowered) => calls.map(c => c.kernel);

describe("lower", () => {
  test("lower: a conversion is emitted once for each value and layout, whoever asks", () => {
    const graph = new Graph();
    const w = graph.state("weight", "w", real([3]), Float32Array.of(1, 2, 3));
    graph.results = [graph.one(add, [w, w]), graph.one(add, [w, w])];
    const own = { add: two(rotated, rotated) };
    expect(kernels(lowered(graph, { lower: own }))).toEqual(["permute", "f32_add", "f32_add"]);
  });

  test("lower: a state has the layout its reader prefers, so that nothing is converted", () => {
    const graph = new Graph();
    const w = graph.state("weight", "w", real([3]), Float32Array.of(1, 2, 3));
    graph.results = [graph.one(add, [w, w])];
    const result = lowered(graph, { lower: { add: two(rotated, rotated) }, prefers: { add: () => rotated } });
    expect(kernels(result)).toEqual(["f32_add"]);
    expect(result.buffers.find(b => b.name === "w")?.layout.name).toBe("rotated");
  });

  test("lower: programs of one memory share a leaf by its name", () => {
    const leaves = new Map<string, Buffer>();
    const made = [1, 2].map(() => {
      const graph = new Graph();
      const w = graph.state("weight", "w", real([3]), Float32Array.of(1, 2, 3));
      graph.results = [graph.one(add, [w, w])];
      return lowered(graph, { leaves });
    });
    const [first, second] = made.map(({ calls }) => calls[0]!.reads[0]);
    expect(first).toBe(second);
    expect(leaves.size).toBe(1);
  });

  test("lower: omitted arguments follow from the buffers: the count of images and strides", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", real([5], true));
    graph.results = [graph.one(relu, [x])];
    const rowwise: Lower = (node, c) =>
      c.each("f32_softmax", { x: c.in(node.inputs[0]!), y: c.out(node.outputs[0]!), repeat: 1, k: 5 });
    const { calls, buffers } = lowered(graph, { lower: { relu: rowwise } });
    const argument = Object.fromEntries(calls[0]!.form.args.map(({ name }, i) => [name, calls[0]!.args[i]]));
    const stride = buffers.find(b => b.name === "x")!.image;
    expect(argument).toMatchObject({ n: "count", xs: stride, k: 5 });
    expect(calls[0]!.split).toBe(true);
  });

  test("lower: a call that lacks an argument names kernel, layer and argument", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", real([5], true));
    graph.results = [graph.scope("act", () => graph.one(relu, [x]))];
    // @ts-expect-error: the types require n as well
    const incomplete: Lower = (node, c) => c.call("f32_relu", { x: c.in(node.inputs[0]!), y: c.out(node.outputs[0]!) });
    expect(() => lowered(graph, { lower: { relu: incomplete } })).toThrow('f32_relu of "act" lacks "n"');
  });

  test("lower: reading a value that another layer overwrote is refused, by the names of both", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", real([5], true));
    const y = graph.scope("writer", () => graph.one(relu, [x]));
    graph.results = [graph.scope("reader", () => graph.one(add, [x, y]))];
    const inPlace: Lower = (node, c) => c.alias(node.outputs[0]!, node.inputs[0]!, true);
    expect(() => lowered(graph, { lower: { relu: inPlace } })).toThrow(
      '"reader" reads "x", but "writer" wrote over it',
    );
  });

  test("lower: a layout that nothing leads to is refused", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", real([3], true));
    graph.results = [graph.scope("act", () => graph.one(relu, [x]))];
    expect(() => lowered(graph, { lower: { relu: one(rotated) } })).toThrow(
      '"act" finds no way from layout "flat" to "rotated"',
    );
  });

  test("lower: an op that is refused, or not loaded, is named with its layer", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", real([3], true));
    graph.results = [graph.scope("act", () => graph.one(relu, [x]))];
    const lowering = (ops: Lowerings["lower"]) => () =>
      lower(graph, new Map(), {
        batch: 1,
        group: 1,
        variant: "simd",
        steps: 1,
        ops: { lower: ops, prefers: {} },
        kernels: RUN.kernels,
      });
    expect(lowering({ relu: refuse("no kernel") })).toThrow('layer "act": op "relu" does not run: no kernel');
    expect(lowering({})).toThrow("it is not among the ops loaded here");
  });
});
