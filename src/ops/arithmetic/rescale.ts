/**
 * rescale(x) = x * scale + offset, pixels (u8) or numbers (f32) to f32: where a data set's images enter a training
 * graph.
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
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import { real, type Stored } from "../../graph/stored.ts";
import { sameAxes } from "../elementwise.ts";

export interface Rescale {
  scale: number;
  offset: number;
}

export const rescale: Op<Rescale> = {
  name: "rescale",
  takes: { list: [{ dtypes: ["u8"], batched: true, rows: true }] },
  infer([x]) {
    return [{ shape: x!.shape, dtype: "f32", batched: true }];
  },
};

export const evaluate = {
  rescale: ([x], { scale, offset }: Rescale) => [
    tensor(
      x!.shape,
      x!.data.map(v => Math.fround(Math.fround(v * Math.fround(scale)) + Math.fround(offset))),
    ),
  ],
} satisfies Record<string, Evaluate>;

export const gradient = {
  rescale: /* @__PURE__ */ refuse("pixels are data, nothing flows into them"),
} satisfies Record<string, Gradient | object>;

export const lower = {
  rescale(node: Node<Rescale>, c) {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    c.each("u8_rescale", {
      x: c.ref(x),
      y: c.out(y),
      k: size(x.type.shape),
      ...node.attrs,
    });
  },
} satisfies Record<string, Lower>;

export const cost = { rescale: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

export const axes = { rescale: sameAxes } satisfies Record<string, Axes>;

export const traits = {
  rescale: { int8: "float" },
} satisfies Record<string, Traits>;

export const stored = {
  rescale: {
    op: rescale,
    number: 12,
    fields: { scale: { of: real, usual: 1 / 255 }, offset: { of: real, usual: 0 } },
  },
} satisfies Record<string, Stored>;
