/** Benchmarks of convolutions as the planner calls them, and of LeNet-5 as a whole. */
import { PenjingError } from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import { Dataset, mnist } from "../../data/index.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import type { Variant } from "../../kernels/load.ts";
import type { KernelName } from "../../kernels/table.ts";
import { conv2d, type Model, maxPool2d, sequential } from "../../model/index.ts";
import { lenet5 } from "../../models/index.ts";
import { COST, type OpName } from "../../ops/index.ts";
import { quantizeStatic } from "../../passes/quantize/static.ts";
import { callsOf, repeated } from "../../plan/words.ts";
import { Net } from "../../run/net.ts";
import { fit } from "../../train/fit.ts";
import { adam } from "../../train/optimizers.ts";
import { type Case, i8PerCycle, least, PER_CYCLE, SHORT } from "./measure.ts";

/** An int8 network, int8 in and out. Its ranges fit no real data, which does not matter for speed. */
export const inInt8 = (model: Model): Graph =>
  quantizeStatic(model.graph, { range: () => ({ min: -1, max: 1 }), int8Borders: true });

/** Multiply-accumulates of one image. */
const macsOf = ({ nodes }: { nodes: readonly Node[] }): number =>
  nodes.reduce((sum, node) => sum + COST[node.op.name as OpName](node).macs, 0);

// ---------------------------------------------------------------- convolutions

interface Convolution {
  readonly image: readonly [height: number, width: number, channels: number];
  readonly filters: number;
  readonly kernelSize: number;
}

/** The convolutions of LeNet-5. */
const CONVOLUTIONS: readonly Convolution[] = [
  { image: [28, 28, 1], filters: 6, kernelSize: 5 },
  { image: [12, 12, 6], filters: 16, kernelSize: 5 },
];

const layers = ({ image, filters, kernelSize }: Convolution, pooled: boolean): Model =>
  sequential(
    pooled
      ? [conv2d({ filters, kernelSize, activation: "relu", inputShape: image }), maxPool2d()]
      : [conv2d({ filters, kernelSize, inputShape: image })],
  );

/** LeNet-5's convolutions, alone and with ReLU and pool, in f32 and int8: the one kernel the planner calls for each. */
export async function convolutions(variant: Variant): Promise<Case[]> {
  const cases: Case[] = [];
  for (const dtype of ["f32", "i8"] as const)
    for (const convolution of CONVOLUTIONS)
      for (const pooled of [false, true]) {
        const model = layers(convolution, pooled);
        const graph = dtype === "f32" ? model.graph : inInt8(model);
        const net = await Net.create(graph, { capacity: 1, variant });
        const { kernel, call } = conv2dCall(net);
        const { image, filters, kernelSize } = convolution;
        cases.push({
          name: `${kernel} ${image.join("x")} to ${filters}, ${kernelSize}x${kernelSize}`,
          unit: "GMAC/s",
          amount: macsOf(model.graph),
          perCycle: dtype === "f32" ? PER_CYCLE.f32 : i8PerCycle(variant),
          measure: effort => least(call, effort),
        });
      }
  return cases;
}

/**
 * The call of the convolution in the program of a network for one image, with the same arguments; it replaces the
 * program.
 */
function conv2dCall(net: Net): { kernel: KernelName; call: () => void } {
  const { machine } = net;
  const program = machine.program("x1");
  machine.run(program);
  const { kernel, word, form } = callsOf(program).find(call => call.kernel.includes("conv2d"))!;
  const alone = repeated([program.words.slice(word, word + 2 + form.args.length)], 1);
  new Int32Array(machine.memory.buffer, program.at).set(alone);
  return { kernel, call: () => machine.kernels.run(program.at) };
}

// ---------------------------------------------------------------- LeNet-5

/** LeNet-5 in its own types: f32 in and out, or int8 in and out; one image a call, and 256. */
export async function lenet5Inference(variant: Variant): Promise<Case[]> {
  const model = lenet5({ seed: 1 });
  const macs = macsOf(model.graph);
  const cases: Case[] = [];
  for (const dtype of ["f32", "int8"] as const)
    for (const batch of [1, 256]) {
      const graph = dtype === "f32" ? model.graph : inInt8(model);
      const net = await Net.create(graph, { capacity: batch, variant });
      const random = new Random(8);
      const pixels = Float32Array.from({ length: batch * 784 }, () => random.uniform());
      const x = dtype === "f32" ? pixels : Int8Array.from(pixels, p => Math.floor(256 * p) - 128);
      const y = dtype === "f32" ? new Float32Array(batch * 10) : new Int8Array(batch * 10);
      cases.push({
        name: `lenet5 ${dtype} batch ${batch}`,
        unit: "us/image",
        amount: batch,
        macs,
        perCycle: dtype === "f32" ? PER_CYCLE.f32 : i8PerCycle(variant),
        measure: effort => least(() => net.run(x, { into: y }), effort),
      });
    }
  return cases;
}

/** Training with Adam, batches of 64; the fastest of several epochs. Uses MNIST, or noise if it is not installed. */
export async function lenet5Training(): Promise<Case> {
  const images = 12_800;
  const { graph } = lenet5({ seed: 1 });
  return {
    name: "lenet5 train",
    unit: "images/s",
    amount: images,
    macs: trainingMacsOf(graph),
    perCycle: PER_CYCLE.f32,
    async measure(effort) {
      let least = Infinity;
      let began = 0;
      await fit(graph, await digits(images), {
        epochs: effort === SHORT ? 1 : 6,
        batchSize: 64,
        optimizer: adam(1e-3),
        callbacks: [
          {
            onEpochBegin: () => {
              began = performance.now();
            },
            onEpochEnd: () => {
              least = Math.min(least, performance.now() - began);
            },
          },
        ],
      });
      return least / 1000;
    },
  };
}

/**
 * Each product of the forward pass is repeated for the gradient of the weights, and for that of the input unless it is
 * an image.
 */
function trainingMacsOf(graph: Graph): number {
  return 3 * macsOf(graph) - macsOf({ nodes: graph.nodes.filter(node => node.inputs[0]!.leaf === "input") });
}

async function digits(images: number): Promise<Dataset> {
  try {
    return (await mnist()).train.take(images);
  } catch (error) {
    if (!(error instanceof PenjingError && error.code === "missing")) throw error;
    const random = new Random(9);
    return new Dataset({
      images: Uint8Array.from({ length: images * 784 }, () => random.integer(256)),
      shape: [28, 28, 1],
      labels: Uint8Array.from({ length: images }, () => random.integer(10)),
    });
  }
}
