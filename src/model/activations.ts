/** Activation functions by Keras' names, in camelCase. */
import { oneOf } from "../base/errors.ts";
import type { Value } from "../graph/graph.ts";
import { prelu } from "../ops/activation/prelu.ts";
import { ACTIVATION } from "../ops/index.ts";
import { zeros } from "./initializers.ts";
import type { Building } from "./layer.ts";

/**
 * Names of activations: those of ops ("relu", "softmax" ...); "linear": none; "prelu": x > 0 ? x : alpha x with one
 * learned alpha per element, initially 0.
 */
export type Activation = keyof typeof ACTIVATION | "linear" | "prelu";

const NAMES = /* @__PURE__ */ (() => ["linear", ...Object.keys(ACTIVATION), "prelu"])() as readonly Activation[];

/** Checks the option of an activation. */
export function activationOf(option: unknown, what = "activation"): Activation {
  if (option === undefined) return "linear";
  return oneOf(what, option, NAMES);
}

/** Adds it to the graph. */
export function activate(activation: Activation, x: Value, to: Building): Value {
  if (activation === "linear") return x;
  if (activation === "prelu")
    return to.graph.one(prelu, [x, to.parameter("alpha", x.type.shape, { role: "weight", initializer: zeros() })]);
  const { op, attrs } = ACTIVATION[activation];
  return to.graph.one(op, [x], attrs);
}
