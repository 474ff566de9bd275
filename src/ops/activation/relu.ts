/** relu(x) = max(x, 0), any shape and layout. */
import type { Activation, Axes, CostOf, Prefers, Traits } from "../../graph/meaning.ts";
import type { Stored } from "../../graph/stored.ts";
import { free, passedOn, sameAxes } from "../elementwise.ts";
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

const f: UnaryFunction<"relu"> = {
  name: "relu",
  kernel: "f32_relu",
  of: x => Math.max(0, x),
  int8: x => q => Math.max(affine(x).zero, q),
  keeps: true,
};

const df: Derivative<"reluGradient"> = {
  name: "reluGradient",
  kernel: "f32_relu_gradient",
  from: "y",
  of: (dy, y) => (y > 0 ? dy : 0),
};

export const relu = /* @__PURE__ */ unary(f);
export const reluGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, reluGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const prefers = { relu: passedOn } satisfies Record<string, Prefers>;
export const cost = { relu: free } satisfies Record<string, CostOf>;
export const axes = { relu: sameAxes } satisfies Record<string, Axes>;
export const traits = { relu: { int8: "clamps" } } satisfies Record<string, Traits>;
export const stored = { relu: { op: relu, number: 5, fields: {} } } satisfies Record<string, Stored>;
export const activation = {
  relu: { op: relu, attrs: {} },
} satisfies Record<string, Activation>;
