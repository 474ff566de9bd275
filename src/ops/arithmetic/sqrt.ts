/** sqrt(x), any shape and layout: NaN below 0. */
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

const f: UnaryFunction<"sqrt"> = { name: "sqrt", kernel: "f32_sqrt", of: x => Math.sqrt(x) };

const df: Derivative<"sqrtGradient"> = {
  name: "sqrtGradient",
  kernel: "f32_sqrt_gradient",
  from: "y",
  of: (dy, y) => dy / (2 * y),
};

export const sqrt = /* @__PURE__ */ unary(f);
export const sqrtGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, sqrtGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { sqrt: free } satisfies Record<string, CostOf>;
export const axes = { sqrt: sameAxes } satisfies Record<string, Axes>;
export const traits = { sqrt: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = { sqrt: { op: sqrt, number: 43, fields: {} } } satisfies Record<string, Stored>;
