/**
 * Batch normalization over the last axis (Ioffe & Szegedy 2015), as Keras: the variance is the biased one.
 *
 * batchNormalization(x, gamma, beta, mean, variance) is what a model holds and what runs: the statistics are constants.
 * trainBatchNormalization(x, gamma, beta) -> y, mean, variance takes those of the batch; movingAverage(moving, batch's)
 * keeps them.
 */
import { showShape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import { indices } from "../../graph/axes.ts";
import type { Node, Op, Role, Type } from "../../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import { PARAMETER, REAL, realOperands } from "../../graph/operand.ts";
import { type Parameter, real, type Stored } from "../../graph/stored.ts";
import { zeroed } from "../accumulators.ts";
import { free, rowsOf, sameType } from "../elementwise.ts";

export interface BatchNormalization {
  epsilon: number;
  /** The share of the moving statistics that stays at each training step. */
  momentum: number;
}

const perChannel = (x: Type): Type => ({ shape: [x.shape.at(-1)!], dtype: "f32", batched: false });

function fits([x, ...parameters]: Type[]): Type {
  for (const p of parameters)
    if (p.shape.length !== 1 || p.shape[0] !== x!.shape.at(-1))
      throw new RangeError(`parameters of ${showShape(p.shape)} do not fit the channels of ${showShape(x!.shape)}`);
  return x!;
}

export const batchNormalization: Op<BatchNormalization> = {
  name: "batchNormalization",
  takes: { list: [{ ...REAL, batched: true, rows: true }, PARAMETER, PARAMETER, PARAMETER, PARAMETER] },
  infer: inputs => [fits(inputs)],
};

export const trainBatchNormalization: Op<BatchNormalization> = {
  name: "trainBatchNormalization",
  takes: realOperands,
  infer: inputs => [fits(inputs), perChannel(inputs[0]!), perChannel(inputs[0]!)],
};

/** (moving, batch's) -> moving * momentum + batch's * (1 - momentum), in place. */
export const movingAverage: Op<{ momentum: number }> = {
  name: "movingAverage",
  takes: realOperands,
  infer: sameType,
  updates: [0],
};

/** (dy, x, mean, variance) -> dgamma, dbeta. */
export const batchNormalizationParameterGradient: Op<{ epsilon: number }> = {
  name: "batchNormalizationParameterGradient",
  takes: realOperands,
  infer: ([, x]) => [perChannel(x!), perChannel(x!)],
};

/** (dy, variance, gamma) -> dx, the statistics being constants. */
export const batchNormalizationGradient: Op<{ epsilon: number }> = {
  name: "batchNormalizationGradient",
  takes: realOperands,
  infer: sameType,
};

/** (dy, x, mean, variance, gamma, dgamma, dbeta) -> dx, the statistics being the batch's, which move with x. */
export const trainBatchNormalizationGradient: Op<{ epsilon: number }> = {
  name: "trainBatchNormalizationGradient",
  takes: realOperands,
  infer: sameType,
};

/** y = of(x, channel, index) for every element. */
function channels(x: Tensor, of: (v: number, channel: number, at: number) => number): Tensor {
  const k = x.shape.at(-1)!;
  return tensor(
    x.shape,
    x.data.map((v, at) => of(v, at % k, at)),
  );
}

/** The sum of of(x, channel, index) over everything but the channels. */
function sums(x: Tensor, of: (v: number, channel: number, at: number) => number): Tensor {
  const k = x.shape.at(-1)!;
  const y = tensor([k]);
  x.data.forEach((v, at) => {
    y.data[at % k]! += of(v, at % k, at);
  });
  return y;
}

const deviation = (variance: Tensor, epsilon: number): Float64Array => variance.data.map(v => Math.sqrt(v + epsilon));

function normalize([x, gamma, beta, mean, variance]: Tensor[], epsilon: number): Tensor {
  const d = deviation(variance!, epsilon);
  return channels(x!, (v, c) => ((v - mean!.data[c]!) / d[c]!) * gamma!.data[c]! + beta!.data[c]!);
}

export const evaluate = {
  batchNormalization: (inputs, { epsilon }: BatchNormalization) => [normalize(inputs, epsilon)],
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  trainBatchNormalization([x, gamma, beta], { epsilon }: BatchNormalization) {
    const count = x!.data.length / x!.shape.at(-1)!;
    const mean = sums(x!, v => v / count);
    const variance = sums(x!, (v, c) => (v - mean.data[c]!) ** 2 / count);
    return [normalize([x!, gamma!, beta!, mean, variance], epsilon), mean, variance];
  },
  movingAverage: ([moving, batch], { momentum }) => [
    tensor(
      moving!.shape,
      moving!.data.map((v, i) => v * momentum + batch!.data[i]! * (1 - momentum)),
    ),
  ],
  batchNormalizationParameterGradient([dy, x, mean, variance], { epsilon }) {
    const d = deviation(variance!, epsilon);
    return [sums(dy!, (v, c, at) => (v * (x!.data[at]! - mean!.data[c]!)) / d[c]!), sums(dy!, v => v)];
  },
  batchNormalizationGradient([dy, variance, gamma], { epsilon }) {
    const d = deviation(variance!, epsilon);
    return [channels(dy!, (v, c) => (v * gamma!.data[c]!) / d[c]!)];
  },
  trainBatchNormalizationGradient([dy, x, mean, variance, gamma, dgamma, dbeta], { epsilon }) {
    const d = deviation(variance!, epsilon);
    const count = x!.data.length / x!.shape.at(-1)!;
    return [
      channels(dy!, (v, c, at) => {
        const z = (x!.data[at]! - mean!.data[c]!) / d[c]!;
        return (gamma!.data[c]! / d[c]!) * (v - (dbeta!.data[c]! + z * dgamma!.data[c]!) / count);
      }),
    ];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  batchNormalization(node: Node<BatchNormalization>, [dy], graph) {
    const [x, gamma, , mean, variance] = node.inputs;
    const attrs = { epsilon: node.attrs.epsilon };
    const [dgamma, dbeta] = graph.add(batchNormalizationParameterGradient, [dy!, x!, mean!, variance!], attrs);
    const dx = graph.one(batchNormalizationGradient, [dy!, variance!, gamma!], attrs);
    return [dx, dgamma, dbeta, undefined, undefined];
  },
  /** Nothing may flow into the statistics but through y: only moving averages read them. */
  trainBatchNormalization(node: Node<BatchNormalization>, [dy], graph) {
    const [x, gamma] = node.inputs;
    const [, mean, variance] = node.outputs;
    const attrs = { epsilon: node.attrs.epsilon };
    const [dgamma, dbeta] = graph.add(batchNormalizationParameterGradient, [dy!, x!, mean!, variance!], attrs);
    const operands = [dy!, x!, mean!, variance!, gamma!, dgamma!, dbeta!];
    return [graph.one(trainBatchNormalizationGradient, operands, attrs), dgamma, dbeta];
  },
  movingAverage: /* @__PURE__ */ refuse("moving statistics are not differentiated"),
} satisfies Record<string, Gradient | object>;

export const lower = {
  batchNormalization(node: Node<BatchNormalization>, c) {
    const [x, gamma, beta, mean, variance] = node.inputs;
    const y = node.outputs[0]!;
    c.each("f32_batch_normalization", {
      x: c.in(x!),
      y: c.out(y),
      ...rowsOf(x!),
      mean: c.in(mean!),
      variance: c.in(variance!),
      gamma: c.in(gamma!),
      beta: c.in(beta!),
      epsilon: node.attrs.epsilon,
    });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  trainBatchNormalization(node: Node<BatchNormalization>, c) {
    const [x, gamma, beta] = node.inputs;
    const [y, meanOut, varianceOut] = node.outputs;
    const rows = rowsOf(x!);
    // movingAverage reads the padding too
    const [mean, variance] = [zeroed(c, meanOut!), zeroed(c, varianceOut!)];
    const image = { x: c.in(x!), ...rows, mean, variance } as const;
    c.call("f32_batch_normalization_statistics", image);
    c.each("f32_batch_normalization", {
      ...image,
      y: c.out(y!),
      gamma: c.in(gamma!),
      beta: c.in(beta!),
      epsilon: node.attrs.epsilon,
    });
  },
  movingAverage(node: Node<{ momentum: number }>, c) {
    const [moving, batch] = node.inputs;
    const layout = c.layoutOf(moving!);
    c.call("f32_moving_average", {
      n: layout.bytes(moving!.type.shape, "f32") / 4,
      y: c.ref(moving!),
      x: c.in(batch!, layout),
      momentum: node.attrs.momentum,
    });
    c.alias(node.outputs[0]!, moving!, true);
  },
  batchNormalizationParameterGradient(node: Node<{ epsilon: number }>, c) {
    const [dy, x, mean, variance] = node.inputs;
    const [dgamma, dbeta] = node.outputs;
    const rows = rowsOf(x!);
    c.call("f32_batch_normalization_parameter_gradient", {
      dy: c.in(dy!),
      x: c.in(x!),
      ...rows,
      mean: c.in(mean!),
      variance: c.in(variance!),
      dgamma: zeroed(c, dgamma!),
      dbeta: zeroed(c, dbeta!),
      epsilon: node.attrs.epsilon,
    });
  },
  batchNormalizationGradient(node: Node<{ epsilon: number }>, c) {
    const [dy, variance, gamma] = node.inputs;
    const dx = node.outputs[0]!;
    c.each("f32_batch_normalization_frozen_gradient", {
      dy: c.in(dy!),
      dx: c.out(dx),
      ...rowsOf(dx),
      variance: c.in(variance!),
      gamma: c.in(gamma!),
      epsilon: node.attrs.epsilon,
    });
  },
  trainBatchNormalizationGradient(node: Node<{ epsilon: number }>, c) {
    const [dy, x, mean, variance, gamma, dgamma, dbeta] = node.inputs;
    const dx = node.outputs[0]!;
    c.each("f32_batch_normalization_gradient", {
      dy: c.in(dy!),
      x: c.in(x!),
      dx: c.out(dx),
      ...rowsOf(x!),
      mean: c.in(mean!),
      variance: c.in(variance!),
      gamma: c.in(gamma!),
      dgamma: c.in(dgamma!),
      dbeta: c.in(dbeta!),
      epsilon: node.attrs.epsilon,
      total: c.batch * rowsOf(x!).repeat,
    });
  },
} satisfies Record<string, Lower>;

export const cost = {
  batchNormalization: (node: Node) => ({ macs: size(node.outputs[0]!.type.shape) }),
  trainBatchNormalization: (node: Node) => ({ macs: size(node.outputs[0]!.type.shape) }),
  movingAverage: free,
  batchNormalizationParameterGradient: free,
  batchNormalizationGradient: free,
  trainBatchNormalizationGradient: free,
} satisfies Record<string, CostOf>;

export const axes = {
  batchNormalization(node: Node) {
    const all = node.outputs[0]!.type.shape.map(indices);
    return { operands: [all, ...node.inputs.slice(1).map(() => [all.at(-1)!]), all] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  batchNormalization: { int8: "float" },
} satisfies Record<string, Traits>;

const channelParameter = (name: string, role: Role, standIn?: string): Parameter => ({
  name,
  role,
  shape: ([x]) => x!.shape.slice(-1),
  ...(standIn && { standIn }),
});

export const stored = {
  batchNormalization: {
    op: batchNormalization,
    number: 16,
    fields: { epsilon: { of: real, usual: 1e-3 }, momentum: { of: real, usual: 0.99 } },
    parameters: [
      /* @__PURE__ */ channelParameter("gamma", "weight", "ones"),
      /* @__PURE__ */ channelParameter("beta", "bias", "zeros"),
      /* @__PURE__ */ channelParameter("moving_mean", "statistic"),
      /* @__PURE__ */ channelParameter("moving_variance", "statistic"),
    ],
  },
} satisfies Record<string, Stored>;
