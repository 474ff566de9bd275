/**
 * lookup(x int8, tables int8 [k, 256]) -> tables[i mod k][x + 128] of element i of an image, in the quantization of the
 * attributes: any function of one int8 value, the same one for all (k = 1) or another one for each of the last k
 * elements, such as each channel.
 */
import { size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import type { Stored } from "../../graph/stored.ts";
import { NO_HALO, storedBytes } from "../../kernels/i8/stored.ts";
import { free, noIntegerAxes } from "../elementwise.ts";
import { rowsBetween, storedIn, storedLayout, storedOut } from "./int8-buffers.ts";
import { elementwiseType, noIntegerGradient, type Quantized, runsOnly } from "./int8-types.ts";

export const lookup: Op<Quantized> = {
  name: "lookup",
  takes: {
    list: [
      { dtypes: ["i8"], batched: true },
      { dtypes: ["i8"], rank: 2, batched: false, codes: true },
    ],
  },
  infer([x, tables], attrs) {
    const [count, entries] = tables!.shape;
    if (entries !== 256 || size(x!.shape) % count! !== 0)
      throw new RangeError(`tables of [${tables!.shape}] do not fit [${x!.shape}]`);
    return [elementwiseType(x!, attrs)];
  },
};

export const evaluate = {
  lookup: ([x, tables]) => [
    tensor(
      x!.shape,
      x!.data.map((q, i) => tables!.data[(i % tables!.shape[0]!) * 256 + q + 128]!),
    ),
  ],
} satisfies Record<string, Evaluate>;

export const gradient = { lookup: noIntegerGradient } satisfies Record<string, Gradient | object>;

export const lower = {
  lookup(node: Node<Quantized>, c) {
    const [x, tables] = node.inputs;
    const y = node.outputs[0]!;
    const count = tables!.type.shape[0]!;
    const table = {
      table: c.in(tables!, storedLayout(c, tables!)),
      step: count > 1 ? 256 * storedBytes(c.variant) : 0,
    };
    // where tables go on from row to row, all must be one
    const whole = x!.type.shape.length === 3 && (x!.type.shape[1]! * x!.type.shape[2]!) % count !== 0;
    const rows = rowsBetween(storedIn(c, x!, NO_HALO, whole), storedOut(c, y, whole));
    c.each("i8_lookup", { ...rows, ...table, period: count > 1 ? count : rows.length });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  lookup: runsOnly,
};

export const cost = { lookup: free } satisfies Record<string, CostOf>;

export const axes = { lookup: noIntegerAxes } satisfies Record<string, Axes | object>;

export const traits = {
  lookup: { int8: "border" },
} satisfies Record<string, Traits>;

export const stored = {
  lookup: {
    op: lookup,
    number: 39,
    fields: {},
    parameters: [{ name: "table", role: "constant", shape: () => [1, 256] }],
  },
} satisfies Record<string, Stored>;
