/** sigmoid(x) = 1 / (1 + e^-x), any shape and layout. */
import { sigmoid as logistic } from "../../base/math.ts";
import type { Activation, Axes, CostOf, Gives, Traits } from "../../graph/meaning.ts";
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

const f: UnaryFunction<"sigmoid"> = { name: "sigmoid", kernel: "f32_sigmoid", of: x => logistic(x) };

const df: Derivative<"sigmoidGradient"> = {
  name: "sigmoidGradient",
  kernel: "f32_sigmoid_gradient",
  from: "y",
  of: (dy, y) => dy * y * (1 - y),
};

export const sigmoid = /* @__PURE__ */ unary(f);
export const sigmoidGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, sigmoidGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { sigmoid: free } satisfies Record<string, CostOf>;
export const axes = { sigmoid: sameAxes } satisfies Record<string, Axes>;
// 1 / 256: see softmax.ts
export const traits = {
  sigmoid: { int8: /* @__PURE__ */ fixed(0.00390625, -128) },
} satisfies Record<string, Traits>;
export const gives = { sigmoid: "probabilities" } satisfies Record<string, Gives>;
export const stored = { sigmoid: { op: sigmoid, number: 20, fields: {} } } satisfies Record<string, Stored>;
export const activation = {
  sigmoid: { op: sigmoid, attrs: {} },
} satisfies Record<string, Activation>;
