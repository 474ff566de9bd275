/** Operators of two tensors, whose shapes are broadcast to one another. */
import { type Shape, size } from "../../../base/shape.ts";
import type { Op, Quantization, Value } from "../../../graph/graph.ts";
import { div } from "../../../ops/arithmetic/div.ts";
import { mul } from "../../../ops/arithmetic/mul.ts";
import { sub } from "../../../ops/arithmetic/sub.ts";
import { affine, isInt8, type Quantized } from "../../../ops/quantized/int8-types.ts";
import { broadcast } from "../../../ops/shape/broadcast.ts";
import { type Constant, realOf } from "../constant.ts";
import { batchAxis, type Dimension, fixed, product, quotient, sum } from "../dimensions.ts";
import { type Activation, type OperatorContext, type OperatorReader, unsupported } from "../operator-context.ts";
import { activated } from "./activation.ts";
import { throughReal } from "./quantization.ts";

type Operand = Activation | { readonly kind: "constant"; readonly constant: Constant };

const sizesOf = (o: Operand): Shape => (o.kind === "activation" ? o.dimensions.map(d => d.n) : o.constant.shape);

/** Both operands as images of one shape, with the dimensions in the file. */
export interface Aligned {
  readonly values: readonly [Value, Value];
  readonly dimensions: readonly Dimension[];
}

/** Broadcasts two operands, at least one of them an activation, to one shape. Their last axes are aligned. */
export function aligned(s: OperatorContext, layer: string, a: Operand, b: Operand): Aligned {
  const rank = Math.max(sizesOf(a).length, sizesOf(b).length);
  const wide = (o: Operand): Shape => [...new Array(rank - sizesOf(o).length).fill(1), ...sizesOf(o)];
  const [p, q] = [wide(a), wide(b)];
  const sizes = p.map((n, axis) => {
    const m = q[axis]!;
    if (n !== m && n !== 1 && m !== 1) throw new RangeError(`[${sizesOf(a)}] and [${sizesOf(b)}] do not go together`);
    return n === 1 ? m : n;
  });
  // the batch axis is that of the activation with more axes
  const batches = [a, b].flatMap(o =>
    o.kind === "activation"
      ? [{ at: batchAxis(o.dimensions) + rank - o.dimensions.length, rank: o.dimensions.length }]
      : [],
  );
  const batch = batches.reduce((one, other) => (other.rank > one.rank ? other : one)).at;
  if (batch > 0 && sizes[batch] !== 1) unsupported("joins tensors of many images with different numbers of axes");
  if (!s.importer.single && batches.some(({ at }) => at !== batch)) unsupported("joins the batch with another axis");
  const own = [a, b].some((o, i) => o.kind === "constant" && [p, q][i]![batch] !== 1);
  if (own && s.importer.images > 1) unsupported("has a constant for each image of a batch");
  const image = (shape: Shape) => (sizes[batch] === 1 ? shape.filter((_, axis) => axis !== batch) : shape);
  const wanted = image(sizes);
  const like = [a, b].find(o => o.kind === "activation") as Activation;
  const repeated = (o: Operand): Value => {
    const own = image(wide(o));
    if (o.kind === "constant")
      return s.add(broadcast, [s.state(layer, { ...o.constant, shape: own }), like.value], { shape: wanted });
    const value = s.reshape(o.value, own);
    return size(own) === size(wanted) ? value : s.add(broadcast, [value, like.value], { shape: wanted });
  };
  return {
    values: [repeated(a), repeated(b)],
    dimensions: sizes.map((n, axis) => (axis === batch ? { n, batched: true } : fixed(n))),
  };
}

/** Returns two operands; undefined if both are sizes or constants. */
const operandsOrSizes = (s: OperatorContext): [Operand, Operand] | undefined =>
  [0, 1].some(i => s.known(i).kind === "activation") ? operands(s) : undefined;

