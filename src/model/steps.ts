/** Single steps of training on arrays, whatever the size of each batch, with one optimizer's moments all along. */
import { knownOptions, wrongValue } from "../base/errors.ts";
import { showShape, size, type TypedArray } from "../base/shape.ts";
import type { Graph } from "../graph/graph.ts";
import { lossFor, metricsFor, targetFor } from "../train/defaults.ts";
import type { FitOptions } from "../train/fit.ts";
import { adam } from "../train/optimizers.ts";
import { arrays, ends, type Scores, Trainer } from "../train/trainer.ts";

export type StepOptions = Pick<FitOptions, "optimizer" | "loss" | "metrics" | "seed">;

const OPTIONS = ["optimizer", "loss", "metrics", "seed"] as const;

export class Steps {
  readonly #graph: Graph;
  readonly #options: StepOptions;
  readonly #penalties: Pick<FitOptions, "regularizers">;
  readonly #optimizer;
  readonly #sizes = new Set<number>();
  #trainer: Trainer | undefined;
  /** Which leaves were frozen when the steps were planned. */
  #frozen = "";
  /** The contents each weight was given, or got by the last step. */
  readonly #known = new Map<string, TypedArray>();

  constructor(graph: Graph, options: StepOptions, penalties: Pick<FitOptions, "regularizers">) {
    knownOptions("trainStep", options, OPTIONS);
    this.#graph = graph;
    this.#options = options;
    this.#penalties = penalties;
    this.#optimizer = options.optimizer ?? adam();
  }

  /** Are these the options it was made for? */
  serves(options: StepOptions): boolean {
    knownOptions("trainStep", options, OPTIONS);
    return OPTIONS.every(name => options[name] === this.#options[name]);
  }

  async train(x: ArrayLike<number>, y: ArrayLike<number>): Promise<Scores> {
    const { input } = ends(this.#graph);
    const images = x.length / size(input);
    if (!Number.isInteger(images) || images < 1)
      throw wrongValue("x", `whole images of ${showShape(input)}`, `${x.length} numbers`);
    const trainer = await this.#for(images, y);
    for (const leaf of this.#graph.leaves) {
      if (leaf.leaf !== "state" || !leaf.data || leaf.data === this.#known.get(leaf.name)) continue;
      if (trainer.machine.plan.leaves.has(leaf.name)) trainer.write(leaf.name, leaf.data);
    }
    const scores = trainer.trainStep(x, y);
    trainer.copyBack();
    for (const leaf of this.#graph.leaves) if (leaf.data) this.#known.set(leaf.name, leaf.data);
    return scores;
  }

  /** The trainer for that batch size: planned anew for a new one, or where layers were frozen since, and with the moments it had. */
  async #for(images: number, y: ArrayLike<number>): Promise<Trainer> {
    const frozen = this.#graph.leaves.filter(v => v.frozen).map(v => v.name);
    const before = this.#trainer;
    if (before && this.#sizes.has(images) && this.#frozen === frozen.join()) return before;
    const { output, classes } = ends(this.#graph);
    const data = { classes: y instanceof Float32Array ? 0 : classes, targetShape: output.shape };
    const loss = lossFor(this.#graph, data, this.#options.loss);
    const trainer = await Trainer.create(this.#graph, {
      loss,
      target: targetFor(loss, output, data),
      metrics: this.#options.metrics ?? metricsFor(data),
      optimizer: this.#optimizer,
      train: arrays(...new Set([...this.#sizes, images])),
      ...(this.#options.seed !== undefined && { seed: this.#options.seed }),
      ...this.#penalties,
    });
    if (before) {
      const states = new Set(trainer.states());
      for (const name of before.states()) if (states.has(name)) trainer.write(name, before.read(name));
      trainer.step = before.step;
    }
    this.#sizes.add(images);
    this.#frozen = frozen.join();
    this.#trainer = trainer;
    return trainer;
  }
}
