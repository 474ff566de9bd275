/**
 * A graph and all its programs of one training in one memory: the step at every batch size there will be, with and without the optimizer.
 * Weights come from the leaves' `data` and stay in the memory until `copyBack`.
 */
import { PenjingError, wrongType } from "../base/errors.ts";
import type { Shape, TypedArray } from "../base/shape.ts";
import type { Graph, Type } from "../graph/graph.ts";
import { TRAIN } from "../kernels/load-train.ts";
import { TRAIN_LOWER, TRAIN_PREFERS } from "../ops/index.ts";
import type { Lowerings } from "../plan/lower.ts";
import type { Wanted } from "../plan/plan.ts";
import { Machine } from "../run/machine.ts";
import type { RowStreams, Stream } from "./feed.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { Optimizer } from "./optimizers.ts";
import { buildStep, type ImageFormat, STREAM, tallyOf } from "./step.ts";

/** Rows of one data set: how they lie, and the batch sizes they come in. */
export interface Batches {
  readonly images: ImageFormat;
  readonly weighted: boolean;
  readonly sizes: readonly number[];
}

export interface TrainerOptions {
  readonly loss: Loss;
  readonly metrics?: readonly Metric[];
  readonly optimizer?: Optimizer;
  readonly train?: Batches;
  readonly evaluate?: Batches;
  /** Steps there is room for in the streams: how many one `run` can do at most. Default 1. */
  readonly steps?: number;
}

export type Kind = "train" | "evaluate";

const OPS: Lowerings = { lower: TRAIN_LOWER, prefers: TRAIN_PREFERS as Lowerings["prefers"] };

export class Trainer {
  readonly machine: Machine;
  /** Steps one `run` can do at most. */
  readonly steps: number;
  readonly optimizer: Optimizer | undefined;
  /** "loss", then the metrics. */
  readonly measures: readonly string[];
  readonly #graph: Graph;
  readonly #options: TrainerOptions;

  private constructor(machine: Machine, graph: Graph, options: TrainerOptions) {
    this.machine = machine;
    this.#graph = graph;
    this.#options = options;
    this.steps = options.steps ?? 1;
    this.optimizer = options.optimizer;
    this.measures = ["loss", ...(options.metrics ?? []).map(m => m.name)];
  }

  static async create(graph: Graph, options: TrainerOptions): Promise<Trainer> {
    const { loss, metrics = [], optimizer, steps = 1 } = options;
    const wanted: Wanted[] = [];
    for (const kind of ["train", "evaluate"] as const) {
      const batches = options[kind];
      if (!batches) continue;
      const updating = kind === "train" && optimizer ? { optimizer } : {};
      const { images, weighted } = batches;
      const step = buildStep(graph, { images, weighted, loss, metrics, ...updating });
      for (const batch of batches.sizes) wanted.push({ name: `${kind} ${batch}`, graph: step.graph, batch, steps });
    }
    // streams are made by the first program that has them: the greatest batch must come first
    wanted.sort((a, b) => b.batch - a.batch);
    return new Trainer(await Machine.create(TRAIN, wanted, OPS), graph, options);
  }

  /** Runs the first `count` rows of the streams as steps of `batch` images. */
  run(kind: Kind, batch: number, count = 1): void {
    this.machine.run(this.machine.program(`${kind} ${batch}`), 0, count);
  }

  stream(name: string): Stream {
    const { image, step } = this.machine.leaf(name);
    const data = this.machine.stored(name);
    return { data, perStep: step / data.BYTES_PER_ELEMENT, perImage: image / data.BYTES_PER_ELEMENT };
  }

  /** Where `kind`'s rows are written. */
  rows(kind: Kind): RowStreams {
    const { images, weighted } = this.#options[kind]!;
    return {
      images: this.stream(STREAM.images(images)),
      target: this.stream(STREAM.target),
      weight: weighted ? this.stream(STREAM.weight) : undefined,
    };
  }

  /** Writes one number into row `step` of a stream of single numbers; a stream nothing reads is not there. */
  set(name: string, step: number, value: number): void {
    if (!this.machine.plan.leaves.has(name)) return;
    const { data, perStep } = this.stream(name);
    data[step * perStep] = value;
  }

  /** The f64 sum of loss or a metric over the images of all runs since `clear`. */
  sum(measure: string): number {
    return this.#tally(measure)[0]!;
  }

  /** What `sum` gives becomes `value`: 0, or where an earlier run stood. */
  setSum(measure: string, value = 0): void {
    this.#tally(measure).set([value, 0]);
  }

  #tally(measure: string): Float64Array {
    return new Float64Array(this.machine.memory.buffer, this.machine.leaf(tallyOf(measure)).at, 2);
  }

  /** Names of everything that lives across steps: weights, moving averages, masks, the optimizer's moments. */
  states(): string[] {
    return [...this.machine.plan.leaves.values()].filter(b => b.kind === "state").map(b => b.name);
  }

  read(name: string): TypedArray {
    return this.machine.read(this.#state(name));
  }

  write(name: string, values: ArrayLike<number>): void {
    this.machine.write(this.#state(name), values);
  }

  #state(name: string): string {
    const leaf = this.machine.plan.leaves.get(name);
    if (leaf?.kind !== "state")
      throw new PenjingError("leaf", `no state "${name}" here; there are ${this.states().join(", ")}`);
    return name;
  }

  /** The graph's leaves get the states as they are now, as new arrays: copies of the graph made before keep theirs. */
  copyBack(): void {
    for (const leaf of this.#graph.leaves)
      if (leaf.leaf === "state" && this.machine.plan.leaves.has(leaf.name)) leaf.data = this.read(leaf.name);
  }
}

/** The images a graph takes, and the numbers it gives for one. */
export function ends(graph: Graph): { input: Shape; output: Type; classes: number } {
  const inputs = graph.leaves.filter(v => v.leaf === "input");
  if (inputs.length !== 1 || graph.results.length !== 1)
    throw wrongType("graph", "one input and one output", `${inputs.length} inputs, ${graph.results.length} outputs`);
  const output = graph.results[0]!.type;
  return { input: inputs[0]!.type.shape, output, classes: output.shape.at(-1) ?? 1 };
}
