/** The borders of int8, conversions of constants, and int8 operators without integer arithmetic. */
import type { Quantization, Value } from "../../../graph/graph.ts";
import { nearest } from "../../../ops/quantized/int8-arithmetic.ts";
import { affine, affineOf, isInt8 } from "../../../ops/quantized/int8-types.ts";
import { dequantize, quantize } from "../../../ops/quantized/quantize.ts";
import { type Constant, realOf } from "../constant.ts";
import { requantizedTable } from "../int8-tables.ts";
import { type OperatorContext, type OperatorReader, unsupported } from "../operator-context.ts";

/** Computes an operator without integer arithmetic in float, between a dequantize and a quantize. */
export function throughReal(s: OperatorContext, inputs: readonly Value[], compute: (real: Value[]) => Value): Value {
  if (!isInt8(inputs[0]!.type)) return compute([...inputs]);
  const quantization = s.quantization() ?? unsupported("gives float32 for int8");
  return s.add(quantize, [compute(inputs.map(x => s.add(dequantize, [x], {})))], { quantization });
}

/** The same numbers with another quantization. */
export const reinterpreted = (s: OperatorContext, x: Value, quantization: Quantization): Value =>
  s.table(x, [Int8Array.from({ length: 256 }, (_, i) => i - 128)], quantization);

/** A constant of floats, rounded as kernels round activations. */
function quantizedConstant(constant: Constant, quantization: Quantization): Constant {
  const { scale, zeroPoint } = quantization;
  if (constant.dtype !== "f32") return unsupported("quantizes a constant of integers");
  const inverse = Math.fround(1 / scale[0]!);
  const data = Int8Array.from(constant.data, v => nearest(v, inverse, zeroPoint));
  return { shape: constant.shape, dtype: "i8", data, quantization };
}

export const quantizing: OperatorReader = s => {
  const known = s.known(0);
  const quantization = s.quantization() ?? unsupported("gives float32");
  if (known.kind === "constant") return s.giveConstant(quantizedConstant(known.constant, quantization));
  const { value, dimensions } = s.activation();
  if (!isInt8(value.type)) return s.give(s.add(quantize, [value], { quantization }), dimensions);
  const [from, to] = [affine(value.type), affineOf(quantization)];
  const ratio = from.scale / to.scale;
  // `give` requantizes as XNNPACK does, which only converts within one type; otherwise LiteRT's own arithmetic applies,
  // which is exact if the scale does not change
  const xnnpack = s.tensor(0).type === s.outputTensor().type && ratio >= 2 ** -8 && ratio <= 2 ** 7;
  if (xnnpack || ratio === 1) return s.give(value, dimensions);
  s.give(s.table(value, [requantizedTable(from, to)], quantization), dimensions);
};

/** Constants (float16 weights, int8 weights) are dequantized immediately, activations by a node where int8 ends. */
export const dequantizing: OperatorReader = s => {
  const known = s.known(0);
  if (known.kind === "constant")
    return s.giveConstant({ shape: known.constant.shape, dtype: "f32", data: realOf(known.constant) });
  const { value, dimensions } = s.activation();
  s.give(isInt8(value.type) ? s.add(dequantize, [value], {}) : value, dimensions);
};

/** Sparse constants become dense when they are read. */
export const densify: OperatorReader = s => s.giveConstant(s.constant(0));
