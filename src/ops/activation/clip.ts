/** clip(x) = min(max(x, low), high), any shape and layout. ReLU6 is low 0, high 6. */
import type { Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { realOperands, unaryOperands } from "../../graph/operand.ts";
import { real, type Stored } from "../../graph/stored.ts";
import {
  each,
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
} from "../elementwise.ts";

export interface Clip {
  low: number;
  high: number;
}

export const clip: Op<Clip> = { name: "clip", takes: unaryOperands, infer: sameType };

/** (upstream, output) -> d input. */
export const clipGradient: Op<Clip> = { name: "clipGradient", takes: realOperands, infer: sameType };

const values = each((x, { low, high }: Clip) => Math.min(Math.max(x, low), high));

export const evaluate = {
  clip: evaluateEach(values),
  clipGradient: eachPair((d, y, { low, high }: Clip) => (y > low && y < high ? d : 0)),
} satisfies Record<string, Evaluate>;

export const gradient = {
  clip: fromOutput(clipGradient),
  clipGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { clip: lowerUnary("f32_clip", values) } satisfies Record<string, Lower>;

export const lowerBackward = { clipGradient: lowerGradient("f32_clip_gradient") } satisfies Record<string, Lower>;

export const prefers = { clip: passedOn } satisfies Record<string, Prefers>;

export const cost = { clip: free, clipGradient: free } satisfies Record<string, CostOf>;

export const axes = { clip: sameAxes, clipGradient: noBackwardAxes } satisfies Record<string, Axes | object>;

export const traits = {
  clip: { int8: "clamps" },
} satisfies Record<string, Traits>;

export const stored = {
  clip: { op: clip, number: 6, fields: { low: { of: real, usual: 0 }, high: { of: real, usual: 6 } } },
} satisfies Record<string, Stored>;
