/**
 * Layers whose weights are mostly zeros beside the same layers without zeros: how many times faster the kernel is that
 * the planner calls.
 */
import { Random } from "../../base/random.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Variant } from "../../kernels/load.ts";
import { RUN } from "../../kernels/load-run.ts";
import { conv2d, dense, type Model, sequential } from "../../model/index.ts";
import { LOWER, PREFERS } from "../../ops/index.ts";
import { callsOf, repeated } from "../../plan/words.ts";
import { Machine } from "../../run/machine.ts";
import { type Case, type Effort, least } from "./measure.ts";
import { inInt8 } from "./networks.ts";

interface Layer {
  readonly name: string;
  readonly dtype: "f32" | "int8";
  readonly layer: () => Model;
  readonly batch?: number;
  /** Weights pruned together. */
  readonly block: readonly [inputs: number, outputs: number];
  readonly sparsity: number;
}

const pointwise = (side: number, channels: number) => (): Model =>
  sequential([conv2d({ filters: channels, kernelSize: 1, inputShape: [side, side, channels] })]);
const square = (units: number) => (): Model => sequential([dense({ units, inputShape: [units] })]);

const LAYERS: readonly Layer[] = [
  { name: "1x1 of 64 to 64, 32x32", dtype: "int8", layer: pointwise(32, 64), block: [1, 4], sparsity: 0.8 },
  { name: "1x1 of 64 to 64, 32x32", dtype: "int8", layer: pointwise(32, 64), block: [1, 1], sparsity: 0.9 },
  { name: "dense 512x512", dtype: "int8", layer: square(512), block: [4, 16], sparsity: 0.8 },
  { name: "512x512 times 64", dtype: "f32", layer: square(512), batch: 64, block: [1, 1], sparsity: 0.9 },
  { name: "1x1 of 64 to 64, 32x32", dtype: "f32", layer: pointwise(32, 64), block: [1, 4], sparsity: 0.8 },
  { name: "dense 512x512", dtype: "f32", layer: square(512), block: [4, 16], sparsity: 0.8 },
];

/** Measures the speed-up of pruned layers, in the types and patterns for which there are kernels. */
export async function sparseLayers(variant: Variant): Promise<Case[]> {
  const cases = LAYERS.map(async ({ name, dtype, layer, batch = 1, block, sparsity }): Promise<Case> => {
    const calls = [];
    for (const zeros of [0, sparsity]) {
      const model = layer();
      prune(model.graph, block, zeros);
      calls.push(await callOf(dtype === "int8" ? inInt8(model) : model.graph, batch, variant));
    }
    const [whole, pruned] = calls as [() => void, () => void];
    const pattern = block[1] === 1 ? "weights" : `${block.join("x")} blocks`;
    return {
      name: `sparse ${dtype} ${name}, ${Math.round(100 * sparsity)}% of ${pattern}`,
      unit: "x dense",
      amount: 1,
      measure: effort => ratio(pruned, whole, effort),
    };
  });
  return Promise.all(cases);
}

/** The time of one call as a share of another's. They take turns, as a machine's clock and load change. */
function ratio(work: () => void, other: () => void, effort: Effort): number {
  const part = { ...effort, loops: Math.ceil(effort.loops / TURNS), milliseconds: effort.milliseconds / TURNS };
  let [mine, others] = [Infinity, Infinity];
  for (let turn = 0; turn < TURNS; turn++) {
    mine = Math.min(mine, least(work, part));
    others = Math.min(others, least(other, part));
  }
  return mine / others;
}
const TURNS = 10;

/** Sets a share of the blocks of a layer's kernel [outputs][...inputs] to zero. */
function prune(graph: Graph, [inputs, outputs]: Layer["block"], sparsity: number): void {
  const { data, type } = graph.leaves.find(leaf => leaf.role === "weight")!;
  const weights = data as Float32Array;
  const length = weights.length / type.shape[0]!;
  const across = Math.ceil(length / inputs);
  const blocks = across * Math.ceil(type.shape[0]! / outputs);
  const zeros = new Random(6).permutation(blocks).subarray(0, Math.round(sparsity * blocks));
  const pruned = new Set(zeros);
  for (let i = 0; i < weights.length; i++) {
    const [o, k] = [Math.floor(i / length), i % length];
    if (pruned.has(Math.floor(o / outputs) * across + Math.floor(k / inputs))) weights[i] = 0;
  }
}

/** The call of the layer in the program of a network that has no other, alone in the place of the program. */
async function callOf(graph: Graph, batch: number, variant: Variant): Promise<() => void> {
  const wanted = [{ name: "layer", graph, batch, group: batch }];
  const machine = await Machine.create(RUN, wanted, { lower: LOWER, prefers: PREFERS }, variant);
  const program = machine.program("layer");
  machine.run(program);
  const { word, form } = callsOf(program).find(({ kernel }) => /conv2d|dense|gemm/.test(kernel))!;
  const alone = repeated([program.words.slice(word, word + 2 + form.args.length)], 1);
  new Int32Array(machine.memory.buffer, program.at).set(alone);
  return () => machine.kernels.run(program.at);
}
