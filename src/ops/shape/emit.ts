/**
 * emit(x, rows): writes x, in layout flat, into a stream of results, one row per step and image, for the host to read
 * after many steps.
 */
import { sameShape, showShape } from "../../base/shape.ts";
import type { Node, Op } from "../../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gives,
  type Gradient,
  type Lower,
  type Refusal,
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import { anyOperands } from "../../graph/operand.ts";
import { flat } from "../../kernels/layout.ts";
import { copyAlong, steps } from "./rearrange.ts";

export const emit: Op = {
  name: "emit",
  takes: anyOperands,
  infer([x, rows]) {
    if (!sameShape(x!.shape, rows!.shape) || x!.dtype !== rows!.dtype)
      throw new RangeError(
        `${x!.dtype} ${showShape(x!.shape)} does not fit rows of ${rows!.dtype} ${showShape(rows!.shape)}`,
      );
    return [rows!];
  },
  updates: [1],
};

export const evaluate = { emit: ([x]) => [x!] } satisfies Record<string, Evaluate>;

export const gradient = {
  emit: /* @__PURE__ */ refuse("results for the host are not differentiated"),
} satisfies Record<string, Gradient | object>;

export const lower = {
  emit(node: Node, c) {
    const [x, rows] = node.inputs;
    const bytes = c.strideIn(x!, flat);
    copyAlong(c, bytes, [steps(1, 0)], [0], { x: c.in(x!), y: c.ref(rows!) });
    c.alias(node.outputs[0]!, rows!, true);
  },
} satisfies Record<string, Lower>;

export const cost = { emit: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

export const axes = { emit: /* @__PURE__ */ refuse("slimming works on models, which end before it") } satisfies Record<
  string,
  Axes | object
>;

export const traits = {
  emit: { int8: "border" },
} satisfies Record<string, Traits>;

export const gives = { emit: "input" } satisfies Record<string, Gives>;

export const unstored = {
  emit: /* @__PURE__ */ refuse("a file holds networks, without the host's streams"),
} satisfies Record<string, Refusal>;
