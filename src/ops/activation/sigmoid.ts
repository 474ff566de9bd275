/** sigmoid(x) = 1 / (1 + e^-x), any shape and layout. */

import { sigmoid as logistic } from "../../base/math.ts";
import type { Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { realOperands, unaryOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import {
  chosenType,
  each,
  eachPair,
  evaluateEach,
  free,
  fromOutput,
  lowerGradient,
  lowerUnary,
  noBackwardAxes,
  noSecondDerivative,
  sameAxes,
  sameType,
} from "../elementwise.ts";
import { fixed } from "../quantized/quantized.ts";

export const sigmoid: Op = { name: "sigmoid", takes: unaryOperands, infer: chosenType };

/** (upstream, output) -> d input. */
export const sigmoidGradient: Op = { name: "sigmoidGradient", takes: realOperands, infer: sameType };

const values = each(x => logistic(x));

export const evaluate = {
  sigmoid: evaluateEach(values),
  sigmoidGradient: eachPair((d, y) => d * y * (1 - y)),
} satisfies Record<string, Evaluate>;

export const gradient = {
  sigmoid: fromOutput(sigmoidGradient),
  sigmoidGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { sigmoid: lowerUnary("f32_sigmoid", values) } satisfies Record<string, Lower>;

export const lowerBackward = { sigmoidGradient: lowerGradient("f32_sigmoid_gradient") } satisfies Record<string, Lower>;

export const cost = { sigmoid: free, sigmoidGradient: free } satisfies Record<string, CostOf>;

export const axes = { sigmoid: sameAxes, sigmoidGradient: noBackwardAxes } satisfies Record<string, Axes | object>;

export const traits = {
  sigmoid: { int8: fixed(1 / 256, -128), gives: "probabilities" },
} satisfies Record<string, Traits>;

export const stored = {
  sigmoid: { op: sigmoid, number: 20, fields: {} },
} satisfies Record<string, Stored>;
