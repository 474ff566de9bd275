/** Small graphs and data sets to train, with weights from a seed. */
import { Random } from "../../src/base/random.ts";
import { type Shape, size } from "../../src/base/shape.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";

/** Returns the contents of a weight, in our order, `[out]...[in]`. */
export type Weights = (name: string, shape: Shape) => Float32Array;

/** Uniform in +-sqrt(3 / inputs), zero for biases. */
export function seeded(seed: number): Weights {
  const random = new Random(seed);
  return (_, shape) => {
    const limit = Math.sqrt(3 / (size(shape.slice(1)) || 1));
    return Float32Array.from({ length: size(shape) }, () => (shape.length > 1 ? random.uniform(-limit, limit) : 0));
  };
}

const state = (graph: Graph, name: string, shape: Shape, weights: Weights): Value =>
  graph.state("weight", name, { shape, dtype: "f32", batched: false }, weights(name, shape));

const flow = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] } as const;

/** Convolution, ReLU, 2x2 pool. */
function convBlock(graph: Graph, x: Value, name: string, filters: number, kernel: number, weights: Weights): Value {
  const weight = state(graph, `${name}/kernel`, [filters, kernel, kernel, x.type.shape[2]!], weights);
  const bias = state(graph, `${name}/bias`, [filters], weights);
  const y = graph.scope(name, () => graph.one(conv2d, [x, weight, bias], { ...flow, groups: 1 }));
  return graph.one(maxPool2d, [graph.one(relu, [y])], { ...flow, strides: [2, 2], size: [2, 2] });
}

export function denseLayer(graph: Graph, x: Value, name: string, units: number, weights: Weights): Value {
  const weight = state(graph, `${name}/kernel`, [units, x.type.shape[0]!], weights);
  const bias = state(graph, `${name}/bias`, [units], weights);
  return graph.scope(name, () => graph.one(dense, [x, weight, bias], {}));
}

const input = (graph: Graph, shape: Shape): Value =>
  graph.leaf("input", "input", { shape, dtype: "f32", batched: true });

const flattened = (graph: Graph, x: Value): Value => graph.one(reshape, [x], { shape: [size(x.type.shape)] });

/** The article's LeNet-5: 44 426 parameters. */
export function lenet5(weights: Weights): Graph {
  const graph = new Graph();
  let x = input(graph, [28, 28, 1]);
  x = convBlock(graph, x, "conv2d_1", 6, 5, weights);
  x = convBlock(graph, x, "conv2d_2", 16, 5, weights);
  x = flattened(graph, x);
  x = graph.one(relu, [denseLayer(graph, x, "dense_1", 120, weights)]);
  x = graph.one(relu, [denseLayer(graph, x, "dense_2", 84, weights)]);
  graph.results = [denseLayer(graph, x, "dense_3", 10, weights)];
  return graph;
}

/** A few filters and two dense layers on small images. */
export function smallNetwork(weights: Weights = seeded(1), { shape = [8, 8, 1], classes = 4 } = {}): Graph {
  const graph = new Graph();
  let x = convBlock(graph, input(graph, shape), "conv", 3, 3, weights);
  x = graph.one(relu, [denseLayer(graph, flattened(graph, x), "hidden", 10, weights)]);
  graph.results = [denseLayer(graph, x, "logits", classes, weights)];
  return graph;
}

/** One dense layer on vectors. */
export function linear(inputs: number, outputs: number, weights: Weights = seeded(1)): Graph {
  const graph = new Graph();
  graph.results = [denseLayer(graph, input(graph, [inputs]), "dense", outputs, weights)];
  return graph;
}

/** Images of noise with a bright square whose position is the class (0..3: a corner), in bytes. */
export function corners(rows: number, seed = 7): Dataset {
  const random = new Random(seed);
  const images = Uint8Array.from({ length: rows * 64 }, () => random.integer(90));
  const labels = Int32Array.from({ length: rows }, () => random.integer(4));
  labels.forEach((label, i) => {
    for (let y = 0; y < 3; y++)
      for (let x = 0; x < 3; x++)
        images[i * 64 + ((label >> 1) * 4 + y) * 8 + (label & 1) * 4 + x]! += 80 + random.integer(80);
  });
  return new Dataset({ images, shape: [8, 8, 1], labels, classes: 4 });
}

/** The states of a graph as one array of bytes. */
export function weightBytes(graph: Graph): Uint8Array {
  const states = graph.leaves.filter(v => v.leaf === "state").map(v => v.data!);
  return new Uint8Array(states.flatMap(data => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]));
}
