/** The hook of `fit` that drops and grows connections, by RigL (Evci et al. 2020). */
import { cos } from "../base/math.ts";
import type { Graph } from "../graph/graph.ts";
import { accumulate } from "../ops/observation/accumulate.ts";
import type { StepHook, StepValues, TrainingState } from "../train/callbacks.ts";
import type { Update } from "../train/optimizers.ts";
import { type Steps, stepsOf } from "../train/share-of-steps.ts";
import type { Criterion } from "./criteria.ts";
import { Gathering } from "./gathering.ts";
import { Life, zeroShare } from "./life.ts";
import { type MaskedWeight, resizedMasks } from "./masks.ts";
import { SPARSITY } from "./pruning.ts";
import { greatest } from "./selection.ts";

/** |dL/dw'|, where w' is the weight behind its mask: it tells how much the loss falls at first where a weight grows. */
const growth: Criterion = {
  name: "rigl",
  build(graph, { parameter }, step) {
    const sum = graph.state("observation", `${parameter.name}/dense_gradient`, parameter.type);
    graph.one(accumulate, [sum, step.gradient(step.effective(parameter))!]);
    return sum;
  },
  score: ({ gathered }) => gathered!.map(Math.abs),
  pruned: "latent",
};

export interface RegrowthOptions {
  fraction: number;
  endStep: Steps;
  frequency: Steps;
}

export class Regrowth implements StepHook {
  readonly masks: readonly MaskedWeight[];
  readonly options: RegrowthOptions;
  readonly #gathering: Gathering;
  readonly #life: Life;
  readonly #endOf: (steps: number) => number;
  readonly #everyOf: (steps: number) => number;
  #end = 0;
  #every = 1;

  constructor(masks: readonly MaskedWeight[], options: RegrowthOptions, life?: Life) {
    this.masks = masks;
    this.options = options;
    this.#endOf = stepsOf("endStep", options.endStep, 1);
    this.#everyOf = stepsOf("frequency", options.frequency, 1);
    this.#gathering = new Gathering(growth, masks);
    this.#life = life ?? new Life(masks);
  }

  build(graph: Graph, updates: readonly Update[], step: StepValues): void {
    this.#life.build(graph);
    this.#gathering.build(graph, updates, step);
  }

  begin(step: number, steps: number, state?: TrainingState): void {
    const life = this.#life;
    life.begin(step, steps, state);
    this.#end = this.#endOf(life.before + steps);
    this.#every = Math.max(1, this.#everyOf(life.before + steps));
    if (step > 0 || steps === 0 || life.before > 0) return;
    for (let s = step; s < steps; s++) if (this.#updates(s)) return;
    const { frequency, endStep } = this.options;
    throw life.never("rigl", "moves weights", `frequency ${frequency}, endStep ${endStep}`);
  }

  /** True where weights are moved before this step, which needs the gradient of the step before. */
  #updates(step: number): boolean {
    const { before, steps } = this.#life;
    const number = before + step + 1;
    return step < steps && number > 1 && number < this.#end && number % this.#every === 0;
  }

  /** Returns the next update or the step before it, which begins with an empty sum of gradients. */
  next(step: number): number | undefined {
    for (let s = step; s < this.#life.steps; s++) if (this.#updates(s) || this.#updates(s + 1)) return s;
    return undefined;
  }

  act(step: number, state: TrainingState): void {
    this.#life.step = step;
    const read = (name: string) => state.read(name);
    if (this.#updates(step) && this.#gathering.steps(read) > 0) {
      const part = (step + 1 + this.#life.before) / this.#end;
      const fraction = (this.options.fraction / 2) * (1 + cos(Math.PI * part));
      this.#gathering.scores(read).forEach((scores, i) => {
        move(state, this.masks[i]!, scores, fraction);
      });
    }
    if (this.#updates(step + 1)) this.#gathering.clear(read, (name, values) => state.write(name, values));
  }

  end(step: number): void {
    this.#life.step = step;
  }

  clone(): Regrowth {
    return new Regrowth(this.masks, this.options, this.#life.clone());
  }

  resized(graph: Graph): Regrowth {
    return new Regrowth(resizedMasks(graph, this.masks), this.options, this.#life.clone());
  }

  logs(state: TrainingState): Record<string, number> {
    return { [SPARSITY]: zeroShare(state, state.states("mask")) };
  }
}

/** Drops a share of the weights that are there by magnitude, and grows as many where `gradients` are greatest. */
function move(state: TrainingState, masked: MaskedWeight, gradients: ArrayLike<number>, fraction: number): void {
  const before = state.read(masked.mask) as Float32Array;
  const weights = state.read(masked.weight) as Float32Array;
  const count = before.reduce((a, b) => a + b, 0);
  const moved = Math.min(Math.round(fraction * count), count - 1, before.length - count);
  if (moved <= 0) return;
  const stay = greatest(
    weights.map((w, i) => (before[i] ? Math.abs(w) : -Infinity)),
    count - moved,
  );
  const grown = greatest(
    Float64Array.from(gradients, (g, i) => (stay[i] ? -Infinity : g)),
    moved,
  );
  const bits = stay.map((bit, i) => bit || grown[i]!);
  state.write(masked.mask, bits);
  state.write(
    masked.weight,
    weights.map((w, i) => (bits[i] && before[i] ? w : 0)),
  );
  for (const name of state.states("moment")) {
    if (!name.startsWith(`${masked.weight}/`)) continue;
    const moments = state.read(name) as Float32Array;
    state.write(
      name,
      moments.map((m, i) => (before[i] ? m : 0)),
    );
  }
}
