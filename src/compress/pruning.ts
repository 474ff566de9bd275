/**
 * Prunes while training: at the steps a schedule names, the masks are made anew from the scores of a criterion. It is a
 * hook of `fit`; the masks lie in the graph.
 *
 * With magnitudes it does what tfmot's `prune_low_magnitude` does (0.8.1), but on purpose:
 * - there is one update more at a schedule's end step, so that the final sparsity is reached exactly;
 * - ties at the threshold are broken by index, so that a layer has exactly the sparsity asked for; tfmot prunes no tied
 *   weight;
 * - a masked weight gets no gradient and stays at zero. In tfmot each step moves it and the next forward pass zeroes it
 *   again, so that it comes back in an update that finds its one step greater than the threshold. Here it comes back
 *   only where the sparsity falls.
 */
import { wrongValue } from "../base/errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { StepHook, StepValues, TrainingState } from "../train/callbacks.ts";
import type { Update } from "../train/optimizers.ts";
import { type Criterion, magnitude } from "./criteria.ts";
import { Gathering } from "./gathering.ts";
import { Life, zeroShare } from "./life.ts";
import { type MaskedWeight, resizedMasks } from "./masks.ts";
import { checkSchedule, type SparsityFunction, type SparsitySchedule, scheduleDuring, share } from "./schedules.ts";
import { type Selection, selectionOf } from "./selection.ts";

/** Logs get the share of zeros under all masks by this name. */
export const SPARSITY = "sparsity";

export class Pruning implements StepHook {
  readonly masks: readonly MaskedWeight[];
  readonly schedule: SparsitySchedule | SparsityFunction;
  readonly criterion: Criterion;
  readonly selection: Selection;
  readonly #select: (masks: readonly MaskedWeight[]) => Selection;
  readonly #gathering: Gathering;
  readonly #life: Life;
  #at: SparsityFunction | undefined;

  constructor(
    masks: readonly MaskedWeight[],
    schedule: SparsitySchedule | SparsityFunction,
    criterion: Criterion = magnitude,
    select: (masks: readonly MaskedWeight[]) => Selection = selectionOf,
    life?: Life,
  ) {
    checkSchedule(schedule);
    this.masks = masks;
    this.schedule = schedule;
    this.criterion = criterion;
    this.selection = select(masks);
    this.#select = select;
    this.#gathering = new Gathering(criterion, masks);
    this.#life = life ?? new Life(masks);
  }

  /** Counts the steps, and lets the criterion gather the scores of every masked weight. */
  build(graph: Graph, updates: readonly Update[], step: StepValues): void {
    this.#life.build(graph);
    this.#gathering.build(graph, updates, step);
  }

  /**
   * A training of `steps` steps begins with its step `step` (0, or more where it is resumed). Shares like "75%" are of
   * these steps and those of the trainings before.
   * A RangeError where the schedule would never prune within them and has not pruned before, where it prunes before
   * anything is gathered, or prunes more than the pattern of the weights allows.
   */
  begin(step: number, steps: number, state?: TrainingState): void {
    const life = this.#life;
    life.begin(step, steps, state);
    this.#at = scheduleDuring(this.schedule, life.before + steps);
    this.#checkSparsity(step, steps);
    const first = this.next(step);
    if (first === undefined) {
      if (!life.acted && step === 0 && steps > 0)
        throw life.never(optionOf(this.schedule), "prunes", shown(this.schedule));
      return;
    }
    const { name, build } = this.criterion;
    if (build && first === step && (state ? this.#gathering.steps(at => state.read(at)) === 0 : step === 0))
      throw wrongValue(
        "schedule",
        `one whose first update is at step ${life.before + step + 2} or later, as criterion "${name}" ` +
          "gathers its scores in the steps before",
        `an update at step ${life.before + step + 1}`,
      );
  }

  #checkSparsity(step: number, steps: number): void {
    const { most } = this.selection;
    if (most === undefined) return;
    for (let s = step; s < steps; s++) {
      const { prune, sparsity } = this.#at!(this.#life.before + s + 1);
      if (prune && sparsity > most + 1e-6)
        throw wrongValue("schedule", `sparsities of at most ${most}, which { n, m } allows`, sparsity);
    }
  }

  next(step: number): number | undefined {
    const { before, steps } = this.#life;
    for (let s = step; s < steps; s++) if (this.#at!(before + s + 1).prune) return s;
    return undefined;
  }

  act(step: number, state: TrainingState): void {
    this.#life.step = step;
    if (step >= this.#life.steps) return;
    const { prune, sparsity } = this.#at!(this.#life.before + step + 1);
    if (!prune) return;
    const read = (name: string) => state.read(name);
    const scores = this.#gathering.scores(read);
    const chosen = this.selection.choose(scores, share("sparsity", sparsity));
    this.masks.forEach(({ weight, mask }, i) => {
      const bits = chosen[i]!;
      const before = state.read(mask);
      state.write(mask, bits);
      if (this.criterion.pruned === "latent") return;
      // a weight that comes back begins at 0
      const weights = state.read(weight) as Float32Array;
      state.write(
        weight,
        weights.map((w, k) => (bits[k] && before[k] ? w : 0)),
      );
    });
    this.#gathering.clear(read, (name, values) => state.write(name, values));
    this.#life.acted = true;
  }

  end(step: number): void {
    this.#life.step = step;
  }

  clone(): Pruning {
    return new Pruning(this.masks, this.schedule, this.criterion, this.#select, this.#life.clone());
  }

  resized(graph: Graph): Pruning {
    const masks = resizedMasks(graph, this.masks);
    return new Pruning(masks, this.schedule, this.criterion, this.#select, this.#life.clone());
  }

  /** The share of zeros under all masks of the training, also those of other schedules. */
  logs(state: TrainingState): Record<string, number> {
    return { [SPARSITY]: zeroShare(state, state.states("mask")) };
  }
}

/** The option that says when to prune. */
const optionOf = (schedule: SparsitySchedule | SparsityFunction): string =>
  schedule.name === "threshold" && typeof schedule !== "function" ? "frequency" : "schedule";

function shown(schedule: SparsitySchedule | SparsityFunction): string {
  if (typeof schedule === "function") return "a schedule";
  const config = Object.entries(schedule.config).map(([key, value]) => `${key} ${value}`);
  return `${schedule.name} (${config.join(", ")})`;
}
