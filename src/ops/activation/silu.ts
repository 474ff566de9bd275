/** silu(x) = x / (1 + e^-x), also called swish, any shape and layout (Elfwing et al. 2017). */
import { sigmoid } from "../../base/math.ts";
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

const f: UnaryFunction<"silu"> = { name: "silu", kernel: "f32_silu", of: x => x * sigmoid(x) };

const df: Derivative<"siluGradient"> = {
  name: "siluGradient",
  kernel: "f32_silu_gradient",
  from: "x",
  of: (dy, x) => dy * sigmoid(x) * (1 + x * (1 - sigmoid(x))),
};

export const silu = /* @__PURE__ */ unary(f);
export const siluGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, siluGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { silu: free } satisfies Record<string, CostOf>;
export const axes = { silu: sameAxes } satisfies Record<string, Axes>;
export const traits = { silu: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = { silu: { op: silu, number: 46, fields: {} } } satisfies Record<string, Stored>;
export const activation = { silu: { op: silu, attrs: {} } } satisfies Record<string, Activation>;
