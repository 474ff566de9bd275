/** tanh(x), any shape and layout. */
import { tanh as hyperbolicTangent } from "../../base/math.ts";
import type { Activation, Axes, CostOf, Traits } from "../../graph/meaning.ts";
import type { Stored } from "../../graph/stored.ts";
import { free, sameAxes } from "../elementwise.ts";
import { fixed } from "../quantized/int8-types.ts";
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

const f: UnaryFunction<"tanh"> = { name: "tanh", kernel: "f32_tanh", of: x => hyperbolicTangent(x) };

const df: Derivative<"tanhGradient"> = {
  name: "tanhGradient",
  kernel: "f32_tanh_gradient",
  from: "y",
  of: (dy, y) => dy * (1 - y * y),
};

export const tanh = /* @__PURE__ */ unary(f);
export const tanhGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, tanhGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { tanh: free } satisfies Record<string, CostOf>;
export const axes = { tanh: sameAxes } satisfies Record<string, Axes>;
// 1 / 128: see softmax.ts
export const traits = { tanh: { int8: /* @__PURE__ */ fixed(0.0078125, 0) } } satisfies Record<string, Traits>;
export const stored = { tanh: { op: tanh, number: 22, fields: {} } } satisfies Record<string, Stored>;
export const activation = {
  tanh: { op: tanh, attrs: {} },
} satisfies Record<string, Activation>;
