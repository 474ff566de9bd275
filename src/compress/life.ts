/** The place of a schedule in the life of a model, which may be longer than one training. */
import type { Graph } from "../graph/graph.ts";
import type { TrainingState } from "../train/callbacks.ts";
import { countSteps } from "./gathering.ts";
import type { MaskedWeight } from "./masks.ts";

/** Returns the share of zeros in these states. */
export function zeroShare(state: TrainingState, names: readonly string[]): number {
  let zeros = 0;
  let weights = 0;
  for (const name of names) {
    const bits = state.read(name);
    weights += bits.length;
    for (const bit of bits) if (bit === 0) zeros++;
  }
  return zeros / weights;
}

/**
 * Keeps the place of a schedule that goes on from training to training: a second `fit`, with another optimizer or after
 * a restart, counts its steps from 0 again. A state counts the steps of all, so that a checkpoint knows the place.
 */
export class Life {
  readonly #masks: readonly MaskedWeight[];
  /** Steps of trainings that are over. */
  before = 0;
  /** The steps that this training has made, and will have made in the end. */
  step = 0;
  steps = 0;
  /** True once the masks have been changed. */
  acted = false;

  constructor(masks: readonly MaskedWeight[]) {
    this.#masks = masks;
  }

  /** The state that counts; undefined: there are no weights. */
  get #count(): string | undefined {
    return this.#masks[0] && `${this.#masks[0].mask}/steps`;
  }

  build(graph: Graph): void {
    if (this.#count) countSteps(graph, this.#count);
  }

  begin(step: number, steps: number, state: TrainingState | undefined): void {
    const total = this.before + this.step;
    const counted = state && this.#count ? state.read(this.#count)[0]! : 0;
    if (counted >= step && counted > 0) this.before = counted - step;
    else if (step === 0) this.before = total;
    if (state && this.#count) state.write(this.#count, [this.before + step]);
    const masks = this.#masks.map(({ mask }) => mask);
    if (state && zeroShare(state, masks) > 0) this.acted = true;
    this.step = step;
    this.steps = steps;
  }

  /** Makes the error for what would do nothing in this training: to train on without noticing helps nobody. */
  never(what: string, does: string, got: string): RangeError {
    const steps = `${this.before + 1}..${this.before + this.steps}`;
    return new RangeError(
      `"${what}" expected one that ${does} within steps ${steps} of this training, got "${got}": ` +
        'a smaller "frequency" or "beginStep", or more steps, would do',
    );
  }

  clone(): Life {
    const twin = new Life(this.#masks);
    twin.before = this.before + this.step;
    twin.acted = this.acted;
    return twin;
  }
}
