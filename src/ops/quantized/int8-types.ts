/**
 * The type rules of int8 ops. An int8 value is real = scale * (q - zeroPoint). Weights have one scale per output
 * channel and one zero point, nearly always 0.
 *
 * A weighted op is quantized in one of two ways. *Static*: int8 activations in and out; the attributes of the node hold
 * the quantization of its output. *Dynamic*: float activations in and out with int8 weights; each image is quantized by
 * the range it has.
 */
import { PenjingError } from "../../base/errors.ts";
import { type Shape, showShape } from "../../base/shape.ts";
import type { Graph, Quantization, Type } from "../../graph/graph.ts";
import { refuse } from "../../graph/meaning.ts";

/** The attribute of a node with int8 activations: the quantization of its output. */
export interface Quantized {
  quantization?: Quantization;
}

export const isInt8 = (type: Type): boolean => type.dtype === "i8";

/** A quantization of one scale. */
export const fixed = (scale: number, zeroPoint: number): Quantization => ({ scale: Float32Array.of(scale), zeroPoint });

/** True for a network with integers in its weights or between its layers. */
export const holdsInt8 = ({ leaves, nodes }: Graph): boolean =>
  [...leaves, ...nodes.flatMap(n => n.outputs)].some(v => isInt8(v.type));

/**
 * Throws a PenjingError `quantized` where a network holds int8 already. `verb`: what can only be done with its float
 * form.
 */
export function demandFloat(graph: Graph, verb: string): void {
  if (holdsInt8(graph))
    throw new PenjingError("quantized", `this network is quantized already: ${verb} the float one it was made of`);
}

export interface Affine {
  readonly scale: number;
  readonly zero: number;
}

/** Scale and zero point of a quantization that has one of each. */
export const affineOf = ({ scale, zeroPoint }: Quantization): Affine => ({ scale: scale[0]!, zero: zeroPoint });

/** Those of an int8 activation, which has a quantization (graph/operand.ts). */
export function affine(type: Type): Affine {
  return affineOf(type.quantization!);
}

/** f32(f32(s_x) / f32(s_y)): how many steps of y one of x is. */
export function stepsOf(x: Type, y: Type): number {
  const [from, to] = [affine(x).scale, affine(y).scale];
  const steps = Math.fround(Math.fround(from) / Math.fround(to));
  if (!(steps < Infinity)) throw new PenjingError("refused", `int8 scales ${from} and ${to} lie too far apart`);
  return steps;
}

/** Numbers that int32 can sum up, whatever int8 they are. */
const MOST_SUMMED = 2 ** 23;

/** Throws a RangeError where a mean of int8 would be over more numbers than int32 can sum up. */
export function checkSummed(x: Type, numbers: number): void {
  if (isInt8(x) && numbers > MOST_SUMMED)
    throw new RangeError(`int8 means are over ${MOST_SUMMED} numbers at most, got ${numbers}`);
}

/** The output of an op that keeps its input's type where it is float, and chooses a quantization where it is int8. */
export function elementwiseType(x: Type, attrs: Quantized, others: readonly Type[] = []): Type {
  const odd = others.find(t => t.dtype !== x.dtype);
  if (odd) throw new TypeError(`cannot mix ${x.dtype} and ${odd.dtype}`);
  if (!isInt8(x)) return x;
  if (!attrs.quantization) throw new TypeError("int8 inputs need the quantization of the output");
  return { ...x, quantization: attrs.quantization };
}

/** The output of a convolution or dense layer: f32, or int8 where its input is. */
export function weightedType(shape: Shape, x: Type, weight: Type, bias: Type | undefined, attrs: Quantized): Type {
  const real: Type = { shape, dtype: "f32", batched: true };
  if (bias && bias.shape[0] !== weight.shape[0])
    throw new RangeError(`a bias of ${showShape(bias.shape)} does not fit ${weight.shape[0]} outputs`);
  if (bias && !isInt8(x) && bias.dtype !== "f32")
    throw new TypeError(`float inputs need an f32 bias, got ${bias.dtype}`);
  if (!isInt8(weight)) {
    if (isInt8(x)) throw new TypeError(`int8 inputs need int8 weights, got ${weight.dtype}`);
    return real;
  }
  const { scale, axis = 0, zeroPoint } = weight.quantization!;
  if (scale.length > 1 && axis !== 0) throw new TypeError(`int8 weights need scales along axis 0, got axis ${axis}`);
  if (!(Number.isInteger(zeroPoint) && zeroPoint >= -128 && zeroPoint <= 127))
    throw new RangeError(`int8 weights need a zero point in -128..127, got ${zeroPoint}`);
  if (!isInt8(x)) {
    if (zeroPoint !== 0) throw new RangeError(`float inputs need int8 weights with zero point 0, got ${zeroPoint}`);
    return real;
  }
  if (bias?.quantization?.zeroPoint)
    throw new RangeError(`a bias needs zero point 0, got ${bias.quantization.zeroPoint}`);
  if (bias && bias.dtype !== "i32") throw new TypeError(`int8 inputs need an i32 bias, got ${bias.dtype}`);
  if (!attrs.quantization) throw new TypeError("int8 inputs need the quantization of the output");
  return { ...real, dtype: "i8", quantization: attrs.quantization };
}

/** The refusals of ops of int8 alone. */
export const noIntegerGradient = /* @__PURE__ */ refuse(
  "integers do not carry gradients: train the float graph, then quantize it",
);
export const runsOnly = /* @__PURE__ */ refuse("int8 runs in the running binary, not in the training one");
