/** The hook of a model that is trained for quantization: from a step on, its ranges and statistics stay as they are. */
import type { Node } from "../graph/graph.ts";
import type { Model } from "../model/model.ts";
import type { StepHook, TrainingState } from "../train/callbacks.ts";
import { type Steps, stepsOf } from "../train/share-of-steps.ts";

/** The state that becomes 1 when the statistics of batch normalization are frozen. */
const FROZEN = "quantization/frozen";

export interface AwareOptions {
  /** Names of the range states. */
  readonly ranges: readonly string[];
  readonly freezeAfter: Steps;
  /** True for nodes that stay float. */
  readonly excepted: (node: Node) => boolean;
}

export class QuantizationAware implements StepHook {
  readonly options: AwareOptions;
  #at = 0;
  #frozen = false;

  constructor(options: AwareOptions) {
    this.options = options;
  }

  freezes(): string {
    return FROZEN;
  }

  /** States that an earlier training has frozen stay frozen. */
  begin(_: number, steps: number, state?: TrainingState): void {
    // one step at least, in which something is seen
    this.#at = Math.max(1, stepsOf("freezeAfter", this.options.freezeAfter, 0)(steps));
    const [first] = this.options.ranges;
    this.#frozen = state !== undefined && first !== undefined && state.read(first)[3] === 0;
    if (this.#frozen) this.#freezeStatistics(state!);
  }

  next(step: number): number | undefined {
    return this.#frozen ? undefined : Math.max(step, this.#at);
  }

  act(step: number, state: TrainingState): void {
    if (this.#frozen || step < this.#at) return;
    for (const name of this.options.ranges) {
      const [low, high, weight] = state.read(name);
      state.write(name, [low!, high!, weight!, 0]);
    }
    this.#freezeStatistics(state);
    this.#frozen = true;
  }

  /** Only a network with batch normalization has such a state. */
  #freezeStatistics(state: TrainingState): void {
    if (state.states("observation").includes(FROZEN)) state.write(FROZEN, [1]);
  }

  clone(): QuantizationAware {
    return new QuantizationAware(this.options);
  }
}

/** True for the nodes that `quantizeModel` was told to leave float. */
export function exceptionsOf({ hooks }: Model): (node: Node) => boolean {
  const [hook] = hooks.filter(each => each instanceof QuantizationAware);
  return hook?.options.excepted ?? (() => false);
}
