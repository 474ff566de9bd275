/** exp(x) = e^x, any shape and layout. */
import { exp as naturalExp } from "../../base/math.ts";
import type { Axes, CostOf, Traits } from "../../graph/meaning.ts";
import type { Stored } from "../../graph/stored.ts";
import { free, sameAxes } from "../elementwise.ts";
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

const f: UnaryFunction<"exp"> = { name: "exp", kernel: "f32_exp", of: x => naturalExp(x) };

const df: Derivative<"expGradient"> = {
  name: "expGradient",
  kernel: "f32_exp_gradient",
  from: "y",
  of: (dy, y) => dy * y,
};

export const exp = /* @__PURE__ */ unary(f);
export const expGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, expGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { exp: free } satisfies Record<string, CostOf>;
export const axes = { exp: sameAxes } satisfies Record<string, Axes>;
export const traits = { exp: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = { exp: { op: exp, number: 41, fields: {} } } satisfies Record<string, Stored>;
