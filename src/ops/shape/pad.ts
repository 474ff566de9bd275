/** pad(x [h, w, c]) -> [top + h + bottom, left + w + right, c], zeros around each image (of int8: zero points). */
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { ANY_IMAGE } from "../../graph/operand.ts";
import { type Stored, signed } from "../../graph/stored.ts";
import { channelAxes, free } from "../elementwise.ts";
import { affine, isInt8 } from "../quantized/int8-types.ts";
import { insetPlaces } from "./constant-pad.ts";
import { evaluateRearranged, type Filling, lowerRearranged, type Places } from "./rearrange.ts";
import { sliced } from "./strided-slice.ts";

export interface Pad {
  /** [top, left, bottom, right], >= 0 */
  pads: readonly [number, number, number, number];
}

export const pad: Op<Pad> = {
  name: "pad",
  takes: { list: [ANY_IMAGE] },
  infer([x], { pads: [top, left, bottom, right] }) {
    const { shape } = x!;
    if (Math.min(top, left, bottom, right) < 0)
      throw new RangeError(`expects pads >= 0, got ${[top, left, bottom, right]}`);
    return [{ ...x!, shape: [top + shape[0]! + bottom, left + shape[1]! + right, shape[2]!] }];
  },
};

const places: Places<Pad> = (pitches, input, output, { pads }) =>
  insetPlaces(pitches, input, output, [pads[0], pads[1], 0]);

const filling: Filling<Pad> = type => (isInt8(type) ? affine(type).zero : 0);

export const evaluate = { pad: /* @__PURE__ */ evaluateRearranged(places, filling) } satisfies Record<string, Evaluate>;

export const gradient = {
  pad: ({ attrs: { pads }, inputs: [x] }: Node<Pad>, [dy], graph) => [
    sliced(graph, dy!, [pads[0], pads[1], 0], x!.type.shape),
  ],
} satisfies Record<string, Gradient>;

export const lower = { pad: /* @__PURE__ */ lowerRearranged(places, filling) } satisfies Record<string, Lower>;

export const cost = { pad: free } satisfies Record<string, CostOf>;

export const axes = { pad: channelAxes } satisfies Record<string, Axes>;

export const traits = {
  pad: { int8: "keeps" },
} satisfies Record<string, Traits>;

export const stored = {
  pad: { op: pad, number: 27, fields: { pads: { of: signed, usual: [1, 1, 1, 1] } } },
} satisfies Record<string, Stored>;
