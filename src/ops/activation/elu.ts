/** elu(x) = x > 0 ? x : alpha (e^x - 1), alpha >= 0, any shape and layout (Clevert et al. 2015). */

import { expm1 } from "../../base/math.ts";
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
import { affine, isInt8 } from "../quantized/quantized.ts";

export interface Elu {
  alpha: number;
}

export const elu: Op<Elu> = { name: "elu", takes: unaryOperands, infer: chosenType };

/** (upstream, output) -> d input. */
export const eluGradient: Op<Elu> = { name: "eluGradient", takes: realOperands, infer: sameType };

const exact = each((x, { alpha }: Elu) => (x > 0 ? x : alpha * expm1(x)));

/** Of int8 as XNNPACK makes its table: in f32, rounded half to even. */
function table(x: Type, y: Type, alpha: number): (q: number) => number {
  const from = affine(x);
  const to = affine(y);
  const f = Math.fround;
  const inverse = f(1 / f(to.scale));
  return q => {
    const v = f(f(from.scale) * (q - from.zero));
    const steps = f((v < 0 ? f(alpha * f(expm1(v))) : v) * inverse);
    return clamp(halfEven(f(steps + to.zero)), -128, 127);
  };
}

const values: Values<Elu> = (x, y, attrs) => (isInt8(x) ? table(x, y, attrs.alpha) : exact(x, y, attrs));

export const evaluate = {
  elu: evaluateEach(values),
  eluGradient: eachPair((d, y, { alpha }: Elu) => (y > 0 ? d : d * (y + alpha))),
} satisfies Record<string, Evaluate>;

export const gradient = {
  elu: fromOutput(eluGradient),
  eluGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { elu: lowerUnary("f32_elu", values) } satisfies Record<string, Lower>;

export const lowerBackward = { eluGradient: lowerGradient("f32_elu_gradient") } satisfies Record<string, Lower>;

export const cost = { elu: free, eluGradient: free } satisfies Record<string, CostOf>;

export const axes = { elu: sameAxes, eluGradient: noBackwardAxes } satisfies Record<string, Axes | object>;

export const traits = {
  elu: { int8: "chooses" },
} satisfies Record<string, Traits>;

export const stored = {
  elu: { op: elu, number: 18, fields: { alpha: { of: real, usual: 1 } } },
} satisfies Record<string, Stored>;