function operands(s: OperatorContext): [Operand, Operand] {
  return [0, 1].map(i => {
    const known = s.known(i);
    return known.kind === "activation" ? known : { kind: "constant" as const, constant: s.constant(i) };
  }) as [Operand, Operand];
}

/**
 * Reads an operator of two tensors; on shapes alone it is arithmetic. `activation` is the field number of the fused
 * one.
 */
export const pair =
  (op: Op<Quantized>, activation: number | undefined): OperatorReader =>
  s => {
    const both = operandsOrSizes(s);
    if (!both) return arithmetic(s, ARITHMETIC[op.name]);
    const layer = s.importer.names.unique(op.name);
    const { values, dimensions } = aligned(s, layer, ...both);
    const { graph } = s.importer;
    const node = (attrs: Quantized) => (of: readonly Value[]) =>
      graph.scope(layer, () => graph.one(op, [...of], attrs));
    const far = isInt8(values[0].type) && op.name in ARITHMETIC && !within(values, s.chosen(values[0]).quantization!);
    const made = far ? throughReal(s, values, node({})) : node(s.chosen(values[0]))(values);
    s.give(activation === undefined ? made : activated(s, made, activation), dimensions);
  };

/** Scales of sums that XNNPACK's arithmetic supports; other sums are computed in float. */
function within(values: readonly Value[], { scale }: Quantization): boolean {
  const larger = Math.max(...values.map(v => affine(v.type).scale / scale[0]!));
  return larger >= 2 ** -10 && larger < 2 ** 8;
}

type Arithmetic = (a: Dimension, b: Dimension) => Dimension;

const ARITHMETIC: Readonly<Record<string, Arithmetic>> = {
  add: (a, b) => sum(a, b, 1),
  sub: (a, b) => sum(a, b, -1),
  mul: product,
};

function arithmetic(s: OperatorContext, of: Arithmetic | undefined): void {
  const compute = of ?? unsupported("has two constant operands");
  const [a, b] = [s.sizes(0), s.sizes(1)];
  const length = Math.max(a.length, b.length);
  s.giveSizes(Array.from({ length }, (_, i) => compute(a[i % a.length]!, b[i % b.length]!)));
}

/** Division of floats by a constant is a product with its reciprocal; of bytes it is computed in float. */
export const division: OperatorReader = s => {
  const [a, b] = operandsOrSizes(s) ?? [];
  if (!a || !b) return arithmetic(s, quotient);
  const real = a.kind === "activation" && b.kind === "constant" && !isInt8(a.value.type);
  const by: Operand = real ? { kind: "constant", constant: reciprocal(b.constant) } : b;
  const op = real ? mul : div;
  const layer = s.importer.names.unique(op.name);
  const { values, dimensions } = aligned(s, layer, a, by);
  const { graph } = s.importer;
  const node = (of: readonly Value[]) => graph.scope(layer, () => graph.one(op, [...of], {}));
  s.give(activated(s, throughReal(s, values, node), 0), dimensions);
};

const reciprocal = (constant: Constant): Constant => ({
  shape: constant.shape,
  dtype: "f32",
  data: realOf(constant).map(v => 1 / v),
});

/** (a - b)^2 */
export const squaredDifference: OperatorReader = s => {
  const layer = s.importer.names.unique(sub.name);
  const { values, dimensions } = aligned(s, layer, ...operands(s));
  const squared = ([a, b]: Value[]): Value => {
    const difference = s.add(sub, [a!, b!], {});
    return s.add(mul, [difference, difference], {});
  };
  s.give(throughReal(s, values, squared), dimensions);
};

/** Sums of several tensors. */
export const sumOf =
  (op: Op<Quantized>): OperatorReader =>
  s => {
    const all = s.operator.inputs.map((_, i) => s.activation(i));
    if (isInt8(all[0]!.value.type)) unsupported("has no int8 form");
    s.give(
      all.map(x => x.value).reduce((a, b) => s.add(op, [a, b], {})),
      all[0]!.dimensions,
    );
  };
