/**
 * Criteria: how much each weight matters. A criterion gives scores, and the weights of the least scores are pruned;
 * how many, and which of them together, is the selection's part (`selection.ts`).
 */
import { integer, oneOf, wrongType, wrongValue } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import type { Shape } from "../base/shape.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { maximum } from "../ops/arithmetic/maximum.ts";
import { mul } from "../ops/arithmetic/mul.ts";
import { scale } from "../ops/arithmetic/scale.ts";
import { accumulate } from "../ops/observation/accumulate.ts";
import type { StepValues } from "../train/callbacks.ts";
import type { Update } from "../train/optimizers.ts";
import type { Scope } from "./selection.ts";

/** A weight as a criterion sees it. All arrays have its stored order: [out][kh][kw][in], or [out][in]. */
export interface WeightToScore {
  /** Such as "conv2d/kernel". */
  readonly name: string;
  readonly layer: string;
  readonly shape: Shape;
  /** Zero where it is pruned, unless the criterion is "latent". */
  readonly weights: Float32Array;
  /** Ones where the weight is not pruned. */
  readonly mask: Float32Array;
  /** The contents of the state that `build` made. */
  readonly gathered?: Float32Array;
  /** Training steps that it was gathered in. */
  readonly steps: number;
}

/** Returns a number for each weight: the greater, the more it matters. */
export type ScoreFunction = (weight: WeightToScore) => ArrayLike<number>;

export interface Criterion {
  readonly name: string;
  /**
   * Adds nodes to the training step that gather what the scores are made of. Returns the state that holds it, which has
   * the weight's shape and the role "observation".
   */
  build?(graph: Graph, update: Update, step: StepValues): Value;
  readonly score: ScoreFunction;
  /**
   * The place of weights that are pruned already among the others:
   * - "last" (the default): they come back only where the sparsity falls;
   * - "zero": as weights of 0, whatever score these get;
   * - "latent": they keep their values under the mask, and come back where their scores are great enough.
   */
  readonly pruned?: "last" | "zero" | "latent";
  /** Does it gather from the beginning of the training, instead of from one update to the next? Default false. */
  readonly wholeTraining?: boolean;
  /** Default "layer". */
  readonly scope?: Scope;
}

/** |w|. S. Han et al., "Learning both weights and connections for efficient neural networks" (2015). */
export const magnitude: Criterion = {
  name: "magnitude",
  score: ({ weights }) => weights.map(Math.abs),
  pruned: "zero",
};

/** Adds a state in which a sum over the training steps is gathered. */
function gather(graph: Graph, parameter: Value, what: string, of: Value): Value {
  const sum = graph.state("observation", `${parameter.name}/${what}`, parameter.type);
  graph.one(accumulate, [sum, of]);
  return sum;
}

/** The mean of what was gathered over the steps. */
const mean = ({ gathered, steps }: WeightToScore): Float32Array => gathered!.map(sum => sum / steps);

/**
 * The mean of |w dL/dw| over the steps since the last update: how much the loss changes to first order, step by step,
 * when the weight becomes 0. P. Molchanov et al., "Importance estimation for neural network pruning" (2019).
 */
export const taylor: Criterion = {
  name: "taylor",
  build(graph, { parameter, gradient }) {
    const change = graph.one(mul, [parameter, gradient]);
    const size = graph.one(maximum, [change, graph.one(scale, [change], { scale: -1 })]);
    return gather(graph, parameter, "taylor", size);
  },
  score: mean,
};

/**
 * |mean of w dL/dw|, of weights that are not trained yet: the size of the derivative of the loss for the weight's mask.
 * Unlike `taylor`, it takes the absolute value of the mean, so that a larger set of samples is as one large batch.
 * N. Lee et al., "SNIP: single-shot network pruning based on connection sensitivity" (2019), which compares all layers.
 */
export const snip: Criterion = {
  name: "snip",
  build: (graph, { parameter, gradient }) => gather(graph, parameter, "snip", graph.one(mul, [parameter, gradient])),
  score: weight => mean(weight).map(Math.abs),
  scope: "global",
};

