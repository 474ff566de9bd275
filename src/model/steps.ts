/** Single training steps on arrays, of any batch size, with persistent moments of one optimizer. */
import { integer, knownOptions, wrongValue } from "../base/errors.ts";
import { showSamples, size, type TypedArray } from "../base/shape.ts";
import type { Preprocessing } from "../container/extras.ts";
import { rescale } from "../data/scaling.ts";
import type { Graph } from "../graph/graph.ts";
import { isBytes } from "../run/inputs.ts";
import { channelScalingOf, USUAL } from "../run/pixels.ts";
import type { StepHook } from "../train/callbacks.ts";
import { lossFor, metricsFor, targetFor } from "../train/defaults.ts";
import type { FitOptions } from "../train/fit-options.ts";
import { optimizerOf } from "../train/named.ts";
import { adam } from "../train/optimizers.ts";
import { sameScaling } from "../train/scaling.ts";
import { arrays, type Scores, signatureOf, Trainer } from "../train/trainer.ts";

export interface StepOptions extends Pick<FitOptions, "optimizer" | "loss" | "metrics" | "seed"> {
  /** Total number of steps, for pruning schedules. Required if the model is pruned while it is trained. */
  steps?: number;
}

const OPTIONS = ["optimizer", "loss", "metrics", "seed", "steps"] as const;

/** Additions of a model to its training. */
export type Additions = Pick<FitOptions, "regularizers"> & { readonly hooks: readonly StepHook[] };

export class Steps {
  readonly #graph: Graph;
  readonly #options: StepOptions;
  readonly #additions: Additions;
  readonly #optimizer;
  readonly #sizes = new Set<number>();
  #trainer: Trainer | undefined;
  /** Names of the leaves that were frozen when the steps were planned. */
  #frozen = "";
  /** State -> the contents that it was given, or has since the last step. */
  readonly #known = new Map<string, TypedArray>();
  /** The conversion from bytes to the images of earlier steps. */
  #scaling: Preprocessing | undefined;

  /** The next step before which each hook acts. */
  readonly #due: (number | undefined)[];

  constructor(graph: Graph, options: StepOptions, additions: Additions) {
    knownOptions("trainStep", options, OPTIONS);
    this.#graph = graph;
    this.#options = options;
    this.#additions = additions;
    this.#optimizer = optimizerOf(options.optimizer ?? adam());
    const { hooks } = additions;
    const steps = hooks.length || options.steps !== undefined ? integer("steps", options.steps, 1) : 0;
    for (const hook of hooks) hook.begin?.(0, steps);
    this.#due = hooks.map(hook => hook.next?.(0));
  }

  /** True if it was made for these options. */
  serves(options: StepOptions): boolean {
    knownOptions("trainStep", options, OPTIONS);
    return OPTIONS.every(name => options[name] === this.#options[name]);
  }

  /**
   * Runs one step. Bytes are converted by `preprocessing`; `scaling`: the conversion from bytes to images, if known.
   */
  async train(
    given: ArrayLike<number>,
    y: ArrayLike<number>,
    {
      scaling,
      preprocessing = USUAL,
    }: { scaling: Preprocessing | undefined; preprocessing: Preprocessing | undefined },
  ): Promise<Scores> {
    const { input } = signatureOf(this.#graph);
    const x = isBytes(given) ? realsOf(given, preprocessing, input.at(-1) ?? 1) : given;
    const images = x.length / size(input);
    if (!Number.isInteger(images) || images < 1) throw wrongValue("x", `whole ${showSamples(input)}`, x);
    const channels = input.at(-1) ?? 1;
    if (scaling && this.#scaling && !sameScaling(scaling, this.#scaling, channels))
      throw new RangeError('"x" expected samples scaled as those of the steps before, got others');
    const trainer = await this.#for(images, y);
    this.#scaling ??= scaling;
    for (const leaf of this.#graph.leaves) {
      if (leaf.leaf !== "state" || !leaf.data || leaf.data === this.#known.get(leaf.name)) continue;
      if (trainer.machine.plan.leaves.has(leaf.name)) trainer.write(leaf.name, leaf.data);
    }
    this.#act(trainer);
    const scores = trainer.trainStep(x, y);
    if (trainer.step === this.#options.steps) for (const hook of this.#additions.hooks) hook.end?.(trainer.step);
    trainer.copyBack();
    for (const leaf of this.#graph.leaves) if (leaf.data) this.#known.set(leaf.name, leaf.data);
    return scores;
  }

  #act(trainer: Trainer): void {
    this.#additions.hooks.forEach((hook, i) => {
      const due = this.#due[i];
      if (due === undefined || due > trainer.step) return;
      hook.act!(trainer.step, trainer);
      this.#due[i] = hook.next!(trainer.step + 1);
    });
  }

  /**
   * The trainer for that batch size: planned anew for a new one, or if layers were frozen since, with the same moments.
   */
  async #for(images: number, y: ArrayLike<number>): Promise<Trainer> {
    const frozen = this.#graph.leaves.filter(v => v.frozen).map(v => v.name);
    const before = this.#trainer;
    if (before && this.#sizes.has(images) && this.#frozen === frozen.join()) return before;
    const { output, classes } = signatureOf(this.#graph);
    const { regularizers, hooks } = this.#additions;
    const data = { classes: y instanceof Float32Array ? 0 : classes, targetShape: output.shape };
    const loss = lossFor(this.#graph, data, this.#options.loss);
    const trainer = await Trainer.create(this.#graph, {
      loss,
      target: targetFor(loss, output, data),
      metrics: metricsFor(data, this.#options.metrics),
      optimizer: this.#optimizer,
      train: arrays(...new Set([...this.#sizes, images])),
      ...(this.#options.seed !== undefined && { seed: this.#options.seed }),
      ...(regularizers && { regularizers }),
      hooks,
    });
    trainer.totalSteps = this.#options.steps;
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

function realsOf(bytes: Uint8Array | Uint8ClampedArray, by: Preprocessing, channels: number): Float32Array {
  const reals = new Float32Array(bytes.length);
  rescale(bytes, 0, reals, channelScalingOf(by, channels));
  return reals;
}
