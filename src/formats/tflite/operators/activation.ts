/** Clamps, and activations that are fused into other operators. */
import type { Value } from "../../../graph/graph.ts";
import { clip } from "../../../ops/activation/clip.ts";
import { relu } from "../../../ops/activation/relu.ts";
import { tanh } from "../../../ops/activation/tanh.ts";
import { affine, affineOf, isInt8 } from "../../../ops/quantized/int8-types.ts";
import { clampTable } from "../int8-tables.ts";
import { type OperatorContext, type OperatorReader, sameQuantization, unsupported } from "../operator-context.ts";
import { ACTIVATIONS } from "../schema.ts";

/** Adds the activation fused into an operator; `field` is its number among the options. */
export function activated(s: OperatorContext, value: Value, field: number): Value {
  const code = s.options.i8(field);
  const activation = ACTIVATIONS[code];
  switch (activation) {
    case "none":
      return value;
    case "relu":
      return s.add(relu, [value], {});
    case "relu6":
      return s.add(clip, [value], { low: 0, high: 6 });
    case "reluN1To1":
      return s.add(clip, [value], { low: -1, high: 1 });
    case "tanh":
      if (!isInt8(value.type)) return s.add(tanh, [value], {});
  }
  return unsupported(`has the activation ${activation ?? code} fused in`);
}

/** A clamp keeps the quantization of its input; if the output has another one, LiteRT's table is used. */
export const clamp =
  (low: number, high: number): OperatorReader =>
  s => {
    const { value, dimensions } = s.activation();
    const { quantization } = s.chosen(value);
    if (quantization && !sameQuantization(quantization, value.type.quantization!)) {
      const table = clampTable(affine(value.type), affineOf(quantization), low, high);
      return s.give(s.table(value, [table], quantization), dimensions);
    }
    s.give(high === Infinity ? s.add(relu, [value], {}) : s.add(clip, [value], { low, high }), dimensions);
  };
