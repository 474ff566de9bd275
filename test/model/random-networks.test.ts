/**
 * Random networks: drawn from layers with any geometry, with branches and shared layers. Through the planner each gives
 * the results of evaluate, gradients too, and the gradients are the slopes of evaluate.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import type { Graph, Value } from "../../src/graph/graph.ts";
import {
  type Activation,
  activation,
  add,
  average,
  averagePool1d,
  averagePool2d,
  batchNormalization,
  concatenate,
  conv1d,
  conv2d,
  conv2dTranspose,
  dense,
  depthwiseConv2d,
  flatten,
  globalAveragePool1d,
  globalAveragePool2d,
  globalMaxPool1d,
  globalMaxPool2d,
  input,
  layerNormalization,
  type Model,
  maximum,
  maxPool1d,
  maxPool2d,
  minimum,
  model,
  multiply,
  type Padding1d,
  type Pads,
  type Pool1dOptions,
  rescaling,
  reshape,
  type SymbolicTensor,
  separableConv2d,
  subtract,
  upSampling2d,
  zeroPadding2d,
} from "../../src/model/index.ts";
import { BACKWARD, FORWARD, fuse } from "../../src/passes/fuse.ts";
import { trainingForm } from "../../src/passes/training.ts";
import { evaluated, expectPlanned, type Feed, withGradients } from "../ops/planned.ts";

const ACTIVATIONS = [
  "relu",
  "relu6",
  "leakyRelu",
  "elu",
  "prelu",
  "sigmoid",
  "hardSigmoid",
  "tanh",
  "hardSwish",
  "gelu",
  "silu",
  "softmax",
  "logSoftmax",
] as const satisfies Activation[];

/** One layer to draw: its kind, and random numbers for its options. */
const step = fc.record({
  kind: fc.constantFrom(
    "conv2d",
    "conv2d",
    "conv2d",
    "depthwise",
    "separable",
    "transposed",
    "transposed",
    "sequence",
    "sequence",
    "upSampling",
    "extreme",
    "rescale",
    "normalizeRows",
    "maxPool",
    "averagePool",
    "pad",
    "normalize",
    "activation",
    "residual",
    "excite",
    "spread",
    "beside",
    "twice",
    "flatten",
    "reshape",
    "mean",
    "most",
  ),
  kernel: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
  strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
  padding: fc.oneof(
    fc.constantFrom("valid" as const, "same" as const),
    fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }).map(p => p as unknown as Pads),
  ),
  groups: fc.constantFrom(1, 1, 2, 3),
  filters: fc.integer({ min: 1, max: 9 }),
  useBias: fc.boolean(),
  activation: fc.constantFrom("linear" as const, "relu" as const, ...ACTIVATIONS),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const network = fc.record({
  image: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 4 })),
  steps: fc.array(step, { minLength: 1, maxLength: 5 }),
  units: fc.integer({ min: 0, max: 11 }),
  seed: fc.nat(1e6),
  training: fc.boolean(),
  fused: fc.boolean(),
});

