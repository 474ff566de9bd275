/** elu(x) = x > 0 ? x : alpha (e^x - 1), alpha >= 0, any shape and layout (Clevert et al. 2015). */

import { expm1 } from "../base/math.ts";
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

export interface Elu {
  alpha: number;
}

export const elu: Op<Elu> = { name: "elu", infer: chosenType };

/** (upstream, output) -> d input. */
export const eluGradient: Op<Elu> = { name: "eluGradient", infer: sameType };

export const evaluate = {
  elu: each((x, { alpha }: Elu) => (x > 0 ? x : alpha * expm1(x))),
  eluGradient: eachPair((d, y, { alpha }: Elu) => (y > 0 ? d : d * (y + alpha))),
} satisfies Record<string, Evaluate>;

export const gradient = {
  elu: fromOutput(eluGradient),
  eluGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { elu: lowerUnary("f32_elu", evaluate.elu) } satisfies Record<string, Lower>;

export const lowerBackward = { eluGradient: lowerGradient("f32_elu_gradient") } satisfies Record<string, Lower>;

export const prefers = {} satisfies Record<string, Prefers>;

export const cost = { elu: free, eluGradient: free } satisfies Record<string, CostOf>;

export const axes = { elu: sameAxes, eluGradient: noBackwardAxes } satisfies Record<string, Axes | object>;