/**
 * - sum of w dL/dw' over all steps of the training, where w' is the weight behind its mask: weights score that move
 *   away
 * from 0. V. Sanh et al., "Movement pruning: adaptive sparsity by fine-tuning" (2020).
 *
 * In the paper a score is a parameter trained with the optimizer's rate, its gradient passes straight through the mask,
 * and a masked weight keeps its value. Here the scores are the plain sum, which is the paper's with SGD at a constant
 * rate, but for its factor. As there, the gradient is that behind the mask, and a masked weight keeps its value and
 * goes on scoring, so that it can come back; only momentum and weight decay still change it.
 */
export const movement: Criterion = {
  name: "movement",
  build(graph, { parameter }, step) {
    const gradient = step.gradient(step.effective(parameter))!;
    const away = graph.one(scale, [graph.one(mul, [parameter, gradient])], { scale: -1 });
    return gather(graph, parameter, "movement", away);
  },
  score: ({ gathered }) => gathered!,
  pruned: "latent",
  wholeTraining: true,
};

/**
 * w^2 / sum of v^2 over all weights v of the kernel that are not smaller: within one kernel the order of magnitudes,
 * and between kernels a fair one. J. Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning" (2021).
 */
export const lamp: Criterion = {
  name: "lamp",
  score({ weights }) {
    const squares = Float64Array.from(weights, w => w * w);
    // from the greatest on; among equals the first counts as greater, as it is the one that stays
    const order = Array.from(squares, (_, i) => i).sort((a, b) => squares[b]! - squares[a]! || a - b);
    const scores = new Float64Array(squares.length);
    let sum = 0;
    for (const i of order) {
      sum += squares[i]!;
      scores[i] = sum ? squares[i]! / sum : 0;
    }
    return scores;
  },
  scope: "global",
};

/** Random numbers, the same at every update: what other criteria have to beat. */
export function randomScores(seed: number): Criterion {
  integer("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  return {
    name: "random",
    score({ name, weights }) {
      const random = new Random(seed).fork("pruning").fork(name);
      return Float64Array.from(weights, () => random.next());
    },
  };
}

const NAMED = { magnitude, threshold: magnitude, taylor, snip, movement, lamp } as const;

/** "threshold" is the magnitude, which a threshold is compared with. */
export type CriterionName = keyof typeof NAMED | "random";

const NAMES = [...(Object.keys(NAMED) as (keyof typeof NAMED)[]), "random"] as const;

/** Returns the criterion of a name, of a function that scores, or the one that is given. */
export function criterionOf(given: CriterionName | ScoreFunction | Criterion = "magnitude", seed?: number): Criterion {
  if (seed !== undefined && given !== "random") throw wrongType("seed", 'nothing but with criterion "random"', seed);
  if (typeof given === "string") {
    const name = oneOf("criterion", given, NAMES);
    return name === "random" ? randomScores(seed ?? 0) : NAMED[name];
  }
  if (typeof given === "function") return { name: given.name || "criterion", score: given };
  const expected = `one of ${NAMES.join(", ")}, a function that scores weights, or a Criterion`;
  if (given === null || typeof given !== "object") throw wrongType("criterion", expected, given);
  if (typeof given.name !== "string" || typeof given.score !== "function")
    throw wrongType("criterion", `${expected} with name and score`, given);
  if (given.build !== undefined && typeof given.build !== "function")
    throw wrongType("criterion.build", "a function", given.build);
  if (given.pruned !== undefined) oneOf("criterion.pruned", given.pruned, ["last", "zero", "latent"]);
  return given;
}

/**
 * Returns the scores a criterion gives a weight, those of pruned ones at the end.
 * Errors: TypeError or RangeError where they are not one number for each weight.
 */
export function scoresOf(criterion: Criterion, weight: WeightToScore): ArrayLike<number> {
  const { mask } = weight;
  const scores = criterion.score(weight);
  // a function written as the option itself is called "criterion"
  const what = criterion.name === "criterion" ? "criterion" : `criterion ${criterion.name}`;
  if (typeof scores?.length !== "number") throw wrongType(what, "a list of scores", scores);
  if (scores.length !== mask.length)
    throw wrongValue(what, `${mask.length} scores for "${weight.name}"`, scores.length);
  const result = Float64Array.from(scores);
  result.forEach((score, i) => {
    if (Number.isNaN(score)) throw wrongValue(what, `numbers as scores for "${weight.name}"`, scores[i]);
    if (mask[i] === 0 && (criterion.pruned ?? "last") === "last") result[i] = -Infinity;
  });
  return result;
}
