/** clip(x) = min(max(x, low), high), any shape and layout. ReLU6 is low 0, high 6. */
import type { Activation, Axes, CostOf, Prefers, Traits } from "../../graph/meaning.ts";
import { real, type Stored } from "../../graph/stored.ts";
import { free, passedOn, sameAxes } from "../elementwise.ts";
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

export interface Clip {
  low: number;
  high: number;
}

const f: UnaryFunction<"clip", Clip> = {
  name: "clip",
  kernel: "f32_clip",
  of: (x, { low, high }) => Math.min(Math.max(x, low), high),
  keeps: true,
};

const df: Derivative<"clipGradient", Clip> = {
  name: "clipGradient",
  kernel: "f32_clip_gradient",
  from: "y",
  of: (dy, y, { low, high }) => (y > low && y < high ? dy : 0),
};

export const clip = /* @__PURE__ */ unary(f);
export const clipGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, clipGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const prefers = { clip: passedOn } satisfies Record<string, Prefers>;
export const cost = { clip: free } satisfies Record<string, CostOf>;
export const axes = { clip: sameAxes } satisfies Record<string, Axes>;
export const traits = { clip: { int8: "clamps" } } satisfies Record<string, Traits>;
export const stored = {
  clip: { op: clip, number: 6, fields: { low: { of: real, usual: 0 }, high: { of: real, usual: 6 } } },
} satisfies Record<string, Stored>;
export const activation = {
  /** min(max(x, 0), 6) */
  relu6: { op: clip, attrs: { low: 0, high: 6 } },
} satisfies Record<string, Activation>;
