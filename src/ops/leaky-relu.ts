/** leakyRelu(x) = x > 0 ? x : alpha x, alpha >= 0, any shape and layout. Keras' alpha (negative_slope) is 0.3. */
import type { Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import {
  chosenType,
  each,
  eachPair,
  free,
  fromOutput,
  lowerGradient,
  lowerUnary,
  noBackwardAxes,
  noSecondDerivative,
  sameAxes,
  sameType,
} from "./elementwise.ts";

export interface LeakyRelu {
  alpha: number;
}

export const leakyRelu: Op<LeakyRelu> = { name: "leakyRelu", infer: chosenType };

/** (upstream, output) -> d input. */
export const leakyReluGradient: Op<LeakyRelu> = { name: "leakyReluGradient", infer: sameType };

export const evaluate = {
  leakyRelu: each((x, { alpha }: LeakyRelu) => (x > 0 ? x : alpha * x)),
  leakyReluGradient: eachPair((d, y, { alpha }: LeakyRelu) => (y > 0 ? d : alpha * d)),
} satisfies Record<string, Evaluate>;

export const gradient = {
  leakyRelu: fromOutput(leakyReluGradient),
  leakyReluGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { leakyRelu: lowerUnary("f32_leaky_relu", evaluate.leakyRelu) } satisfies Record<string, Lower>;

export const lowerBackward = { leakyReluGradient: lowerGradient("f32_leaky_relu_gradient") } satisfies Record<
  string,
  Lower
>;

export const prefers = {} satisfies Record<string, Prefers>;

export const cost = { leakyRelu: free, leakyReluGradient: free } satisfies Record<string, CostOf>;

export const axes = { leakyRelu: sameAxes, leakyReluGradient: noBackwardAxes } satisfies Record<string, Axes | object>;
