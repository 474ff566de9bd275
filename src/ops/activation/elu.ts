/** elu(x) = x > 0 ? x : alpha (e^x - 1), alpha >= 0, any shape and layout (Clevert et al. 2015). */
import { expm1 } from "../../base/math.ts";
import { halfEven } from "../../base/rounding.ts";
import type { Type } from "../../graph/graph.ts";
import type { Activation, Axes, CostOf, Traits } from "../../graph/meaning.ts";
import { real, type Stored } from "../../graph/stored.ts";
import { clamp } from "../../kernels/reference/stored.ts";
import { free, sameAxes } from "../elementwise.ts";
import { affine } from "../quantized/int8-types.ts";
import {
  type Derivative,
  derivative,
  evaluateDerivative,
  evaluateUnary,
  gradientOfUnary,
  lowerDerivative,
  lowerUnary,
  type UnaryFunction,
  unary,
} from "../unary.ts";

export interface Elu {
  alpha: number;
}

/** XNNPACK's table of int8: computed in f32, rounded half to even. */
function table(x: Type, y: Type, { alpha }: Elu): (q: number) => number {
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

const f: UnaryFunction<"elu", Elu> = {
  name: "elu",
  kernel: "f32_elu",
  of: (x, { alpha }) => (x > 0 ? x : alpha * expm1(x)),
  int8: table,
};

const df: Derivative<"eluGradient", Elu> = {
  name: "eluGradient",
  kernel: "f32_elu_gradient",
  from: "y",
  of: (dy, y, { alpha }) => (y > 0 ? dy : dy * (y + alpha)),
};

export const elu = /* @__PURE__ */ unary(f);
export const eluGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, eluGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { elu: free } satisfies Record<string, CostOf>;
export const axes = { elu: sameAxes } satisfies Record<string, Axes>;
export const traits = { elu: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = { elu: { op: elu, number: 18, fields: { alpha: { of: real, usual: 1 } } } } satisfies Record<
  string,
  Stored
>;
export const activation = {
  /** x > 0 ? x : exp(x) - 1 */
  elu: { op: elu, attrs: { alpha: 1 } },
} satisfies Record<string, Activation>;
