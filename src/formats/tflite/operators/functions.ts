/** Functions of one value, and of the rows of the last axis. */
import { size } from "../../../base/shape.ts";
import type { Op, Value } from "../../../graph/graph.ts";
import { gelu } from "../../../ops/activation/gelu.ts";
import { leakyRelu } from "../../../ops/activation/leaky-relu.ts";
import { logSoftmax } from "../../../ops/activation/log-softmax.ts";
import { prelu } from "../../../ops/activation/prelu.ts";
import { softmax } from "../../../ops/activation/softmax.ts";
import { maximum } from "../../../ops/arithmetic/maximum.ts";
import { mul } from "../../../ops/arithmetic/mul.ts";
import { scale } from "../../../ops/arithmetic/scale.ts";
import { type Affine, affine, affineOf, isInt8 } from "../../../ops/quantized/int8-types.ts";
import { realOf } from "../constant.ts";

import { geluTable, leakyReluTable, preluTable, realTable } from "../int8-tables.ts";

import { type OperatorContext, type OperatorReader, unsupported } from "../operator-context.ts";
import { reinterpreted, throughReal } from "./quantization.ts";

/** Reads an op that has an int8 kernel. */
export const unary =
  <A extends object>(op: Op<A>, attrs: (s: OperatorContext) => A): OperatorReader =>
  s => {
    const { value, dimensions } = s.activation();
    s.give(s.add(op, [value], { ...attrs(s), ...s.chosen(value) }), dimensions);
  };

/** Reads a function that is composed of ops in float, and is a table of LiteRT's in int8. */
export const composed =
  (
    real: (s: OperatorContext, x: Value) => Value,
    table: ((from: Affine, to: Affine) => Int8Array) | undefined,
  ): OperatorReader =>
  s => {
    const { value, dimensions } = s.activation();
    if (!isInt8(value.type)) return s.give(real(s, value), dimensions);
    const { quantization } = s.chosen(value);
    if (!table) return unsupported("has no int8 form");
    s.give(s.table(value, [table(affine(value.type), affineOf(quantization!))], quantization!), dimensions);
  };

/** Reads a function of one value: its op in float, LiteRT's table in int8. */
export const tabled =
  <A extends object>(
    op: Op<A>,
    attrs: (s: OperatorContext) => A,
    of: (x: number, attrs: A) => number,
  ): OperatorReader =>
  s => {
    const settings = attrs(s);
    const real = (_: OperatorContext, x: Value) => s.add(op, [x], settings);
    composed(real, (from, to) => realTable(from, to, x => of(x, settings)))(s);
  };

export const negative = (s: OperatorContext, x: Value): Value => s.add(scale, [x], { scale: -1 });

export const absolute = (s: OperatorContext, x: Value): Value => s.add(maximum, [x, negative(s, x)], {});

export const square = (s: OperatorContext, x: Value): Value => s.add(mul, [x, x], {});

/** Reads an op without attributes. */
export const real =
  (op: Op<object>) =>
  (s: OperatorContext, x: Value): Value =>
    s.add(op, [x], {});

/** By the normal distribution, or its approximation by the hyperbolic tangent. */
export const gelus: OperatorReader = s => {
  const approximate = s.options.flag(0);
  composed(
    (_, x) => s.add(gelu, [x], { approximate }),
    (from, to) => geluTable(from, to, approximate),
  )(s);
};

/** int8 by LiteRT's table; in float a negative slope needs a prelu. */
export const leakyRelus: OperatorReader = s => {
  const alpha = s.options.f32(0);
  if (!Number.isFinite(alpha)) throw new RangeError(`a slope is ${alpha}`);
  const real = (_: OperatorContext, x: Value) => {
    if (alpha >= 0) return s.add(leakyRelu, [x], { alpha });
    const shape = x.type.shape.map(() => 1);
    return s.layer(prelu, x, { alpha: { shape, dtype: "f32", data: Float32Array.of(alpha) } }, {});
  };
  const { value, dimensions } = s.activation();
  if (isInt8(value.type) && alpha > 0) s.give(s.add(leakyRelu, [value], { alpha, ...s.chosen(value) }), dimensions);
  else composed(real, (from, to) => leakyReluTable(from, to, alpha))(s);
};

