/**
 * Layer normalization over the last `axes` axes (Ba, Kiros & Hinton 2016), as Keras: the variance is the biased one.
 *
 *     layerNormalization(x, gamma, beta) = gamma z + beta,    z = (x - mean) / sqrt(variance + epsilon)
 *
 * Mean and variance are those of each row: the numbers of one image along the last `axes` axes. The backward ops take
 * them from layerNormalizationStatistics(x) -> mean, inverse, where inverse = 1 / sqrt(variance + epsilon):
 *
 *     dgamma = sum dy z    dbeta = sum dy    dx = inverse (g - mean g - z mean (g z)),  g = dy gamma
 */
import { type Shape, sameShape, showShape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import { indices, whole } from "../../graph/axes.ts";
import type { Node, Op, Role, Type } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { PARAMETER, REAL, realOperands } from "../../graph/operand.ts";
import { count, type Parameter, real, type Stored } from "../../graph/stored.ts";
import { zeroed } from "../accumulators.ts";
import { free, noSecondDerivative } from "../elementwise.ts";

export interface LayerNormalization {
  epsilon: number;
  /** The number of last axes that make a row. */
  axes: number;
}

export const layerNormalization: Op<LayerNormalization> = {
  name: "layerNormalization",
  takes: { list: [{ ...REAL, batched: true }, PARAMETER, PARAMETER] },
  infer([x, ...parameters], { axes }) {
    const { shape } = x!;
    if (!(axes >= 1 && axes <= shape.length))
      throw new RangeError(`expects 1..${shape.length} axes of ${showShape(shape)}, got ${axes}`);
    for (const p of parameters)
      if (!sameShape(p.shape, shape.slice(-axes)))
        throw new RangeError(`parameters of ${showShape(p.shape)} do not fit the last axes of ${showShape(shape)}`);
    return [x!];
  },
};

/** Rows of an image, and numbers in each. */
function rowsOf(shape: Shape, axes: number): { repeat: number; k: number } {
  const k = size(shape.slice(-axes));
  return { repeat: size(shape) / k, k };
}

/** (x) -> mean, inverse: one number each for every row. */
export const layerNormalizationStatistics: Op<LayerNormalization> = {
  name: "layerNormalizationStatistics",
  takes: realOperands,
  infer([x], { axes }) {
    const each: Type = { shape: [rowsOf(x!.shape, axes).repeat], dtype: "f32", batched: true };
    return [each, each];
  },
};

/** (dy, x, mean, inverse) -> dgamma, dbeta, each a sum over the images. */
export const layerNormalizationParameterGradient: Op<{ axes: number }> = {
  name: "layerNormalizationParameterGradient",
  takes: realOperands,
  infer([, x], { axes }) {
    const each: Type = { shape: x!.shape.slice(-axes), dtype: "f32", batched: false };
    return [each, each];
  },
};

/** (dy, x, mean, inverse, gamma) -> dx. */
export const layerNormalizationGradient: Op<{ axes: number }> = {
  name: "layerNormalizationGradient",
  takes: realOperands,
  infer: ([, x]) => [x!],
};

const mean = (row: Float64Array): number => row.reduce((sum, v) => sum + v, 0) / row.length;

interface RowStatistics {
  mean: number;
  inverse: number;
}

function statisticsOf(row: Float64Array, epsilon: number): RowStatistics {
  const middle = mean(row);
  return { mean: middle, inverse: 1 / Math.sqrt(mean(row.map(v => (v - middle) ** 2)) + epsilon) };
}

/** All rows of k numbers. */
const rows = ({ data }: Tensor, k: number): Float64Array[] =>
  Array.from({ length: data.length / k }, (_, r) => Float64Array.from(data.subarray(r * k, (r + 1) * k)));

/** The dy, z and inverse deviation of each row. */
function backward([dy, x, means, inverses]: Tensor[], k: number) {
  const flows = rows(dy!, k);
  return rows(x!, k).map((row, r) => {
    const inverse = inverses!.data[r]!;
    return { dy: flows[r]!, z: row.map(v => (v - means!.data[r]!) * inverse), inverse };
  });
}

export const evaluate = {
  layerNormalization([x, gamma, beta], { epsilon }: LayerNormalization) {
    const normalized = rows(x!, gamma!.data.length).flatMap(row => {
      const { mean, inverse } = statisticsOf(row, epsilon);
      return Array.from(row, (v, j) => (v - mean) * inverse * gamma!.data[j]! + beta!.data[j]!);
    });
    return [tensor(x!.shape, Float64Array.from(normalized))];
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  layerNormalizationStatistics([x], { epsilon, axes }: LayerNormalization, { outputs: [type] }) {
    const found = rows(x!, size(x!.shape.slice(-axes))).map(row => statisticsOf(row, epsilon));
    const shape = [x!.shape[0]!, ...type!.shape];
    return [found.map(s => s.mean), found.map(s => s.inverse)].map(all => tensor(shape, Float64Array.from(all)));
  },
  layerNormalizationParameterGradient(inputs, _, { outputs: [type] }) {
    const [dgamma, dbeta] = [tensor(type!.shape), tensor(type!.shape)];
    for (const { dy, z } of backward(inputs, size(type!.shape)))
      dy.forEach((d, j) => {
        dgamma.data[j]! += d * z[j]!;
        dbeta.data[j]! += d;
      });
    return [dgamma, dbeta];
  },
  layerNormalizationGradient(inputs) {
    const gamma = inputs[4]!.data;
    const dx = backward(inputs, gamma.length).flatMap(({ dy, z, inverse }) => {
      const g = dy.map((d, j) => d * gamma[j]!);
      const flow = mean(g);
      const turn = mean(g.map((v, j) => v * z[j]!));
      return Array.from(g, (v, j) => inverse * (v - flow - z[j]! * turn));
    });
    return [tensor(inputs[1]!.shape, Float64Array.from(dx))];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  layerNormalization(node: Node<LayerNormalization>, [dy], graph) {
    const [x, gamma] = node.inputs;
    const { axes } = node.attrs;
    const [mean, inverse] = graph.add(layerNormalizationStatistics, [x!], node.attrs);
    const operands = [dy!, x!, mean!, inverse!];
    const [dgamma, dbeta] = graph.add(layerNormalizationParameterGradient, operands, { axes });
    return [graph.one(layerNormalizationGradient, [...operands, gamma!], { axes }), dgamma, dbeta];
  },
  layerNormalizationStatistics: noSecondDerivative,
  layerNormalizationParameterGradient: noSecondDerivative,
  layerNormalizationGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = {
  layerNormalization(node: Node<LayerNormalization>, c) {
    const [x, gamma, beta] = node.inputs;
    const { epsilon, axes } = node.attrs;
    c.each("f32_layer_normalization", {
      x: c.in(x!),
      y: c.out(node.outputs[0]!),
      ...rowsOf(x!.type.shape, axes),
      gamma: c.in(gamma!),
      beta: c.in(beta!),
      epsilon,
    });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  layerNormalizationStatistics(node: Node<LayerNormalization>, c) {
    const x = node.inputs[0]!;
    const [mean, inverse] = node.outputs;
    const { epsilon, axes } = node.attrs;
    c.each("f32_layer_normalization_statistics", {
      x: c.in(x),
      ...rowsOf(x.type.shape, axes),
      mean: c.out(mean!),
      inverse: c.out(inverse!),
      epsilon,
    });
  },
  layerNormalizationParameterGradient(node: Node<{ axes: number }>, c) {
    const [dy, x, mean, inverse] = node.inputs;
    const [dgamma, dbeta] = node.outputs;
    c.call("f32_layer_normalization_parameter_gradient", {
      dy: c.in(dy!),
      x: c.in(x!),
      ...rowsOf(x!.type.shape, node.attrs.axes),
      mean: c.in(mean!),
      inverse: c.in(inverse!),
      dgamma: zeroed(c, dgamma!),
      dbeta: zeroed(c, dbeta!),
    });
  },
  layerNormalizationGradient(node: Node<{ axes: number }>, c) {
    const [dy, x, mean, inverse, gamma] = node.inputs;
    c.each("f32_layer_normalization_gradient", {
      dy: c.in(dy!),
      x: c.in(x!),
      dx: c.out(node.outputs[0]!),
      ...rowsOf(x!.type.shape, node.attrs.axes),
      mean: c.in(mean!),
      inverse: c.in(inverse!),
      gamma: c.in(gamma!),
    });
  },
} satisfies Record<string, Lower>;

export const cost = {
  layerNormalization: (node: Node) => ({ macs: size(node.outputs[0]!.type.shape) }),
  layerNormalizationStatistics: free,
  layerNormalizationParameterGradient: free,
  layerNormalizationGradient: free,
} satisfies Record<string, CostOf>;

/** Mean and variance read every number along the last axes, which are the parameters' too. */
export const axes = {
  layerNormalization({ inputs, attrs }: Node<LayerNormalization>) {
    const { shape } = inputs[0]!.type;
    const first = shape.length - attrs.axes;
    const all = shape.map((n, axis) => (axis < first ? indices(n) : whole(n)));
    return { operands: [all, all.slice(first), all.slice(first), all] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  layerNormalization: { int8: "float" },
} satisfies Record<string, Traits>;

const rowParameter = (name: string, role: Role, standIn: string): Parameter<LayerNormalization> => ({
  name,
  role,
  shape: ([x], { axes }) => x!.shape.slice(-axes),
  standIn,
});

export const stored = {
  layerNormalization: {
    op: layerNormalization,
    number: 48,
    fields: { epsilon: { of: real, usual: 1e-3 }, axes: { of: count, usual: 1 } },
    parameters: [
      /* @__PURE__ */ rowParameter("gamma", "weight", "ones"),
      /* @__PURE__ */ rowParameter("beta", "bias", "zeros"),
    ],
  },
} satisfies Record<string, Stored>;
