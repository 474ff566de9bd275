/** rsqrt(x) = 1 / sqrt(x), any shape and layout: Infinity at 0, NaN below. */
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

const f: UnaryFunction<"rsqrt"> = { name: "rsqrt", kernel: "f32_rsqrt", of: x => 1 / Math.sqrt(x) };

const df: Derivative<"rsqrtGradient"> = {
  name: "rsqrtGradient",
  kernel: "f32_rsqrt_gradient",
  from: "y",
  of: (dy, y) => (-dy * y ** 3) / 2,
};

export const rsqrt = /* @__PURE__ */ unary(f);
export const rsqrtGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, rsqrtGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { rsqrt: free } satisfies Record<string, CostOf>;
export const axes = { rsqrt: sameAxes } satisfies Record<string, Axes>;
export const traits = { rsqrt: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = { rsqrt: { op: rsqrt, number: 44, fields: {} } } satisfies Record<string, Stored>;
