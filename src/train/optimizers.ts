/** Optimizers in Keras' arithmetic: their nodes in a step's graph, and the numbers that a schedule feeds to them. */
import { knownOptions, naming, number } from "../base/errors.ts";
import { pow } from "../base/math.ts";
import type { Graph, Op, Type, Value } from "../graph/graph.ts";
import { clip } from "../ops/activation/clip.ts";
import { adam as adamStep } from "../ops/optimizer/adam.ts";
import { clipByNorm } from "../ops/optimizer/clip-by-norm.ts";
import {
  rmspropCentered,
  rmspropCenteredMomentum,
  rmspropMomentum,
  rmsprop as rmspropStep,
} from "../ops/optimizer/rmsprop.ts";
import { momentum as momentumStep, sgd as sgdStep } from "../ops/optimizer/sgd.ts";
import { checkedRate, type LearningRate } from "./schedules.ts";

export interface Update {
  parameter: Value;
  gradient: Value;
}

/** An optimizer, made by `sgd`, `rmsprop`, `adam` and `adamW`. It holds no moments; those belong to a training. */
export interface Optimizer {
  readonly name: string;
  readonly learningRate: LearningRate;
  /** Adds the update of every parameter. */
  build(graph: Graph, updates: readonly Update[]): void;
  /**
   * Returns the contents of its streams at optimizer step `step`, counted from 0, for the learning rate `learningRate`.
   */
  rates(step: number, learningRate: number): Record<string, number>;
}

/** Options of every optimizer, applied in this order: clip the gradients, decay the weights, then step. */
export interface OptimizerOptions {
  /**
   * Fraction of each weight that is subtracted per step, times the learning rate (Loshchilov & Hutter 2019). Default 0;
   * adamW 0.004.
   */
  weightDecay?: number;
  /** Maximum norm of the gradient of one parameter. */
  clipnorm?: number;
  /** Maximum norm of all gradients together. */
  globalClipnorm?: number;
  /** Maximum absolute value of a gradient's elements. */
  clipvalue?: number;
}

const OWN = ["weightDecay", "clipnorm", "globalClipnorm", "clipvalue"] as const;

interface UpdateRule<A> {
  op: Op<A>;
  attrs: A;
  /** Its moments per parameter, in the order of the op's operands. */
  slots: readonly string[];
  /** Adjusts the learning rate at step `step`. Default: unchanged. */
  rate?(learningRate: number, step: number): number;
}

const oneNumber: Type = { shape: [1], dtype: "f32", batched: false };

function optimizer<A>(
  name: string,
  learningRate: LearningRate,
  options: OptimizerOptions,
  { op, attrs, slots, rate = kept => kept }: UpdateRule<A>,
): Optimizer {
  const { weightDecay = 0, clipnorm, globalClipnorm, clipvalue } = options;
  number("weightDecay", weightDecay, { min: 0 });
  const limits = { clipnorm, globalClipnorm, clipvalue };
  const set = Object.entries(limits).filter(([, limit]) => limit !== undefined);
  for (const [what, limit] of set) number(what, limit, { above: 0 });
  if (set.length > 1)
    throw new TypeError(`"${name}" expected one way of clipping, got ${set.map(([what]) => what).join(" and ")}`);
  return {
    name,
    learningRate: checkedRate(learningRate),
    build(graph, updates) {
      const streams = [graph.leaf("stream", "rate", oneNumber), graph.leaf("stream", "decay", oneNumber)];
      for (const { parameter, gradient } of clipped(graph, updates, limits)) {
        const states = slots.map(slot => graph.state("moment", `${parameter.name}/${slot}`, parameter.type));
        graph.scope(parameter.name, () => graph.add(op, [parameter, ...states, gradient, ...streams], attrs));
      }
    },
    rates: (step, learning) => ({ rate: rate(learning, step), decay: learning * weightDecay }),
  };
}

function clipped(
  graph: Graph,
  updates: readonly Update[],
  limits: Record<"clipnorm" | "globalClipnorm" | "clipvalue", number | undefined>,
): readonly Update[] {
  const { clipnorm, globalClipnorm, clipvalue } = limits;
  const eachBy = (of: (gradient: Value) => Value) =>
    updates.map(({ parameter, gradient }) => ({
      parameter,
      gradient: graph.scope(parameter.name, () => of(gradient)),
    }));
  if (clipnorm !== undefined) return eachBy(g => graph.one(clipByNorm, [g], { limit: clipnorm }));
  if (clipvalue !== undefined) return eachBy(g => graph.one(clip, [g], { low: -clipvalue, high: clipvalue }));
  if (globalClipnorm === undefined || !updates.length) return updates;
  const gradients = graph.scope("clipping", () =>
    graph.add(
      clipByNorm,
      updates.map(u => u.gradient),
      { limit: globalClipnorm },
    ),
  );
  return updates.map(({ parameter }, i) => ({ parameter, gradient: gradients[i]! }));
}