/** Up to this many distinct slopes become tables of 256 bytes each; more are computed in float. */
const MOST_TABLES = 4096;

export const prelus: OperatorReader = s => {
  const { value, dimensions } = s.activation();
  const alpha = s.constant(1);
  const { shape } = value.type;
  const own = alpha.shape.slice(Math.max(0, alpha.shape.length - shape.length));
  if (size(own) !== size(alpha.shape)) unsupported(`has slopes of [${alpha.shape}]`);
  const aligned = [...shape.map(() => 1).slice(own.length), ...own];
  if (aligned.some((n, axis) => n !== 1 && n !== shape[axis])) unsupported(`has slopes of [${alpha.shape}]`);
  // slopes of the last axes alone repeat over all axes before; sharing in between is expanded
  const first = aligned.findIndex(n => n !== 1);
  const whole = first < 0 ? [] : shape.slice(first);
  const places = spread(first < 0 ? [] : aligned.slice(first), whole);
  if (isInt8(value.type) && alpha.data instanceof Int8Array && alpha.quantization && places.length <= MOST_TABLES) {
    const { quantization } = s.chosen(value);
    const to = affineOf(quantization!);
    const of = affineOf(alpha.quantization);
    const tables = Array.from(places, i => preluTable(affine(value.type), to, of, alpha.data[i]!));
    return s.give(s.table(value, tables, quantization!), dimensions);
  }
  const slopes = realOf(alpha);
  const real = {
    shape: [...shape.map(() => 1).slice(whole.length), ...whole],
    dtype: "f32" as const,
    data: Float32Array.from(places, i => slopes[i]!),
  };
  s.give(
    throughReal(s, [value], ([x]) => s.layer(prelu, x!, { alpha: real }, {})),
    dimensions,
  );
};

/** For each element of `to`, the element of `from` it repeats; axes of size 1 are repeated. */
function spread(from: readonly number[], to: readonly number[]): Int32Array {
  let places = Int32Array.of(0);
  let stride = size(from);
  from.forEach((n, axis) => {
    stride /= n;
    const finer = new Int32Array(places.length * to[axis]!);
    let at = 0;
    for (const place of places) for (let i = 0; i < to[axis]!; i++) finer[at++] = place + (n === 1 ? 0 : i * stride);
    places = finer;
  });
  return places;
}

/** softmax(beta x) */
export const soft: OperatorReader = s => {
  const x = s.activation();
  const { value, dimensions } = x;
  s.demandOwnRows(x);
  const beta = s.options.f32(0);
  if (!Number.isFinite(beta)) throw new RangeError(`beta is ${beta}`);
  const scaled =
    beta === 1 ? value : isInt8(value.type) ? rescaled(s, value, beta) : s.add(scale, [value], { scale: beta });
  s.give(s.add(softmax, [scaled], s.chosen(value)), dimensions);
};

/** beta x: the same numbers with another scale. */
function rescaled(s: OperatorContext, x: Value, beta: number): Value {
  if (!(beta > 0)) unsupported(`has a beta of ${beta}`);
  const { scale: steps, zeroPoint } = x.type.quantization!;
  return reinterpreted(s, x, { scale: Float32Array.of(steps[0]! * beta), zeroPoint });
}

export const logarithmic: OperatorReader = s => {
  const x = s.activation();
  const { value, dimensions } = x;
  s.demandOwnRows(x);
  s.give(
    throughReal(s, [value], ([real]) => s.add(logSoftmax, [real!], {})),
    dimensions,
  );
};
