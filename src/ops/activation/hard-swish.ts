/** hardSwish(x) = x min(max(x + 3, 0), 6) / 6, any shape and layout (Howard et al. 2019; Keras: hard_silu). */
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

const f: UnaryFunction<"hardSwish"> = {
  name: "hardSwish",
  kernel: "f32_hard_swish",
  of: x => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
};

const df: Derivative<"hardSwishGradient"> = {
  name: "hardSwishGradient",
  kernel: "f32_hard_swish_gradient",
  from: "x",
  of: (dy, x) => (x >= 3 ? dy : x > -3 ? dy * (x / 3 + 0.5) : 0),
};

export const hardSwish = /* @__PURE__ */ unary(f);
export const hardSwishGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, hardSwishGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { hardSwish: free } satisfies Record<string, CostOf>;
export const axes = { hardSwish: sameAxes } satisfies Record<string, Axes>;
export const traits = { hardSwish: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = { hardSwish: { op: hardSwish, number: 23, fields: {} } } satisfies Record<string, Stored>;
export const activation = {
  /** x min(max(x + 3, 0), 6) / 6; Keras' hard_silu. */
  hardSwish: { op: hardSwish, attrs: {} },
} satisfies Record<string, Activation>;