function grow(x: SymbolicTensor, s: Step): SymbolicTensor {
  const { kernel, strides, padding, useBias } = s;
  const filters = s.filters * s.groups;
  const common = { strides, padding, dilationRate: s.dilation, activation: s.activation, useBias };
  switch (s.kind) {
    case "conv2d":
      return conv2d({ ...common, filters, kernelSize: kernel, groups: s.groups })(x);
    case "depthwise":
      return depthwiseConv2d({ ...common, kernelSize: kernel, depthMultiplier: s.groups })(x);
    case "separable":
      return separableConv2d({ ...common, filters, kernelSize: kernel, depthMultiplier: s.groups })(x);
    case "transposed": {
      const outputPadding = useBias ? {} : { outputPadding: [strides[0] - 1, 0] as const };
      const geometry = { ...common, ...outputPadding, padding: padding === "same" ? padding : ("valid" as const) };
      return conv2dTranspose({ ...geometry, filters: s.filters, kernelSize: kernel })(x);
    }
    case "sequence": {
      const rows = reshape({ targetShape: [-1, s.groups] })(x);
      const pools: Pool1dOptions = { poolSize: kernel[1], strides: strides[1], padding: useBias ? "same" : "valid" };
      const pooled = [maxPool1d(pools), averagePool1d(pools), activation("tanh")][s.groups - 1]!(rows);
      const pads: Padding1d = padding === "valid" || padding === "same" ? padding : s.filters > 4 ? "causal" : [2, 1];
      const along = { strides: strides[0], dilationRate: s.dilation[0], padding: pads, groups: s.groups, useBias };
      const filtered = conv1d({ ...along, filters, kernelSize: kernel[0], activation: s.activation })(pooled);
      return [globalMaxPool1d(), globalAveragePool1d(), layerNormalization()][s.strides[0] - 1]!(filtered);
    }
    case "upSampling":
      return upSampling2d({ size: s.dilation, interpolation: useBias ? "bilinear" : "nearest" })(x);
    case "extreme":
      return [maximum(), minimum(), average()][s.groups - 1]!(x, activation("tanh")(rescaling({ scale: 2 })(x)));
    case "rescale":
      return rescaling({ scale: s.filters / 4, offset: useBias ? -0.5 : 0 })(x);
    case "normalizeRows": {
      const axis = [-1, [-2, -1], [1, 2, 3]][s.groups - 1]!;
      return layerNormalization({ axis, epsilon: 0.1, center: useBias, scale: s.filters < 7 })(x);
    }
    case "maxPool":
      return maxPool2d({ poolSize: kernel, strides, padding: padding === "valid" ? "valid" : "same" })(x);
    case "averagePool":
      return averagePool2d({ poolSize: kernel, strides, padding: padding === "valid" ? "valid" : "same" })(x);
    case "pad":
      return zeroPadding2d({ padding: [s.strides, s.dilation] })(x);
    case "normalize":
      return batchNormalization({ epsilon: 0.1, center: useBias, scale: s.groups < 3 })(x);
    case "activation":
      return activation(s.activation)(x);
    case "residual":
      return [add(), subtract(), multiply()][s.groups - 1]!(x, activation("tanh")(x));
    case "excite": {
      const channels = dense({ units: filters, activation: "sigmoid" })(globalAveragePool2d()(x));
      const image = conv2d({ filters, kernelSize: kernel, padding: "same" })(x);
      return [multiply(), add(), subtract()][s.groups - 1]!(...(useBias ? [image, channels] : [channels, image]));
    }
    case "spread": {
      const row = activation("tanh")(averagePool2d({ poolSize: [1, 1], strides: [99, 1], padding: "same" })(x));
      const column = conv2d({ filters: 1, kernelSize: 1, strides: [1, 99], padding: "same" })(x);
      return [multiply(), add(), subtract()][s.groups - 1]!(...(useBias ? [row, column] : [column, row]));
    }
    case "beside":
      return concatenate()(conv2d({ filters, kernelSize: kernel, padding: "same", activation: s.activation })(x), x, x);
    case "twice": {
      const shared = depthwiseConv2d({ kernelSize: kernel, padding: "same", useBias });
      return add()(shared(shared(x)), x);
    }
    case "flatten":
      return dense({ units: s.filters, activation: s.activation, useBias })(flatten()(x));
    case "reshape":
      return reshape({ targetShape: [-1, 1, 1] })(x);
    case "mean":
      return globalAveragePool2d()(x);
    case "most":
      return globalMaxPool2d()(x);
  }
}

