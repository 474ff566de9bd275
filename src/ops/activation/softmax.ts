/**
 * softmax(x) = e^x / sum e^x over the last axis. Of int8 as TFLite has it: exponentials in f32 from a table, by the
 * distance to the largest.
 */
import { exp } from "../../base/math.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Activation, Axes, CostOf, Evaluate, Gives, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { ACTIVATION, realOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { i8_softmax } from "../../kernels/reference/i8-elementwise.ts";
import { chosenType, free, fromOutput, rowsOf, sameType, wholeRowAxes } from "../elementwise.ts";
import { wholeLayout } from "../quantized/int8-buffers.ts";
import { affine, fixed, isInt8 } from "../quantized/int8-types.ts";
import { lowerRowsGradient, overRows } from "../shape/rows.ts";

export const softmax: Op = { name: "softmax", takes: { list: [{ ...ACTIVATION, rows: true }] }, infer: chosenType };

/** (dy, output) -> dx. */
export const softmaxGradient: Op = { name: "softmaxGradient", takes: realOperands, infer: sameType };

/**
 * exp(-d * scale) for distances d of int8, as exp(-16 i * scale) exp(-j * scale) in double precision: 32 exponentials
 * in place of 256, which were 2 ms of a cold start.
 */
function exponentials(x: Type): Float32Array {
  const scale = Math.fround(affine(x).scale);
  const powers = (step: number) => Float64Array.from({ length: 16 }, (_, i) => exp(-scale * step * i));
  const fine = powers(1);
  const coarse = powers(16);
  return new Float32Array(256).map((_, d) => coarse[d >> 4]! * fine[d & 15]!);
}

export const evaluate = {
  softmax([x], _, { inputs, outputs }) {
    if (isInt8(inputs[0]!)) {
      const table = exponentials(inputs[0]!);
      const { scale, zero } = affine(outputs[0]!);
      return [overRows(x!, x!, row => Float64Array.from(i8_softmax(Int8Array.from(row), table, scale, zero)))];
    }
    return [
      overRows(x!, x!, row => {
        const top = row.reduce((a, b) => Math.max(a, b));
        const powers = row.map(v => exp(v - top));
        const total = powers.reduce((a, b) => a + b, 0);
        return powers.map(v => v / total);
      }),
    ];
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  softmaxGradient: ([dy, output]) => [
    overRows(dy!, output!, (d, y) => {
      const dot = d.reduce((sum, v, j) => sum + v * y[j]!, 0);
      return d.map((v, j) => y[j]! * (v - dot));
    }),
  ],
} satisfies Record<string, Evaluate>;

export const gradient = {
  softmax: /* @__PURE__ */ fromOutput(softmaxGradient),
} satisfies Record<string, Gradient | object>;

export const lower = {
  softmax(node: Node, c) {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    const args = { x: c.in(x, wholeLayout(c, x)), y: c.out(y, wholeLayout(c, y)), ...rowsOf(x) };
    if (isInt8(x.type))
      c.each("i8_softmax", { ...args, table: c.constant("exponentials", exponentials(x.type)), ...affine(y.type) });
    else c.each("f32_softmax", args);
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  softmaxGradient: /* @__PURE__ */ lowerRowsGradient("f32_softmax_gradient"),
} satisfies Record<string, Lower>;

export const cost = { softmax: free, softmaxGradient: free } satisfies Record<string, CostOf>;

export const axes = { softmax: wholeRowAxes } satisfies Record<string, Axes | object>;

// 1 / 256, which a bundler that drops unused tables would keep, as a division
export const traits = {
  softmax: { int8: /* @__PURE__ */ fixed(0.00390625, -128) },
} satisfies Record<string, Traits>;

export const gives = { softmax: "distribution" } satisfies Record<string, Gives>;

export const stored = {
  softmax: { op: softmax, number: 10, fields: {} },
} satisfies Record<string, Stored>;

export const activation = {
  /** Along the last axis. */
  softmax: { op: softmax, attrs: {} },
} satisfies Record<string, Activation>;
