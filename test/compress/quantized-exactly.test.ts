/**
 * Random networks with dead channels, tiny weights and huge biases. Each is refused by name, or every node of its int8
 * form is within one step of the float64 result for the real numbers that the node's own integers represent (sums of
 * products are summed as integers, which float64 represents exactly).
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { PenjingError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { quantizeStatic } from "../../src/compress/quantize.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { Graph, type Node, type Type } from "../../src/graph/graph.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import {
  activation,
  add,
  averagePool2d,
  batchNormalization,
  concatenate,
  conv2d,
  dense,
  depthwiseConv2d,
  flatten,
  globalAveragePool2d,
  input,
  type Model,
  maxPool2d,
  model,
  multiply,
  type SymbolicTensor,
  subtract,
} from "../../src/model/index.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { FORWARD, fuse } from "../../src/passes/fuse.ts";
import { evaluated, planned } from "../ops/planned.ts";

const step = fc.record({
  kind: fc.constantFrom("conv2d", "conv2d", "pointwise", "depthwise", "normalized", "pool", "mean", "beside", "sum"),
  kernel: fc.constantFrom(1, 2, 3, 3, 5),
  strides: fc.constantFrom(1, 1, 2),
  filters: fc.constantFrom(1, 3, 4, 8, 9, 16),
  useBias: fc.boolean(),
  activation: fc.constantFrom("linear", "relu", "relu6", "leakyRelu", "sigmoid", "tanh", "hardSwish"),
  merge: fc.constantFrom(add, subtract, multiply),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const network = fc.record({
  image: fc.tuple(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 2, max: 12 }), fc.constantFrom(1, 2, 4, 8)),
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  units: fc.constantFrom(0, 1, 5, 12),
  /** The largest number in an image. */
  reach: fc.constantFrom(1e-30, 1e-4, 1, 1, 255, 1e6),
  /** Factors of the channels, in turn. */
  weights: fc.array(fc.constantFrom(1, 1, 1, 1e-3, 1e-8, 1e-20, 1e-40, 0), { minLength: 1, maxLength: 7 }),
  biases: fc.array(fc.constantFrom(0, 1e-6, 1, -1, 50, -3e3, 1e9, 1e36), { minLength: 1, maxLength: 5 }),
  seed: fc.nat(1e6),
});
type Network = typeof network extends fc.Arbitrary<infer T> ? T : never;

function applied(s: Step, x: SymbolicTensor): SymbolicTensor {
  const { kernel, strides, filters, useBias } = s;
  const convolution = { kernelSize: kernel, strides, padding: "same", useBias } as const;
  switch (s.kind) {
    case "conv2d":
      return conv2d({ filters, ...convolution })(x);
    case "pointwise":
      return conv2d({ filters, kernelSize: 1, useBias })(x);
    case "depthwise":
      return depthwiseConv2d(convolution)(x);
    case "normalized":
      return batchNormalization()(conv2d({ filters, ...convolution, useBias: false })(x));
    case "pool":
      return maxPool2d({ poolSize: 2, padding: "same" })(x);
    case "mean":
      return averagePool2d({ poolSize: 2, padding: "same" })(x);
    case "beside":
      return concatenate()([x, conv2d({ filters, kernelSize: 1, useBias })(x)]);
    case "sum":
      return s.merge()([x, depthwiseConv2d({ kernelSize: 3, padding: "same", useBias })(x)]);
  }
}

function made({ image, steps, units, weights, biases, seed }: Network): Model {
  const x = input({ shape: image });
  let y: SymbolicTensor = x;
  for (const s of steps) {
    y = applied(s, y);
    if (s.activation !== "linear") y = activation(s.activation)(y);
  }
  if (units) y = dense({ units })(flatten()(y));
  else y = globalAveragePool2d()(y);
  const whole = model({ inputs: x, outputs: y, seed });
  const random = new Random(seed);
  const chosen = <T>(of: readonly T[], c: number): T => of[c % of.length]!;
  for (const leaf of whole.graph.leaves.filter(v => v.leaf === "state")) {
    const { shape } = leaf.type;
    const row = size(shape) / shape[0]!;
    const kind = leaf.name.split("/").at(-1)!;
    leaf.data = Float32Array.from(leaf.data!, (v, i) => {
      const c = Math.floor(i / row);
      if (kind === "kernel" || kind === "gamma") return v * chosen(weights, c);
      if (kind === "bias" || kind === "beta") return random.uniform(0.5, 1) * chosen(biases, c);
      return kind === "moving_variance" ? random.uniform(0.5, 2) : v;
    });
  }
  return whole;
}

