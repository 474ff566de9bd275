/**
 * requantize(x int8 or uint8) -> int8 of `quantization`, by table. As in XNNPACK (qs8-vcvt) the ratio of the scales is
 * in units of 1/256, rounded half up. uint8 values stand only where a graph begins or ends: u is the int8 value u -
 * 128, its zero point is 128 more.
 */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gives, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import type { Stored } from "../../graph/stored.ts";
import { sloped } from "../activation/leaky-relu.ts";
import { free, noIntegerAxes } from "../elementwise.ts";
import { lowerTable } from "./int8-buffers.ts";
import { affine, elementwiseType, isInt8, noIntegerGradient, type Quantized, runsOnly } from "./int8-types.ts";

export interface Requantize extends Quantized {
  /** The result is uint8: q + 128 of the int8 value q that has `quantization`. */
  unsigned?: boolean;
}

/** The type of the int8 values that stand for those of `type`, which may be uint8. */
function asInt8(type: Type): Type {
  const { quantization } = type;
  if (type.dtype !== "u8" || quantization?.scale.length !== 1) return type;
  return { ...type, dtype: "i8", quantization: { ...quantization, zeroPoint: quantization.zeroPoint - 128 } };
}

export const requantize: Op<Requantize> = {
  name: "requantize",
  takes: { list: [{ dtypes: ["i8", "u8"], batched: true }] },
  infer([x], attrs) {
    const from = asInt8(x!);
    if (!isInt8(from)) throw new TypeError(`expects i8, or u8 with a quantization, got ${x!.dtype}`);
    const type = elementwiseType(from, attrs);
    const ratio = affine(from).scale / affine(type).scale;
    if (!(ratio >= 2 ** -8 && ratio <= 2 ** 7))
      throw new RangeError(`scales ${affine(from).scale} and ${affine(type).scale} lie too far apart`);
    if (!attrs.unsigned) return [type];
    const { scale, zeroPoint } = type.quantization!;
    return [{ ...type, dtype: "u8", quantization: { scale, zeroPoint: zeroPoint + 128 } }];
  },
};

/** Both sides of zero have the same ratio. */
function converted(x: Type, y: Type): (v: number) => number {
  const of = sloped(asInt8(x), asInt8(y), 1)!;
  const [before, after] = [x, y].map(t => (t.dtype === "u8" ? 128 : 0));
  return v => of(v - before!) + after!;
}

/** The int8 that has the bits of v, an int8 or uint8. */
const sameBits = (v: number): number => (v << 24) >> 24;

export const evaluate = {
  requantize: ([x], _, { inputs, outputs }) => [tensor(x!.shape, x!.data.map(converted(inputs[0]!, outputs[0]!)))],
} satisfies Record<string, Evaluate>;

export const gradient = {
  requantize: noIntegerGradient,
} satisfies Record<string, Gradient | object>;

export const lower = {
  requantize({ inputs: [x], outputs: [y] }: Node<Requantize>, c) {
    const of = converted(x!.type, y!.type);
    // kernels move uint8 as the int8 of the same bits
    lowerTable(c, x!, y!, q => sameBits(of(x!.type.dtype === "u8" ? q & 255 : q)));
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  requantize: runsOnly,
};

export const cost = { requantize: free } satisfies Record<string, CostOf>;

export const axes = { requantize: noIntegerAxes } satisfies Record<string, Axes | object>;

export const traits = {
  requantize: { int8: "border" },
} satisfies Record<string, Traits>;

export const gives = { requantize: "input" } satisfies Record<string, Gives>;

export const stored = {
  requantize: { op: requantize, number: 38, fields: { unsigned: { usual: false } } },
} satisfies Record<string, Stored>;
