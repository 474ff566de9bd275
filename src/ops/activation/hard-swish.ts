/** hardSwish(x) = x min(max(x + 3, 0), 6) / 6, any shape and layout (Howard et al. 2019; Keras: hard_silu). */
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
  fromInput,
  lowerGradient,
  lowerUnary,
  noBackwardAxes,
  noSecondDerivative,
  sameAxes,
  sameType,
} from "../elementwise.ts";

export const hardSwish: Op = { name: "hardSwish", takes: unaryOperands, infer: chosenType };

/** (upstream, input) -> d input. */
export const hardSwishGradient: Op = { name: "hardSwishGradient", takes: realOperands, infer: sameType };

const values = each(x => (x * Math.min(Math.max(x + 3, 0), 6)) / 6);

export const evaluate = {
  hardSwish: evaluateEach(values),
  hardSwishGradient: eachPair((d, x) => (x >= 3 ? d : x > -3 ? d * (x / 3 + 0.5) : 0)),
} satisfies Record<string, Evaluate>;

export const gradient = {
  hardSwish: fromInput(hardSwishGradient),
  hardSwishGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { hardSwish: lowerUnary("f32_hard_swish", values) } satisfies Record<string, Lower>;

export const lowerBackward = { hardSwishGradient: lowerGradient("f32_hard_swish_gradient", "x") } satisfies Record<
  string,
  Lower
>;

export const cost = { hardSwish: free, hardSwishGradient: free } satisfies Record<string, CostOf>;

export const axes = { hardSwish: sameAxes, hardSwishGradient: noBackwardAxes } satisfies Record<string, Axes | object>;

export const traits = {
  hardSwish: { int8: "chooses" },
} satisfies Record<string, Traits>;

export const stored = {
  hardSwish: { op: hardSwish, number: 23, fields: {} },
} satisfies Record<string, Stored>;
