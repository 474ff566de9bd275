import type { Op, Type } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { realOperands, unaryOperands } from "../../graph/operand.ts";
import { real, type Stored } from "../../graph/stored.ts";
import { clamp, halfEven } from "../../kernels/reference/stored.ts";
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
  type Values,
} from "../elementwise.ts";
import { affine, isInt8, stepsOf } from "../quantized/quantized.ts";

export interface LeakyRelu {
  alpha: number;
}

export const leakyRelu: Op<LeakyRelu> = { name: "leakyRelu", takes: unaryOperands, infer: chosenType };

/** (upstream, output) -> d input. */
export const leakyReluGradient: Op<LeakyRelu> = { name: "leakyReluGradient", takes: realOperands, infer: sameType };

const exact = each((x, { alpha }: LeakyRelu) => (x > 0 ? x : alpha * x));

/**
 * XNNPACK's qs8-vlrelu: each side's ratio of scales in units of 1/256, one rounding half up. Undefined where a ratio is out of its range,
 * 2^-8 .. 2^7; such layers are rounded exactly.
 */
export function sloped(x: Type, y: Type, alpha: number): ((q: number) => number) | undefined {
  const from = affine(x);
  const to = affine(y);
  const ratio = stepsOf(x, y);
  const below = Math.fround(ratio * Math.fround(alpha));
  if (!(ratio >= 2 ** -8 && ratio <= 2 ** 7 && below >= 2 ** -8)) return undefined;
  const [up, down] = [halfEven(256 * ratio), halfEven(256 * below)];
  return q => clamp((((q - from.zero) * (q >= from.zero ? up : down) + 128) >> 8) + to.zero, -128, 127);
}

const values: Values<LeakyRelu> = (x, y, attrs) =>
  (isInt8(x) ? sloped(x, y, attrs.alpha) : undefined) ?? exact(x, y, attrs);

export const evaluate = {
  leakyRelu: evaluateEach(values),
  leakyReluGradient: eachPair((d, y, { alpha }: LeakyRelu) => (y > 0 ? d : alpha * d)),
} satisfies Record<string, Evaluate>;

export const gradient = {
  leakyRelu: fromOutput(leakyReluGradient),
  leakyReluGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { leakyRelu: lowerUnary("f32_leaky_relu", values) } satisfies Record<string, Lower>;

export const lowerBackward = { leakyReluGradient: lowerGradient("f32_leaky_relu_gradient") } satisfies Record<
  string,
  Lower
>;

export const cost = { leakyRelu: free, leakyReluGradient: free } satisfies Record<string, CostOf>;

export const axes = { leakyRelu: sameAxes, leakyReluGradient: noBackwardAxes } satisfies Record<string, Axes | object>;

export const traits = {
  leakyRelu: { int8: "chooses" },
} satisfies Record<string, Traits>;

export const stored = {
  leakyRelu: { op: leakyRelu, number: 17, fields: { alpha: { of: real, usual: 0.3 } } },
} satisfies Record<string, Stored>;
