/** tanh(x), any shape and layout. */

import { tanh as hyperbolicTangent } from "../../base/math.ts";
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

export const tanh: Op = { name: "tanh", takes: unaryOperands, infer: chosenType };

/** (upstream, output) -> d input. */
export const tanhGradient: Op = { name: "tanhGradient", takes: realOperands, infer: sameType };

const values = each(x => hyperbolicTangent(x));

export const evaluate = {
  tanh: evaluateEach(values),
  tanhGradient: eachPair((d, y) => d * (1 - y * y)),
} satisfies Record<string, Evaluate>;

export const gradient = {
  tanh: fromOutput(tanhGradient),
  tanhGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { tanh: lowerUnary("f32_tanh", values) } satisfies Record<string, Lower>;

export const lowerBackward = { tanhGradient: lowerGradient("f32_tanh_gradient") } satisfies Record<string, Lower>;

export const cost = { tanh: free, tanhGradient: free } satisfies Record<string, CostOf>;

export const axes = { tanh: sameAxes, tanhGradient: noBackwardAxes } satisfies Record<string, Axes | object>;

export const traits = {
  tanh: { int8: fixed(1 / 128, 0) },
} satisfies Record<string, Traits>;

export const stored = {
  tanh: { op: tanh, number: 22, fields: {} },
} satisfies Record<string, Stored>;
