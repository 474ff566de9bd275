/**
 * Sums, differences and products of two int8 values, each operand and the output in a quantization of its own, in
 * XNNPACK's arithmetic.
 */

import { tensor } from "../../base/tensor.ts";
import type { Op, Type, Value } from "../../graph/graph.ts";
import type { Evaluate, Lower, Lowering, Prefers } from "../../graph/meaning.ts";
import { type Addition, addition } from "../../kernels/i8/addition.ts";
import { rowsOf } from "../../kernels/i8/stored.ts";
import { requantized } from "../../kernels/reference/stored.ts";
import { asOutput, lowerBinary, sameTypes } from "../elementwise.ts";
import { clamps } from "../quantized/int8-arithmetic.ts";
import { storedIn, storedOut } from "../quantized/int8-buffers.ts";
import { affine, isInt8 } from "../quantized/int8-types.ts";

function numbers(a: Type, b: Type, y: Type, sign: 1 | -1): Addition {
  const found = addition(affine(a), affine(b), affine(y), sign);
  if (found) return found;
  const scales = [a, b, y].map(t => affine(t).scale);
  throw new RangeError(`scales ${scales[0]} and ${scales[1]} lie too far from their sum's ${scales[2]}`);
}

/**
 * The output of a sum: like both inputs, and int8 only where the kernel's numbers can hold the ratios of the scales.
 */
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

/** The arguments that int8 kernels of two values share. */
function pairArgs(c: Lowering, a: Value, b: Value, y: Value) {
  const first = storedIn(c, a);
  const second = storedIn(c, b);
  const to = storedOut(c, y);
  return {
    a: first.ref,
    a_row_stride: first.rowStride,
    b: second.ref,
    b_row_stride: second.rowStride,
    y: to.ref,
    y_row_stride: to.rowStride,
    ...rowsOf(first, second, to),
  };
}

type PairArgs = ReturnType<typeof pairArgs>;

/** Lowers to a kernel of floats, or to the call of one of int8. */
export const lowerPairs =
  (
    floats: Parameters<typeof lowerBinary>[0],
    call: (c: Lowering, args: PairArgs, a: Type, b: Type, y: Type) => void,
  ): Lower =>
  (node, c) => {
    const [a, b] = node.inputs as [Value, Value];
    const y = node.outputs[0]!;
    if (isInt8(y.type)) call(c, pairArgs(c, a, b, y), a.type, b.type, y.type);
    else lowerBinary(floats)(node, c);
  };

/** Lowers a + sign * b. */
export const lowerSum = (floats: "f32_add" | "f32_sub", sign: 1 | -1): Lower =>
  lowerPairs(floats, (c, args, a, b, y) => c.each("i8_add", { ...args, ...clamps(y), ...numbers(a, b, y, sign) }));

/** Lowers a * b. */
export const lowerProduct: Lower = /* @__PURE__ */ lowerPairs("f32_mul", (c, args, a, b, y) =>
  c.each("i8_mul", {
    ...args,
    ...clamps(y),
    za: affine(a).zero,
    zb: affine(b).zero,
    scale: productScale(a, b, y),
  }),
);

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
