/**
 * Prunes while training, as tfmot's `prune_low_magnitude` does: at the steps a schedule names, the masks are made
 * anew from the scores of a criterion, which are magnitudes by default. It is a hook of `fit`; the masks lie in the
 * graph.
 *
 * What differs from tfmot 0.8.1, on purpose:
 * - one update more at a schedule's end step, so that the final sparsity is reached exactly;
 * - ties at the threshold are broken by index, so that a layer has exactly the sparsity asked for; tfmot prunes no tied weight;
 * - a masked weight gets no gradient and stays at zero. In tfmot it is moved by each step and zeroed again in the next forward pass, so that
 *   it may come back in an update that finds its one step greater than the threshold. Here it comes back only where the sparsity falls.
 */
import { wrongValue } from "../base/errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { StepHook, StepValues, TrainingState } from "../train/callbacks.ts";
import type { Update } from "../train/optimizers.ts";
import { type Criterion, magnitude } from "./criteria.ts";
import { keptWeights, type MaskedWeight } from "./masks.ts";
import { checkSchedule, type SparsityFunction, type SparsitySchedule, scheduleDuring, share } from "./schedules.ts";

/** Logs get the share of zeros under all masks by this name. */
export const SPARSITY = "sparsity";

export class Pruning implements StepHook {
  readonly masks: readonly MaskedWeight[];
  readonly schedule: SparsitySchedule | SparsityFunction;
  readonly criterion: Criterion;
  /** Names of the states that hold scores, by weight. A weight that has none is scored by itself. */
  readonly #scores = new Map<string, string>();
  /** Steps of trainings that are over: a second `fit` goes on in the schedule where the first one ended. */
  #before = 0;
  /** Where this training's own count stands, and where it will end. */
  #step = 0;
  #steps = 0;
  #at: SparsityFunction | undefined;
  /** Have the masks been made? */
  #pruned = false;

  constructor(
    masks: readonly MaskedWeight[],
    schedule: SparsitySchedule | SparsityFunction,
    criterion: Criterion = magnitude,
  ) {
    checkSchedule(schedule);
    this.masks = masks;
    this.schedule = schedule;
    this.criterion = criterion;
  }

  /** Lets the criterion gather the scores of every masked weight that is trained. A frozen weight has no update. */
  build(graph: Graph, updates: readonly Update[], step: StepValues): void {
    this.#scores.clear();
    if (!this.criterion.build) return;
    const masked = new Set(this.masks.map(({ weight }) => weight));
    for (const update of updates) {
      const { name } = update.parameter;
      if (!masked.has(name)) continue;
      const scores = graph.scope(name, () => this.criterion.build!(graph, update, step));
      this.#scores.set(name, scores.name);
    }
  }

  /**
   * A training of `steps` steps begins with its step `step` (0, or more where it is resumed). Shares like "75%" are of these steps.
   * A RangeError where the schedule would never prune within them and has not pruned before: training on without noticing helps nobody.
   */
  begin(step: number, steps: number): void {
    if (step === 0) this.#before += this.#step;
    this.#step = step;
    this.#steps = steps;
    this.#at = scheduleDuring(this.schedule, this.#before + steps);
    if (this.#pruned || step > 0 || step >= steps || this.next(step) !== undefined) return;
    const name = typeof this.schedule === "function" ? "a schedule" : this.schedule.name;
    const config = typeof this.schedule === "function" ? "" : ` (${settings(this.schedule.config)})`;
    throw wrongValue(
      "schedule",
      `one that prunes within steps ${this.#before + 1}..${this.#before + steps} of this training`,
      `${name}${config}, whose updates all lie elsewhere: a smaller "frequency" or "beginStep", or more steps, would do`,
    );
  }

  next(step: number): number | undefined {
    for (let s = step; s < this.#steps; s++) if (this.#at!(this.#before + s + 1).prune) return s;
    return undefined;
  }

  act(step: number, state: TrainingState): void {
    this.#step = step;
    if (step >= this.#steps) return;
    const { prune, sparsity } = this.#at!(this.#before + step + 1);
    if (!prune) return;
    for (const masked of this.masks) this.#update(state, masked, sparsity);
    this.#pruned = true;
  }

  #update(state: TrainingState, { weight, mask }: MaskedWeight, sparsity: number): void {
    const bits = state.read(mask);
    const kept = keptWeights(bits.length, share("sparsity", sparsity));
    const unpruned = (name: string, otherwise: number): Float32Array =>
      (state.read(name) as Float32Array).map((v, i) => (bits[i] ? v : otherwise));
    const effective = unpruned(weight, 0);
    const scores = this.#scores.get(weight);
    const next = this.criterion.mask(scores === undefined ? effective : unpruned(scores, -Infinity), kept);
    state.write(mask, next);
    state.write(
      weight,
      effective.map((w, i) => (next[i] ? w : 0)),
    );
  }

  end(step: number): void {
    this.#step = step;
  }

  clone(): Pruning {
    const twin = new Pruning(this.masks, this.schedule, this.criterion);
    twin.#before = this.#before + this.#step;
    twin.#pruned = this.#pruned;
    return twin;
  }

  /** The share of zeros under all masks of the training, also those of other schedules. */
  logs(state: TrainingState): Record<string, number> {
    let zeros = 0;
    let weights = 0;
    for (const name of state.states("mask")) {
      const bits = state.read(name);
      weights += bits.length;
      for (const bit of bits) if (bit === 0) zeros++;
    }
    return { [SPARSITY]: zeros / weights };
  }
}

const settings = (config: Readonly<Record<string, unknown>>): string =>
  Object.entries(config)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
