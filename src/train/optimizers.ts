/** Optimizers in Keras' arithmetic: what they add to a step's graph, and the numbers a schedule feeds them. */
import { number } from "../base/errors.ts";
import { pow } from "../base/math.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { adam as adamStep } from "../ops/adam.ts";
import { checkedRate, type LearningRate } from "./schedules.ts";

export interface Update {
  parameter: Value;
  gradient: Value;
}

export interface Optimizer {
  readonly name: string;
  readonly learningRate: LearningRate;
  /** Adds the update of every parameter. */
  build(graph: Graph, updates: readonly Update[]): void;
  /** What its streams hold at optimizer step `step`, counted from 0, when the learning rate is `learningRate`. */
  rates(step: number, learningRate: number): Record<string, number>;
}

const one = { shape: [1], dtype: "f32" as const, batched: false };

/** Keras: Adam(learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7). */
export function adam(
  learningRate: LearningRate = 1e-3,
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = {},
): Optimizer {
  number("beta1", beta1, { min: 0, below: 1 });
  number("beta2", beta2, { min: 0, below: 1 });
  number("epsilon", epsilon, { min: 0 });
  return {
    name: "adam",
    learningRate: checkedRate(learningRate),
    build(graph, updates) {
      const rate = graph.leaf("stream", "rate", one);
      const decay = graph.leaf("stream", "decay", one);
      for (const { parameter, gradient } of updates) {
        const slot = (name: string) => graph.leaf("state", `${parameter.name}/${name}`, parameter.type);
        graph.scope(parameter.name, () =>
          graph.add(adamStep, [parameter, slot("m"), slot("v"), gradient, rate, decay], { beta1, beta2, epsilon }),
        );
      }
    },
    rates(step, rate) {
      const t = step + 1;
      return { rate: (rate * Math.sqrt(1 - pow(beta2, t))) / (1 - pow(beta1, t)), decay: 0 };
    },
  };
}
