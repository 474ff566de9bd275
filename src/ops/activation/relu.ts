import type { Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { realOperands, unaryOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import {
  eachPair,
  evaluateEach,
  free,
  fromOutput,
  lowerGradient,
  lowerUnary,
  noBackwardAxes,
  noSecondDerivative,
  passedOn,
  sameAxes,
  sameType,
  type Values,
} from "../elementwise.ts";
import { affine, isInt8 } from "../quantized/quantized.ts";

export const relu: Op = { name: "relu", takes: unaryOperands, infer: sameType };

/** (upstream, y) -> upstream where y > 0, else 0. */
export const reluGradient: Op = { name: "reluGradient", takes: realOperands, infer: sameType };

const values: Values = x => {
  const least = isInt8(x) ? affine(x).zero : 0;
  return v => Math.max(least, v);
};

export const evaluate = {
  relu: evaluateEach(values),
  reluGradient: eachPair((d, y) => (y > 0 ? d : 0)),
} satisfies Record<string, Evaluate>;

export const gradient = {
  relu: fromOutput(reluGradient),
  reluGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { relu: lowerUnary("f32_relu", values) } satisfies Record<string, Lower>;

export const lowerBackward = { reluGradient: lowerGradient("f32_relu_gradient") } satisfies Record<string, Lower>;

export const prefers = { relu: passedOn } satisfies Record<string, Prefers>;

export const cost = { relu: free, reluGradient: free } satisfies Record<string, CostOf>;

export const axes = {
  relu: sameAxes,
  reluGradient: noBackwardAxes,
} satisfies Record<string, Axes | object>;

export const traits = {
  relu: { int8: "clamps" },
} satisfies Record<string, Traits>;

export const stored = {
  relu: { op: relu, number: 5, fields: {} },
} satisfies Record<string, Stored>;
