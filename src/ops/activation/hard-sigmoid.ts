/** hardSigmoid(x) = min(max(alpha x + beta, 0), 1), any shape and layout. Keras: alpha 1/6, beta 1/2. */
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { realOperands, unaryOperands } from "../../graph/operand.ts";
import { real, type Stored } from "../../graph/stored.ts";
import {
  chosenType,
  each,
  eachPair,
  evaluateEach,
  free,
  lowerGradient,
  lowerUnary,
  noBackwardAxes,
  noSecondDerivative,
  sameAxes,
  sameType,
} from "../elementwise.ts";

export interface HardSigmoid {
  alpha: number;
  beta: number;
}

type Slope = Pick<HardSigmoid, "alpha">;

export const hardSigmoid: Op<HardSigmoid> = { name: "hardSigmoid", takes: unaryOperands, infer: chosenType };

/** (upstream, output) -> d input. */
export const hardSigmoidGradient: Op<Slope> = { name: "hardSigmoidGradient", takes: realOperands, infer: sameType };

const values = each((x, { alpha, beta }: HardSigmoid) => Math.min(Math.max(alpha * x + beta, 0), 1));

export const evaluate = {
  hardSigmoid: evaluateEach(values),
  hardSigmoidGradient: eachPair((d, y, { alpha }: Slope) => (y > 0 && y < 1 ? alpha * d : 0)),
} satisfies Record<string, Evaluate>;

export const gradient = {
  hardSigmoid: (node: Node<HardSigmoid>, [upstream], graph) => [
    graph.one(hardSigmoidGradient, [upstream!, node.outputs[0]!], { alpha: node.attrs.alpha }),
  ],
  hardSigmoidGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { hardSigmoid: lowerUnary("f32_hard_sigmoid", values) } satisfies Record<string, Lower>;

export const lowerBackward = { hardSigmoidGradient: lowerGradient("f32_hard_sigmoid_gradient") } satisfies Record<
  string,
  Lower
>;

export const cost = { hardSigmoid: free, hardSigmoidGradient: free } satisfies Record<string, CostOf>;

export const axes = { hardSigmoid: sameAxes, hardSigmoidGradient: noBackwardAxes } satisfies Record<
  string,
  Axes | object
>;

export const traits = {
  hardSigmoid: { int8: "chooses" },
} satisfies Record<string, Traits>;

export const stored = {
  hardSigmoid: {
    op: hardSigmoid,
    number: 21,
    fields: { alpha: { of: real, usual: 1 / 6 }, beta: { of: real, usual: 0.5 } },
  },
} satisfies Record<string, Stored>;
