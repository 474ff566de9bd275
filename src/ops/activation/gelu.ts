/**
 * gelu(x) = x Phi(x), Phi the normal distribution, any shape and layout (Hendrycks & Gimpel 2016). `approximate`: by a
 * hyperbolic tangent, x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
 */
import { erf, exp, tanh } from "../../base/math.ts";
import type { Activation, Axes, CostOf, Traits } from "../../graph/meaning.ts";
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

export interface Gelu {
  approximate: boolean;
}

const ROOT = 0.7978845608028654; // sqrt(2 / pi)
const CUBIC = 0.044715;

const normal = (x: number): number => (1 + erf(x * Math.SQRT1_2)) / 2;
const bent = (x: number): number => tanh(ROOT * (x + CUBIC * x ** 3));

function slope(x: number, { approximate }: Gelu): number {
  if (!approximate) return normal(x) + (x * exp((-x * x) / 2) * ROOT) / 2;
  const t = bent(x);
  return (1 + t + x * (1 - t * t) * ROOT * (1 + 3 * CUBIC * x * x)) / 2;
}

const f: UnaryFunction<"gelu", Gelu> = {
  name: "gelu",
  kernel: ({ approximate }) => (approximate ? "f32_gelu_tanh" : "f32_gelu"),
  of: (x, { approximate }) => (approximate ? (x * (1 + bent(x))) / 2 : x * normal(x)),
};

const df: Derivative<"geluGradient", Gelu> = {
  name: "geluGradient",
  kernel: ({ approximate }) => (approximate ? "f32_gelu_tanh_gradient" : "f32_gelu_gradient"),
  from: "x",
  of: (dy, x, attrs) => dy * slope(x, attrs),
};

export const gelu = /* @__PURE__ */ unary(f);
export const geluGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, geluGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { gelu: free } satisfies Record<string, CostOf>;
export const axes = { gelu: sameAxes } satisfies Record<string, Axes>;
export const traits = { gelu: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = {
  gelu: { op: gelu, number: 45, fields: { approximate: { usual: false } } },
} satisfies Record<string, Stored>;
export const activation = {
  gelu: { op: gelu, attrs: { approximate: false } },
} satisfies Record<string, Activation>;
