/**
 * share(of images [, weight per image]) -> weight / batch per image: how much each image's loss counts in the mean over
 * the batch, and so the gradient that flows into it. Keras' "sum_over_batch_size": the weights scale the sum, the
 * divisor stays the batch.
 */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import { type CostOf, type Evaluate, type Gradient, type Lower, refuse } from "../../graph/meaning.ts";
import { anyOperands } from "../../graph/operand.ts";

export const share: Op = {
  name: "share",
  takes: anyOperands,
  infer: () => [{ shape: [], dtype: "f32", batched: true }],
};

export const evaluateBackward = {
  share([like, weights]) {
    const images = like!.shape[0]!;
    return [
      tensor(
        [images],
        new Float64Array(images).map((_, i) => Math.fround((weights?.data[i] ?? 1) * Math.fround(1 / images))),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

export const gradient = { share: /* @__PURE__ */ refuse("weights of images are data") } satisfies Record<
  string,
  Gradient | object
>;

export const lowerBackward = {
  share(node: Node, c) {
    const weights = node.inputs[1];
    const y = c.out(node.outputs[0]!);
    const each = 1 / c.batch;
    if (weights) c.map("f32_scale", weights, n => ({ n, x: c.ref(weights), y, scale: each }));
    else c.each("f32_fill", { n: { per: 1 }, y, value: each });
  },
} satisfies Record<string, Lower>;

export const cost = { share: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;
