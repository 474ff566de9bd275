/** leakyRelu(x) = x > 0 ? x : alpha x, alpha >= 0, any shape and layout. Keras' alpha (negative_slope) is 0.3. Of int8 by table. */
import { tensor } from "../base/tensor.ts";
import type { Op, Type } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower } from "../graph/meaning.ts";
import { clamp, halfEven } from "../kernels/reference/stored.ts";
import {
  chosenType,
  each,
  eachPair,
  free,
  fromOutput,
  lowerGradient,
  lowerUnary,
  noBackwardAxes,
  noSecondDerivative,
  sameAxes,
  sameType,
} from "./elementwise.ts";
import { affine, isInt8 } from "./quantized.ts";

export interface LeakyRelu {
  alpha: number;
}

export const leakyRelu: Op<LeakyRelu> = { name: "leakyRelu", infer: chosenType };

/** (upstream, output) -> d input. */
export const leakyReluGradient: Op<LeakyRelu> = { name: "leakyReluGradient", infer: sameType };

const real: Evaluate<LeakyRelu> = each((x, { alpha }) => (x > 0 ? x : alpha * x));

/**
 * XNNPACK's qs8-vlrelu: each side's ratio of scales in units of 1/256, one rounding half up. Undefined where a ratio is out of its range,
 * 2^-8 .. 2^7; such layers are rounded exactly.
 */
function sloped(x: Type, y: Type, alpha: number): ((q: number) => number) | undefined {
  const from = affine(x);
  const to = affine(y);
  const ratio = Math.fround(Math.fround(from.scale) / Math.fround(to.scale));
  const below = Math.fround(ratio * Math.fround(alpha));
  if (!(ratio >= 2 ** -8 && ratio <= 2 ** 7 && below >= 2 ** -8)) return undefined;
  const [up, down] = [halfEven(256 * ratio), halfEven(256 * below)];
  return q => clamp((((q - from.zero) * (q >= from.zero ? up : down) + 128) >> 8) + to.zero, -128, 127);
}

export const evaluate = {
  leakyRelu(inputs, attrs: LeakyRelu, types) {
    const [x] = inputs;
    const of = isInt8(types.inputs[0]!) && sloped(types.inputs[0]!, types.outputs[0]!, attrs.alpha);
    return of ? [tensor(x!.shape, x!.data.map(of))] : real(inputs, attrs, types);
  },
  leakyReluGradient: eachPair((d, y, { alpha }: LeakyRelu) => (y > 0 ? d : alpha * d)),
} satisfies Record<string, Evaluate>;

export const gradient = {
  leakyRelu: fromOutput(leakyReluGradient),
  leakyReluGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = { leakyRelu: lowerUnary("f32_leaky_relu", evaluate.leakyRelu) } satisfies Record<string, Lower>;

export const lowerBackward = { leakyReluGradient: lowerGradient("f32_leaky_relu_gradient") } satisfies Record<
  string,
  Lower
>;

export const cost = { leakyRelu: free, leakyReluGradient: free } satisfies Record<string, CostOf>;

export const axes = { leakyRelu: sameAxes, leakyReluGradient: noBackwardAxes } satisfies Record<string, Axes | object>;
