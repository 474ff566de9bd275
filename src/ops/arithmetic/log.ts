/** log(x), the natural logarithm: -Infinity at 0, NaN below; any shape and layout. */
import { log as naturalLog } from "../../base/math.ts";
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

const f: UnaryFunction<"log"> = { name: "log", kernel: "f32_log", of: x => naturalLog(x) };

const df: Derivative<"logGradient"> = {
  name: "logGradient",
  kernel: "f32_log_gradient",
  from: "x",
  of: (dy, x) => dy / x,
};

export const log = /* @__PURE__ */ unary(f);
export const logGradient = /* @__PURE__ */ derivative(df);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const evaluateBackward = /* @__PURE__ */ evaluateDerivative(df);
export const gradient = /* @__PURE__ */ gradientOfUnary(f, df, logGradient);
export const lower = /* @__PURE__ */ lowerUnary(f);
export const lowerBackward = /* @__PURE__ */ lowerDerivative(df);
export const cost = { log: free } satisfies Record<string, CostOf>;
export const axes = { log: sameAxes } satisfies Record<string, Axes>;
export const traits = { log: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = { log: { op: log, number: 42, fields: {} } } satisfies Record<string, Stored>;
