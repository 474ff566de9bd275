/** requantize(x int8) -> int8 of `quantization`, by table. As in XNNPACK (qs8-vcvt) the ratio of the scales is in units of 1/256, rounded half up. */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import type { Stored } from "../../graph/stored.ts";
import { sloped } from "../activation/leaky-relu.ts";
import { free, sameAxes } from "../elementwise.ts";
import {
  affine,
  elementwiseType,
  isInt8,
  lowerTable,
  noIntegerGradient,
  type Quantized,
  runsOnly,
} from "./quantized.ts";

export type Requantize = Quantized;

export const requantize: Op<Requantize> = {
  name: "requantize",
  takes: { list: [{ dtypes: ["i8"], batched: true }] },
  infer([x], attrs) {
    if (!isInt8(x!)) throw new TypeError(`expects i8, got ${x!.dtype}`);
    const type = elementwiseType(x!, attrs);
    const ratio = affine(x!).scale / affine(type).scale;
    if (!(ratio >= 2 ** -8 && ratio <= 2 ** 7))
      throw new RangeError(`scales ${affine(x!).scale} and ${affine(type).scale} lie too far apart`);
    return [type];
  },
};

/** Both sides of zero have the same ratio. */
const converted = (x: Type, y: Type) => sloped(x, y, 1)!;

export const evaluate = {
  requantize: ([x], _, { inputs, outputs }) => [tensor(x!.shape, x!.data.map(converted(inputs[0]!, outputs[0]!)))],
} satisfies Record<string, Evaluate>;

export const gradient = {
  requantize: noIntegerGradient,
} satisfies Record<string, Gradient | object>;

export const lower = {
  requantize({ inputs: [x], outputs: [y] }: Node<Requantize>, c) {
    lowerTable(c, x!, y!, converted(x!.type, y!.type));
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  requantize: runsOnly,
};

export const cost = { requantize: free } satisfies Record<string, CostOf>;

export const axes = { requantize: sameAxes } satisfies Record<string, Axes>;

export const traits = {
  requantize: { int8: "border", carries: true },
} satisfies Record<string, Traits>;

export const stored = {
  requantize: { op: requantize, number: 38, fields: {} },
} satisfies Record<string, Stored>;
