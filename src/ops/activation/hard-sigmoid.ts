/** hardSigmoid(x) = min(max(alpha x + beta, 0), 1), any shape and layout. Keras: alpha 1/6, beta 1/2. */
import type { Activation, Axes, CostOf, Traits } from "../../graph/meaning.ts";
import { real, type Stored } from "../../graph/stored.ts";
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

export interface HardSigmoid {
  alpha: number;
  beta: number;
}

const f: UnaryFunction<"hardSigmoid", HardSigmoid> = {
  name: "hardSigmoid",
  kernel: "f32_hard_sigmoid",
  of: (x, { alpha, beta }) => Math.min(Math.max(alpha * x + beta, 0), 1),
};

const df: Derivative<"hardSigmoidGradient", HardSigmoid> = {
  name: "hardSigmoidGradient",
  kernel: "f32_hard_sigmoid_gradient",
  from: "y",
  of: (dy, y, { alpha }) => (y > 0 && y < 1 ? alpha * dy : 0),
};

export const hardSigmoid = /* @__PURE__ */ unary(f);
export const hardSigmoidGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, hardSigmoidGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { hardSigmoid: free } satisfies Record<string, CostOf>;
export const axes = { hardSigmoid: sameAxes } satisfies Record<string, Axes>;
export const traits = { hardSigmoid: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = {
  hardSigmoid: {
    op: hardSigmoid,
    number: 21,
    fields: { alpha: { of: real, usual: 1 / 6 }, beta: { of: real, usual: 0.5 } },
  },
} satisfies Record<string, Stored>;
export const activation = {
  /** min(max(x / 6 + 1/2, 0), 1) */
  hardSigmoid: { op: hardSigmoid, attrs: { alpha: 1 / 6, beta: 0.5 } },
} satisfies Record<string, Activation>;
