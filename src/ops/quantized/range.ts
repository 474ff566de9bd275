/**
 * range(x) -> [smallest, largest] of each image, NaN left out: what calibration looks at. It runs in the running
 * binary, but is no part of a page that only runs: calibration adds `lower` to the table of ops.
 */
import { size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Refusal,
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import { anyOperands } from "../../graph/operand.ts";

export const range: Op = {
  name: "range",
  takes: anyOperands,
  infer: () => [{ shape: [2], dtype: "f32", batched: true }],
};

export const evaluate = {
  range([x]) {
    const images = x!.shape[0]!;
    const length = x!.data.length / images;
    const y = tensor([images, 2]);
    for (let i = 0; i < images; i++) {
      const row = x!.data.subarray(i * length, (i + 1) * length).filter(v => !Number.isNaN(v));
      y.data[2 * i] = row.reduce((a, b) => Math.min(a, b), Infinity);
      y.data[2 * i + 1] = row.reduce((a, b) => Math.max(a, b), -Infinity);
    }
    return [y];
  },
} satisfies Record<string, Evaluate>;

export const gradient = { range: /* @__PURE__ */ refuse("an observation is not differentiated") } satisfies Record<
  string,
  Gradient | object
>;

export const lowerCalibration = {
  range(node: Node, c) {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    const ends = { x: c.in(x), y: c.out(y) };
    c.each("i8_range", { ...ends, length: size(x.type.shape) });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  range: /* @__PURE__ */ refuse("calibration runs in the running binary, not in the training one"),
} satisfies Record<string, Lower | object>;

export const cost = { range: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

export const axes = { range: /* @__PURE__ */ refuse("an observation has no channels") } satisfies Record<
  string,
  Axes | object
>;

export const traits = {
  range: { int8: "float" },
} satisfies Record<string, Traits>;

export const unstored = {
  range: /* @__PURE__ */ refuse("an observation belongs to a calibration"),
} satisfies Record<string, Refusal>;
