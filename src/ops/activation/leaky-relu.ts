/** leakyRelu(x) = x > 0 ? x : alpha x, alpha >= 0, any shape and layout. */

import { halfEven } from "../../base/rounding.ts";
import type { Type } from "../../graph/graph.ts";
import type { Activation, Axes, CostOf, Traits } from "../../graph/meaning.ts";
import { real, type Stored } from "../../graph/stored.ts";
import { clamp } from "../../kernels/reference/stored.ts";
import { free, sameAxes } from "../elementwise.ts";
import { affine, stepsOf } from "../quantized/int8-types.ts";
import {
  type Derivative,
  derivative,
  evaluateDerivative,
  evaluateUnary,
  gradientOfUnary,
  lowerDerivative,
  lowerUnary,
  nearest,
  type UnaryFunction,
  unary,
} from "../unary.ts";

export interface LeakyRelu {
  alpha: number;
}

/**
 * XNNPACK's qs8-vlrelu: each side's ratio of scales in units of 1/256, one rounding half up. Undefined where a ratio is
 * out of its range, 2^-8 .. 2^7; such layers are rounded exactly.
 */
export function sloped(x: Type, y: Type, alpha: number): ((q: number) => number) | undefined {
  const from = affine(x);
  const to = affine(y);
  const ratio = stepsOf(x, y);
  const below = Math.fround(ratio * Math.fround(alpha));
  if (!(ratio >= 2 ** -8 && ratio <= 2 ** 7 && below >= 2 ** -8)) return undefined;
  const [up, down] = [halfEven(256 * ratio), halfEven(256 * below)];
  return q => clamp((((q - from.zero) * (q >= from.zero ? up : down) + 128) >> 8) + to.zero, -128, 127);
}

const leak = (x: number, { alpha }: LeakyRelu): number => (x > 0 ? x : alpha * x);

const f: UnaryFunction<"leakyRelu", LeakyRelu> = {
  name: "leakyRelu",
  kernel: "f32_leaky_relu",
  of: leak,
  int8: (x, y, attrs) => sloped(x, y, attrs.alpha) ?? nearest(leak)(x, y, attrs),
};

const df: Derivative<"leakyReluGradient", LeakyRelu> = {
  name: "leakyReluGradient",
  kernel: "f32_leaky_relu_gradient",
  from: "y",
  of: (dy, y, { alpha }) => (y > 0 ? dy : alpha * dy),
};

export const leakyRelu = /* @__PURE__ */ unary(f);
export const leakyReluGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, leakyReluGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { leakyRelu: free } satisfies Record<string, CostOf>;
export const axes = { leakyRelu: sameAxes } satisfies Record<string, Axes>;
export const traits = { leakyRelu: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = {
  leakyRelu: { op: leakyRelu, number: 17, fields: { alpha: { of: real, usual: 0.3 } } },
} satisfies Record<string, Stored>;
export const activation = {
  /** x > 0 ? x : 0.2 x */
  leakyRelu: { op: leakyRelu, attrs: { alpha: 0.2 } },
} satisfies Record<string, Activation>;