export interface SgdOptions extends OptimizerOptions {
  /** Default 0. */
  momentum?: number;
  /** Nesterov's momentum. Default false. */
  nesterov?: boolean;
}

/** Keras: SGD(learning_rate=0.01). */
export function sgd(learningRate: LearningRate = 0.01, options: SgdOptions = {}): Optimizer {
  return naming("sgd", () => {
    knownOptions("sgd", options, [...OWN, "momentum", "nesterov"]);
    const { momentum = 0, nesterov = false } = options;
    number("momentum", momentum, { min: 0, max: 1 });
    if (momentum === 0)
      return optimizer("sgd", learningRate, options, { op: sgdStep as Op<object>, attrs: {}, slots: [] });
    return optimizer("sgd", learningRate, options, { op: momentumStep, attrs: { momentum, nesterov }, slots: ["m"] });
  });
}

export interface RmspropOptions extends OptimizerOptions {
  /** Decay of the mean square. Default 0.9. */
  rho?: number;
  /** Default 0. */
  momentum?: number;
  /** Default 1e-7. */
  epsilon?: number;
  /** Divide by the standard deviation instead of the root mean square. Default false. */
  centered?: boolean;
}

/** Keras: RMSprop(learning_rate=0.001). */
export function rmsprop(learningRate: LearningRate = 1e-3, options: RmspropOptions = {}): Optimizer {
  return naming("rmsprop", () => {
    knownOptions("rmsprop", options, [...OWN, "rho", "momentum", "epsilon", "centered"]);
    const { rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options;
    number("rho", rho, { min: 0, max: 1 });
    number("momentum", momentum, { min: 0, max: 1 });
    number("epsilon", epsilon, { min: 0 });
    const plain = { rho, epsilon };
    const moving = { rho, epsilon, momentum };
    const make = <A>(op: Op<A>, attrs: A, slots: readonly string[]) =>
      optimizer("rmsprop", learningRate, options, { op, attrs, slots });
    if (centered)
      return momentum
        ? make(rmspropCenteredMomentum, moving, ["v", "a", "m"])
        : make(rmspropCentered, plain, ["v", "a"]);
    return momentum ? make(rmspropMomentum, moving, ["v", "m"]) : make(rmspropStep, plain, ["v"]);
  });
}

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the mean gradient. Default 0.9. */
  beta1?: number;
  /** Decay of the mean square. Default 0.999. */
  beta2?: number;
  /** Default 1e-7. */
  epsilon?: number;
}

function adamLike(name: string, learningRate: LearningRate, options: AdamOptions): Optimizer {
  return naming(name, () => {
    knownOptions(name, options, [...OWN, "beta1", "beta2", "epsilon"]);
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
    number("beta1", beta1, { min: 0, below: 1 });
    number("beta2", beta2, { min: 0, below: 1 });
    number("epsilon", epsilon, { min: 0 });
    // Keras rounds the betas to float32 before it raises them to powers: 1 - 0.999^t is 1.3e-5 less for it, which is
    // visible in logits after 30 steps
    const [first, second] = [Math.fround(beta1), Math.fround(beta2)];
    return optimizer(name, learningRate, options, {
      op: adamStep,
      attrs: { beta1, beta2, epsilon },
      slots: ["m", "v"],
      // bias correction, since the moments begin at zero: Kingma & Ba, section 2, last paragraph
      rate: (learning, step) => (learning * Math.sqrt(1 - pow(second, step + 1))) / (1 - pow(first, step + 1)),
    });
  });
}

/** Keras: Adam(learning_rate=0.001). */
export const adam = (learningRate: LearningRate = 1e-3, options: AdamOptions = {}): Optimizer =>
  adamLike("adam", learningRate, options);

/** Adam with weight decay. Keras: AdamW(learning_rate=0.001, weight_decay=0.004). */
export const adamW = (learningRate: LearningRate = 1e-3, options: AdamOptions = {}): Optimizer =>
  adamLike("adamW", learningRate, { weightDecay: 0.004, ...options });
