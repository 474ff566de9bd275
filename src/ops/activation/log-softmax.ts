/** logSoftmax(x) = x - log(sum e^x) over the last axis. */
import { exp, log } from "../../base/math.ts";
import type { Op } from "../../graph/graph.ts";
import type { Activation, Axes, CostOf, Evaluate, Gives, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { REAL, realOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { free, fromOutput, sameType, wholeRowAxes } from "../elementwise.ts";
import { lowerRows, lowerRowsGradient, overRows } from "../shape/rows.ts";

export const logSoftmax: Op = {
  name: "logSoftmax",
  takes: { list: [{ ...REAL, batched: true, rows: true }] },
  infer: sameType,
};

/** (dy, output) -> dx. */
export const logSoftmaxGradient: Op = { name: "logSoftmaxGradient", takes: realOperands, infer: sameType };

export const evaluate = {
  logSoftmax: ([x]) => [
    overRows(x!, x!, row => {
      const top = row.reduce((a, b) => Math.max(a, b));
      const total = row.reduce((sum, v) => sum + exp(v - top), 0);
      return row.map(v => v - top - log(total));
    }),
  ],
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  logSoftmaxGradient: ([dy, output]) => [
    overRows(dy!, output!, (d, y) => {
      const sum = d.reduce((a, b) => a + b, 0);
      return d.map((v, j) => v - exp(y[j]!) * sum);
    }),
  ],
} satisfies Record<string, Evaluate>;

export const gradient = {
  logSoftmax: /* @__PURE__ */ fromOutput(logSoftmaxGradient),
} satisfies Record<string, Gradient | object>;

export const lower = { logSoftmax: /* @__PURE__ */ lowerRows("f32_log_softmax") } satisfies Record<string, Lower>;

export const lowerBackward = {
  logSoftmaxGradient: /* @__PURE__ */ lowerRowsGradient("f32_log_softmax_gradient"),
} satisfies Record<string, Lower>;

export const cost = { logSoftmax: free, logSoftmaxGradient: free } satisfies Record<string, CostOf>;

export const axes = { logSoftmax: wholeRowAxes } satisfies Record<string, Axes | object>;

export const traits = {
  logSoftmax: { int8: "float" },
} satisfies Record<string, Traits>;

export const gives = { logSoftmax: "logarithms" } satisfies Record<string, Gives>;

export const stored = {
  logSoftmax: { op: logSoftmax, number: 24, fields: {} },
} satisfies Record<string, Stored>;

export const activation = {
  /** Along the last axis. */
  logSoftmax: { op: logSoftmax, attrs: {} },
} satisfies Record<string, Activation>;
