/**
 * resizeNearest(x [h, w, c]) -> [size[0], size[1], c]: each pixel is the one of x that lies nearest, by the coordinate
 * modes and roundings of TensorFlow Lite and ONNX.
 */
import type { Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { IMAGE } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { channelAxes, free } from "../elementwise.ts";
import { affineFields, coordinate, type Placement, resized, sizeFields } from "./coordinates.ts";
import { along, evaluateRearranged, gradientOfRearranged, lowerRearranged, type Places } from "./rearrange.ts";

/** The neighbour that a coordinate is rounded to; the last two differ where it lies in the middle. */
export const ROUNDINGS = ["floor", "roundPreferFloor", "roundPreferCeil", "ceil"] as const;

export interface ResizeNearest extends Placement {
  rounding: (typeof ROUNDINGS)[number];
}

export const resizeNearest: Op<ResizeNearest> = {
  name: "resizeNearest",
  takes: { list: [IMAGE] },
  infer: ([x], attrs) => [{ ...x!, shape: resized(x!.shape, attrs) }],
};

const ROUND = {
  floor: Math.floor,
  ceil: Math.ceil,
  roundPreferFloor: (x: number) => Math.ceil(x - 0.5),
  roundPreferCeil: (x: number) => Math.floor(x + 0.5),
};

const places: Places<ResizeNearest> = (pitches, input, output, attrs) =>
  output.map((out, axis) => {
    const size = input[axis]!;
    const nearest = (o: number) =>
      axis < 2 ? Math.min(size - 1, Math.max(0, ROUND[attrs.rounding](coordinate(attrs, axis as 0 | 1, o, size)))) : o;
    return along(out, o => nearest(o) * pitches[axis]!);
  });

export const evaluate = { resizeNearest: /* @__PURE__ */ evaluateRearranged(places) } satisfies Record<
  string,
  Evaluate
>;

export const gradient = { resizeNearest: /* @__PURE__ */ gradientOfRearranged(places) } satisfies Record<
  string,
  Gradient
>;

export const lower = { resizeNearest: /* @__PURE__ */ lowerRearranged(places) } satisfies Record<string, Lower>;

export const cost = { resizeNearest: free } satisfies Record<string, CostOf>;

export const axes = { resizeNearest: channelAxes } satisfies Record<string, Axes>;

export const traits = {
  resizeNearest: { int8: "keeps" },
} satisfies Record<string, Traits>;

export const stored = {
  resizeNearest: {
    op: resizeNearest,
    number: 36,
    fields: { ...sizeFields, rounding: { of: ROUNDINGS, usual: ROUNDINGS[0] }, ...affineFields },
  },
} satisfies Record<string, Stored>;
