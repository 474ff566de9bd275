/** Activation functions by the names Keras gives them, in camelCase. */
import { wrongType, wrongValue } from "../base/errors.ts";
import type { Value } from "../graph/graph.ts";
import { clip } from "../ops/activation/clip.ts";
import { elu } from "../ops/activation/elu.ts";
import { hardSigmoid } from "../ops/activation/hard-sigmoid.ts";
import { hardSwish } from "../ops/activation/hard-swish.ts";
import { leakyRelu } from "../ops/activation/leaky-relu.ts";
import { logSoftmax } from "../ops/activation/log-softmax.ts";
import { prelu } from "../ops/activation/prelu.ts";
import { relu } from "../ops/activation/relu.ts";
import { sigmoid } from "../ops/activation/sigmoid.ts";
import { softmax } from "../ops/activation/softmax.ts";
import { tanh } from "../ops/activation/tanh.ts";
import { zeros } from "./initializers.ts";
import type { Building } from "./layer.ts";

type Apply = (x: Value, to: Building) => Value;

/** Numbers as Keras' functions have them; the layers of the same names may have others (leakyReLU: 0.3). */
const BY_NAME = {
  linear: x => x,
  relu: (x, { graph }) => graph.one(relu, [x]),
  /** min(max(x, 0), 6) */
  relu6: (x, { graph }) => graph.one(clip, [x], { low: 0, high: 6 }),
  /** x > 0 ? x : 0.2 x */
  leakyRelu: (x, { graph }) => graph.one(leakyRelu, [x], { alpha: 0.2 }),
  /** x > 0 ? x : exp(x) - 1 */
  elu: (x, { graph }) => graph.one(elu, [x], { alpha: 1 }),
  /** x > 0 ? x : alpha x, one alpha per element, learned; they begin at 0. */
  prelu: (x, to) =>
    to.graph.one(prelu, [x, to.parameter("alpha", x.type.shape, { role: "weight", initializer: zeros() })]),
  sigmoid: (x, { graph }) => graph.one(sigmoid, [x]),
  /** min(max(x / 6 + 1/2, 0), 1) */
  hardSigmoid: (x, { graph }) => graph.one(hardSigmoid, [x], { alpha: 1 / 6, beta: 0.5 }),
  tanh: (x, { graph }) => graph.one(tanh, [x]),
  /** x min(max(x + 3, 0), 6) / 6; Keras' hard_silu. */
  hardSwish: (x, { graph }) => graph.one(hardSwish, [x]),
  /** Along the last axis. */
  softmax: (x, { graph }) => graph.one(softmax, [x]),
  /** Along the last axis. */
  logSoftmax: (x, { graph }) => graph.one(logSoftmax, [x]),
} as const satisfies Record<string, Apply>;

/** "linear" (none), "relu", "softmax" ...: Keras' names in camelCase. */
export type Activation = keyof typeof BY_NAME;

/** The activation an option stands for. */
export function activationOf(option: unknown, what = "activation"): Activation {
  if (option === undefined) return "linear";
  const expected = `one of ${Object.keys(BY_NAME).join(", ")}`;
  if (typeof option !== "string") throw wrongType(what, expected, option);
  if (!Object.hasOwn(BY_NAME, option)) throw wrongValue(what, expected, option);
  return option as Activation;
}

/** Adds it to the graph. */
export const activate = (activation: Activation, x: Value, to: Building): Value => BY_NAME[activation](x, to);
