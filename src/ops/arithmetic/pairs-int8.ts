/** Sums, differences and products of two int8 values, each operand and the output in a quantization of its own, in XNNPACK's arithmetic. */

import { tensor } from "../../base/tensor.ts";
import type { Op, Type, Value } from "../../graph/graph.ts";
import type { Evaluate, Lower, Prefers } from "../../graph/meaning.ts";
import { requantized } from "../../kernels/reference/stored.ts";
import { type Addition, addition, rowsOf } from "../../kernels/stored.ts";
import { asOutput, lowerBinary, sameTypes } from "../elementwise.ts";
import { affine, clamps, isInt8, storedIn, storedOut } from "../quantized/quantized.ts";

function numbers(a: Type, b: Type, y: Type, sign: 1 | -1): Addition {
  const found = addition(affine(a), affine(b), affine(y), sign);
  if (found) return found;
  const scales = [a, b, y].map(t => affine(t).scale);
  throw new RangeError(`scales ${scales[0]} and ${scales[1]} lie too far from their sum's ${scales[2]}`);
}

/** The output of a sum: like both inputs, and int8 only where the kernel's numbers can hold the ratios of the scales. */
export const sumType =
  (verb: string, sign: 1 | -1): Op["infer"] =>
  (inputs, attrs) => {
    const types = sameTypes(verb)(inputs, attrs as object);
    if (isInt8(types[0]!)) numbers(inputs[0]!, inputs[1]!, types[0]!, sign);
    return types;
  };

/** f32(f32(s_a * s_b) / s_y) */
const productScale = (a: Type, b: Type, y: Type): number =>
  Math.fround(Math.fround(affine(a).scale * affine(b).scale) / affine(y).scale);

/** Floats as `real` has it, int8 as `quantized` makes it of three types. */
function pairs(
  real: (a: number, b: number) => number,
  quantized: (a: Type, b: Type, y: Type) => (p: number, q: number) => number,
): Evaluate {
  return ([a, b], _, { inputs, outputs }) => {
    const of = isInt8(outputs[0]!) ? quantized(inputs[0]!, inputs[1]!, outputs[0]!) : real;
    return [
      tensor(
        a!.shape,
        a!.data.map((v, i) => of(v, b!.data[i]!)),
      ),
    ];
  };
}

/** a + sign * b; of int8 (bias + a * ma + b * mb) >> shift on stored numbers, + zero point, clamped. */
export const evaluateSum = (sign: 1 | -1): Evaluate =>
  pairs(
    (a, b) => a + sign * b,
    (a, b, y) => {
      const { ma, mb, bias, shift } = numbers(a, b, y, sign);
      const { zero, qmin, qmax } = clamps(y);
      return (p, q) => Math.max(qmin, Math.min(qmax, ((bias + (p + 128) * ma + (q + 128) * mb) >> shift) + zero));
    },
  );

/** a * b; of int8 the product of both less their zero points, requantized. */
export const evaluateProduct = /* @__PURE__ */ pairs(
  (a, b) => a * b,
  (a, b, y) => {
    const scale = productScale(a, b, y);
    const { zero, qmin, qmax } = clamps(y);
    return (p, q) => requantized((p - affine(a).zero) * (q - affine(b).zero), scale, zero, qmin, qmax);
  },
);

/** A kernel of floats, or one of int8 row by row, which takes `numbers` too. */
export const lowerPairs =
  (
    floats: Parameters<typeof lowerBinary>[0],
    integers: "i8_add" | "i8_mul" | "i8_min" | "i8_max",
    numbers: (a: Type, b: Type, y: Type) => object = () => ({}),
  ): Lower =>
  (node, c) => {
    const [a, b] = node.inputs as [Value, Value];
    const y = node.outputs[0]!;
    if (!isInt8(y.type)) {
      lowerBinary(floats)(node, c);
      return;
    }
    const first = storedIn(c, a);
    const second = storedIn(c, b);
    const to = storedOut(c, y);
    c.each(integers, {
      a: first.ref,
      a_row_stride: first.pitch,
      b: second.ref,
      b_row_stride: second.pitch,
      y: to.ref,
      y_row_stride: to.pitch,
      ...rowsOf(first, second, to),
      ...clamps(y.type),
      ...numbers(a.type, b.type, y.type),
    } as never);
  };

/** The numbers of `i8_add` for a + sign * b ... */
export const sumOf =
  (sign: 1 | -1) =>
  (a: Type, b: Type, y: Type): Addition =>
    numbers(a, b, y, sign);

/** ... and of `i8_mul`. */
export const productOf = (a: Type, b: Type, y: Type) => ({
  za: /* @__PURE__ */ affine(a).zero,
  zb: /* @__PURE__ */ affine(b).zero,
  scale: /* @__PURE__ */ productScale(a, b, y),
});

/** The output is like both inputs; int8 inputs are of one quantization, and so is the output. */
export const sameQuantization =
  (verb: string) =>
  ([a, b]: Type[]): Type[] => {
    const types = sameTypes(verb)([a!, b!], { quantization: a!.quantization });
    if (isInt8(a!) && (affine(a!).scale !== affine(b!).scale || affine(a!).zero !== affine(b!).zero))
      throw new RangeError(`cannot ${verb} int8 of two quantizations`);
    return types;
  };

/** Floats lie as the readers of the output wish. */
export const prefersPair: Prefers = (node, operand, c) =>
  isInt8(node.inputs[operand]!.type) ? undefined : asOutput(node, operand, c);