/** Builds the network with every layer that fits. */
function draw({ image, steps, units, seed }: { image: number[]; steps: Step[]; units: number; seed: number }): Model {
  const x = input({ shape: image });
  let y = activation("tanh")(x);
  let built = model({ inputs: x, outputs: y, seed });
  const extend = (next: SymbolicTensor) => {
    try {
      const made = model({ inputs: x, outputs: next, seed });
      if (size(made.outputShape) > 2000) return;
      built = made;
      y = next;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  };
  for (const s of steps) extend(grow(y, s));
  if (units) extend(dense({ units })(flatten()(y)));
  return built;
}

const noise = (n: number, random: Random): Float32Array => Float32Array.from({ length: n }, () => random.normal());

function contents(graph: Graph, batch: number, seed: number): Feed {
  const random = new Random(seed);
  const of = (leaf: Value): Float32Array => {
    const drawn = noise(size(leaf.type.shape) * (leaf.type.batched ? batch : 1), random.fork(leaf.name));
    return leaf.name.endsWith("variance")
      ? drawn.map(v => v * v + 0.5)
      : drawn.map(v => v * (leaf.leaf === "state" ? 0.4 : 1));
  };
  return Object.fromEntries(graph.leaves.map(leaf => [leaf.name, of(leaf)]));
}

/** d(sum upstream * y) along a random direction, by the gradients and by finite differences. */
function expectSlopesAlong(graph: Graph, feed: Feed, batch: number, wrt: readonly string[], seed: number): void {
  const STEP = 1e-6;
  const [first, ...gradients] = evaluated(graph, feed, batch);
  const wanted = [graph.results[0]!];
  const upstream = feed["upstream 0"]!;
  const total = (changed: Feed) =>
    evaluated(graph, { ...feed, ...changed }, batch, wanted)[0]!.data.reduce((s, v, i) => s + v * upstream[i]!, 0);
  const scale = first!.data.reduce((s, v, i) => s + Math.abs(v * upstream[i]!), 1);
  wrt.forEach((name, k) => {
    const at = Float64Array.from(feed[name]!);
    const direction = noise(at.length, new Random(seed).fork(name));
    const above = total({ [name]: at.map((v, i) => v + STEP * direction[i]!) });
    const below = total({ [name]: at.map((v, i) => v - STEP * direction[i]!) });
    const slope = (above - below) / (2 * STEP);
    const expected = gradients[k]!.data.reduce((s, d, i) => s + d * direction[i]!, 0);
    const error = Math.abs(slope - expected);
    if (!(error <= 1e-5 * Math.max(Math.abs(expected), scale)))
      expect.fail(`d ${name}: ${expected} along the direction, where evaluate has a slope of ${slope}`);
  });
}

describe("model: random networks", () => {
  test("plan, evaluate and slopes agree at batches 1, 3 and 5", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(network, async drawn => {
        const built = draw(drawn);
        for (const batch of [1, 3, 5]) {
          const { graph } = built.graph.copy();
          if (drawn.training) trainingForm(graph);
          if (drawn.fused) fuse(graph, FORWARD);
          const wrt = graph.leaves.filter(v => !/(ones|zeros|moving_.*)$/.test(v.name)).map(v => v.name);
          withGradients(graph, wrt);
          if (drawn.fused) fuse(graph, BACKWARD);
          for (const n of graph.nodes) seen.add(n.op.name).add(n.name.replace(/_\d+$/, ""));
          const feed = contents(graph, batch, drawn.seed + batch);
          // the gradient of a bias in front of a batch normalization is nothing but rounding
          await expectPlanned(graph, feed, { batch }, 1e-4, 1);
          if (batch === 3) expectSlopesAlong(graph, feed, batch, wrt, drawn.seed);
        }
      }),
      { numRuns: 60, seed: 20, endOnFailure: false },
    );
    // the drawn networks cover the ops
    for (const op of [
      "conv2d",
      "depthwiseConv2d",
      "maxPool2d",
      "averagePool2d",
      "dense",
      "concat",
      "pad",
      "prelu",
      "add",
      "broadcast",
      "rearrangeGradient",
      "layerNormalizationGradient",
      "conv1d",
      "maxPool1d",
      "averagePool1d",
      "globalMaxPool1d",
      "globalAveragePool1d",
      "globalMaxPool2d",
      "separableConv2d",
      "conv2dTranspose",
      "maximum",
      "minimum",
      "scale",
      "rescaling",
      "resizeNearest",
      "resizeBilinear",
    ])
      expect(seen).toContain(op);
    expect(seen).toContain("trainBatchNormalization");
    expect(seen).toContain("batchNormalization");
  }, 120_000);
});