/** The float64 results of a node for its operands. */
function exact(node: Node, operands: readonly Float64Array[], batch: number): Float64Array {
  const graph = new Graph();
  const inputs = node.inputs.map((v, i) => {
    const type: Type = { shape: v.type.shape, dtype: "f32", batched: v.type.batched };
    return v.leaf === "state" ? graph.state("weight", `${i}`, type) : graph.leaf("input", `${i}`, type);
  });
  const { quantization: _, ...attrs } = node.attrs;
  graph.results = graph.add(node.op, inputs, attrs);
  const feed = Object.fromEntries(operands.map((data, i) => [`${i}`, data]));
  return evaluated(graph, feed, batch)[0]!.data;
}

/** The real numbers that integers of `type` represent, in units of `unit`. */
const real = (q: ArrayLike<number>, { quantization }: Type, unit: number): Float64Array =>
  Float64Array.from(q, v => (v - (quantization?.zeroPoint ?? 0)) * unit);

/** Every bias equals the float network's, within one part in 2^24 or one unit of the products. */
function expectBiases(graph: Graph, float: Graph): void {
  for (const { name, data, type } of graph.leaves.filter(v => v.type.dtype === "i32")) {
    const { scale } = type.quantization!;
    float.leaves
      .find(v => v.name === name)!
      .data!.forEach((b, c) => {
        const error = Math.abs(b - data![c]! * scale[c]!);
        if (!(error <= scale[c]! + Math.abs(b) * 2 ** -22))
          expect.fail(`"${name}" [${c}]: ${data![c]! * scale[c]!}, not ${b}`);
      });
  }
}

const BATCH = 3;

async function expectExact(graph: Graph, images: Float32Array): Promise<void> {
  const nodes = graph.nodes.filter(n => n.outputs[0]!.type.dtype === "i8" && n.op.name !== "quantize");
  const values = graph.nodes.map(n => n.outputs[0]!);
  const { graph: all, of } = graph.copy();
  all.results = values.map(v => of.get(v)!);
  const feed = { [graph.leaves.find(v => v.leaf === "input")!.name]: images };
  const ran = await planned(all, feed, { batch: BATCH, binary: RUN, ops: { lower: LOWER, prefers: PREFERS } });
  const numbers = new Map(values.map((v, i) => [v, ran.results[i]!.data]));
  for (const node of nodes) {
    const weighted = node.inputs[1]?.leaf === "state";
    const operands = node.inputs.map(v => {
      const unit = weighted ? 1 : v.type.quantization!.scale[0]!;
      return real(numbers.get(v) ?? v.data!, v.type, unit);
    });
    const [x, weight] = node.inputs.map(v => v.type.quantization!.scale);
    const unit = (i: number) => (weighted ? x![0]! * weight![i % weight!.length]! : 1);
    const y = node.outputs[0]!;
    const { scale, zeroPoint } = y.type.quantization!;
    const got = numbers.get(y)!;
    exact(node, operands, BATCH).forEach((r, i) => {
      const q = Math.max(-128, Math.min(127, (r * unit(i)) / scale[0]! + zeroPoint));
      if (!(Math.abs(q - got[i]!) <= 1.0001))
        expect.fail(`${node.op.name} "${node.name}" [${i}]: ${got[i]}, exact ${q}`);
    });
  }
  // the fused graph gives the same
  const { graph: fused } = graph.copy();
  fuse(fused, FORWARD);
  const { results } = await planned(fused, feed, {
    batch: BATCH,
    binary: RUN,
    ops: { lower: LOWER, prefers: PREFERS },
  });
  const { results: plain } = await planned(graph, feed, {
    batch: BATCH,
    binary: RUN,
    ops: { lower: LOWER, prefers: PREFERS },
  });
  expect(results[0]!.data).toEqual(plain[0]!.data);
}

test("quantizeStatic is within a step of exact arithmetic, or refuses by name", async () => {
  let refused = 0;
  let exactly = 0;
  await fc.assert(
    fc.asyncProperty(network, async of => {
      const whole = made(of);
      const random = new Random(of.seed + 1);
      const length = size(of.image);
      const images = Float32Array.from({ length: 8 * length }, () => random.uniform(-0.3, 1) * of.reach);
      const calibration = new Dataset({ images, shape: of.image, labels: new Uint8Array(8) });
      let quantized: Model;
      try {
        quantized = await quantizeStatic(whole, { calibration });
      } catch (error) {
        if (!(error instanceof PenjingError)) throw error;
        expect(["quantize", "refused", "calibration"]).toContain(error.code);
        refused++;
        return;
      }
      expectBiases(quantized.graph, quantized.float!);
      await expectExact(quantized.graph, images.subarray(0, BATCH * length));
      exactly++;
    }),
    { numRuns: 120, seed: 8 },
  );
  expect(exactly).toBeGreaterThan(80);
  expect(refused).toBeGreaterThan(0);
});
