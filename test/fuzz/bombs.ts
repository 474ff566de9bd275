/**
 * Small files that ask for much: long chains, high ranks, many results, huge windows. A reader must end quickly and in
 * little memory.
 */
import type { Random } from "../../src/base/random.ts";
import { write } from "../../src/container/write.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { averagePool2d } from "../../src/ops/pooling/average-pool2d.ts";
import { broadcast } from "../../src/ops/shape/broadcast.ts";
import { concat } from "../../src/ops/shape/concat.ts";
import { constantPad } from "../../src/ops/shape/constant-pad.ts";
import { resizeNearest } from "../../src/ops/shape/resize-nearest.ts";

/** Extends a graph over its input `x` by `n` elements of some kind. */
type Bomb = (graph: Graph, x: Value, n: number) => Value[];

/** Each with the shape of its input and the largest n, a power of two. */
const BOMBS: readonly [shape: readonly number[], most: number, bomb: Bomb][] = [
  [[4], 15, (graph, x, n) => [repeated(n, x, y => graph.one(relu, [y]))]],
  [[4], 15, (graph, x, n) => [repeated(n, x, y => graph.one(softmax, [y]))]],
  [[4], 15, (graph, x, n) => [repeated(n, x, y => graph.one(add, [y, x]))]],
  [[4], 13, (graph, x, n) => Array.from({ length: n }, () => graph.one(relu, [x]))],
  [[4], 15, (graph, x, n) => [graph.one(concat, Array<Value>(n).fill(x), { axis: 0 })]],
  [[4], 16, (graph, x, n) => Array<Value>(n).fill(graph.one(relu, [x]))],
  [[4], 13, (graph, x, n) => [x, ...Array.from({ length: n }, (_, i) => graph.leaf("input", `x${i + 1}`, x.type))]],
  [[1], 31, (graph, x, n) => [graph.one(broadcast, [x, x], { shape: [n] })]],
  [[1], 31, (graph, x, n) => [graph.one(constantPad, [x], { before: [n], after: [0], value: 0 })]],
  [[1, 1, 1], 31, (graph, x, n) => [graph.one(resizeNearest, [x], nearest(n))]],
  [
    [1],
    22,
    (graph, x, n) => {
      const type = { shape: [n, 1], dtype: "f32", batched: false } as const;
      return [graph.one(dense, [x, graph.state("weight", "zeros", type, new Float32Array(n))])];
    },
  ],
  [
    [4096, 4096, 1],
    12,
    (graph, x, n) => {
      const pads = [n - 1, n - 1, n - 1, n - 1] as const;
      return [graph.one(averagePool2d, [x], { size: [n, n], strides: [1, 1], pads, dilations: [1, 1] })];
    },
  ],
];

const nearest = (n: number) => ({ size: [n, 1], coordinates: "halfPixel", rounding: "floor" }) as const;

function repeated(n: number, x: Value, next: (y: Value) => Value): Value {
  let y = x;
  for (let i = 0; i < n; i++) y = next(y);
  return y;
}

/** The bytes of one of them. */
export function bombFile(random: Random): Uint8Array {
  const [shape, most, bomb] = BOMBS[random.integer(BOMBS.length)]!;
  const graph = new Graph();
  const x = graph.leaf("input", "x0", { shape, dtype: "f32", batched: true });
  graph.results = bomb(graph, x, 2 ** random.integer(most) + random.integer(7));
  const labels = random.uniform() < 0.1 ? { labels: Array<string>(2 ** random.integer(16)).fill("x") } : {};
  return write(graph, { names: false, ...labels });
}
