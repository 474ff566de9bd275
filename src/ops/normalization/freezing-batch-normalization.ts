/**
 * Batch normalization in training whose statistics can be frozen from a step on, by a state [1] that becomes 1: it then
 * takes the moving averages, which stay as they are, and their gradient is that of constants. Until then everything is
 * as in trainBatchNormalization. Made of
 *
 * - batchStatistics(x) -> mean, variance;
 * - choose(flag, a, b) = a where the flag is set, else b;
 * - freezingBatchNormalization(x, gamma, beta, mean, variance, flag) -> y;
 * - movingAverageUnless(moving, batch's, flag), in place.
 */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Evaluate, Gradient, Lower } from "../../graph/meaning.ts";
import { realOperands } from "../../graph/operand.ts";
import { flat } from "../../kernels/layout.ts";
import { rowsOf, sameType } from "../elementwise.ts";
import {
  type BatchNormalization,
  batchNormalizationParameterGradient,
  evaluate as plain,
  trainBatchNormalizationGradient,
  evaluateBackward as training,
} from "./batch-normalization.ts";

const perChannel = (x: Type): Type => ({ shape: [x.shape.at(-1)!], dtype: "f32", batched: false });

export const batchStatistics: Op = {
  name: "batchStatistics",
  takes: realOperands,
  infer: ([x]) => [perChannel(x!), perChannel(x!)],
};

/** (flag, a, b) -> a where the flag is set, else b. Without a: 0. */
export const choose: Op = {
  name: "choose",
  takes: realOperands,
  infer: types => [types.at(-1)!],
};

export const freezingBatchNormalization: Op<BatchNormalization> = {
  name: "freezingBatchNormalization",
  takes: realOperands,
  infer: sameType,
};

export const movingAverageUnless: Op<{ momentum: number }> = {
  name: "movingAverageUnless",
  takes: realOperands,
  infer: sameType,
  updates: [0],
};

export const evaluateBackward = {
  batchStatistics: ([x]) => {
    const ones = tensor([x!.shape.at(-1)!]);
    return training.trainBatchNormalization([x!, ones, ones], { epsilon: 1, momentum: 0 }).slice(1);
  },
  choose([flag, ...values]) {
    const b = values.at(-1)!;
    const a = values.length > 1 ? values[0]! : tensor(b.shape);
    return [flag!.data[0] ? a : b];
  },
  freezingBatchNormalization: (inputs, attrs: BatchNormalization) =>
    plain.batchNormalization(inputs.slice(0, 5), attrs),
  movingAverageUnless: ([moving, batch, flag], attrs) =>
    flag!.data[0] ? [moving!] : training.movingAverage([moving!, batch!], attrs),
} satisfies Record<string, Evaluate>;

export const gradient = {
  /** Nothing flows into the statistics but through y. */
  freezingBatchNormalization(node: Node<BatchNormalization>, [upstream], graph) {
    const [x, gamma, , mean, variance, flag] = node.inputs;
    const attrs = { epsilon: node.attrs.epsilon };
    const made = graph.add(batchNormalizationParameterGradient, [upstream!, x!, mean!, variance!], attrs);
    // without these two sums the gradient is that of constant statistics
    const moving = made.map(d => graph.one(choose, [flag!, d]));
    const operands = [upstream!, x!, mean!, variance!, gamma!, ...moving];
    return [graph.one(trainBatchNormalizationGradient, operands, attrs), ...made];
  },
} satisfies Record<string, Gradient>;

export const lowerBackward = {
  batchStatistics(node: Node, c) {
    const [x] = node.inputs;
    const rows = rowsOf(x!);
    const [mean, variance] = node.outputs.map(v => c.out(v));
    // the padding is averaged too, by movingAverageUnless: zeros
    const bytes = flat.bytes([rows.k], "f32");
    for (const y of [mean!, variance!]) c.call("zero", { y, bytes });
    c.call("f32_batch_normalization_statistics", { x: c.in(x!), ...rows, mean: mean!, variance: variance! });
  },
  choose({ inputs: [flag, ...values], outputs: [out] }: Node, c) {
    const [a, b] = values.length > 1 ? values : [undefined, values[0]];
    const bytes = flat.bytes(b!.type.shape, "f32");
    const first = a ? c.in(a) : c.constant("zeros", new Float32Array(bytes / 4));
    c.call("f32_choose", { n: bytes / 4, flag: c.in(flag!), a: first, b: c.in(b!), y: c.out(out!) });
  },
  freezingBatchNormalization(node: Node<BatchNormalization>, c) {
    const [x, gamma, beta, mean, variance] = node.inputs;
    c.each("f32_batch_normalization", {
      x: c.in(x!),
      y: c.out(node.outputs[0]!),
      ...rowsOf(x!),
      mean: c.in(mean!),
      variance: c.in(variance!),
      gamma: c.in(gamma!),
      beta: c.in(beta!),
      epsilon: node.attrs.epsilon,
    });
  },
  movingAverageUnless(node: Node<{ momentum: number }>, c) {
    const [moving, batch, flag] = node.inputs;
    const layout = c.layoutOf(moving!);
    c.call("f32_moving_average_unless", {
      n: layout.bytes(moving!.type.shape, "f32") / 4,
      flag: c.in(flag!),
      y: c.ref(moving!),
      x: c.in(batch!, layout),
      momentum: node.attrs.momentum,
    });
    c.alias(node.outputs[0]!, moving!, true);
  },
} satisfies Record<string, Lower>;
