/** Lets a criterion gather scores while training steps run, and reads what it has gathered. */
import { wrongValue } from "../base/errors.ts";
import type { TypedArray } from "../base/shape.ts";
import type { Graph } from "../graph/graph.ts";
import { one } from "../ops/loss/penalty.ts";
import { accumulate } from "../ops/observation/accumulate.ts";
import type { StepValues } from "../train/callbacks.ts";
import type { Update } from "../train/optimizers.ts";
import { type Criterion, scoresOf } from "./criteria.ts";
import type { MaskedWeight } from "./masks.ts";

/** Adds a state that counts training steps, 2^24 of them at most, and that checkpoints hold. */
export function countSteps(graph: Graph, name: string): void {
  const whole = graph.one(one, []);
  graph.one(accumulate, [graph.state("observation", name, whole.type), whole]);
}

/** The sums that a criterion gathers of the weights of one pruning. */
export class Gathering {
  readonly criterion: Criterion;
  readonly #masks: readonly MaskedWeight[];
  /** Names of the states that hold it, by weight. */
  #states: ReadonlyMap<string, string> = new Map();

  constructor(criterion: Criterion, masks: readonly MaskedWeight[]) {
    this.criterion = criterion;
    this.#masks = masks;
  }

  /** The state that counts the steps in which it is gathered. */
  get #steps(): string {
    return `${this.#masks[0]?.mask}/gathered`;
  }

  /**
   * Adds the nodes of the criterion for every weight.
   * Errors: a RangeError that names the layer of a weight that is not trained, as it has no gradient.
   */
  build(graph: Graph, updates: readonly Update[], step: StepValues): void {
    if (!this.criterion.build || !this.#masks.length) return;
    const states = new Map<string, string>();
    for (const { weight, layer } of this.#masks) {
      const update = updates.find(({ parameter }) => parameter.name === weight);
      if (!update)
        throw wrongValue(
          "layers",
          `layers that are trained, as criterion "${this.criterion.name}" needs their gradients`,
          layer,
        );
      const state = graph.scope(weight, () => this.criterion.build!(graph, update, step));
      states.set(weight, state.name);
    }
    countSteps(graph, this.#steps);
    this.#states = states;
  }

  /** Steps gathered so far. A criterion that gathers nothing has no need of any. */
  steps(read: (state: string) => TypedArray): number {
    return this.criterion.build ? read(this.#steps)[0]! : 0;
  }

  /** Returns the scores of every weight, in the order of the masks. */
  scores(read: (state: string) => TypedArray): ArrayLike<number>[] {
    const steps = this.steps(read);
    return this.#masks.map(({ weight, mask: maskName, layer, shape }) => {
      const mask = read(maskName) as Float32Array;
      const all = read(weight) as Float32Array;
      const weights = this.criterion.pruned === "latent" ? all : all.map((w, i) => (mask[i] ? w : 0));
      const state = this.#states.get(weight);
      const gathered = state === undefined ? {} : { gathered: read(state) as Float32Array };
      return scoresOf(this.criterion, { name: weight, layer, shape, weights, mask, steps, ...gathered });
    });
  }

  /** Begins anew, but for what is gathered in the whole training. */
  clear(read: (state: string) => TypedArray, write: (state: string, values: ArrayLike<number>) => void): void {
    if (!this.criterion.build || this.criterion.wholeTraining) return;
    for (const state of [...this.#states.values(), this.#steps]) write(state, new Float32Array(read(state).length));
  }
}
