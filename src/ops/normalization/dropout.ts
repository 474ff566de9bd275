/**
 * dropout(x) is what a model holds: nothing, when it runs. trainDropout(x, image, seed) zeroes each element with
 * probability `rate` and scales the others by 1 / (1 - rate) (Srivastava et al. 2014). The random bits are a hash of
 * (seed, salt, number of the image, element): no state, the same in any batch; the backward is the same op on dy.
 */
import { showShape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gives, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { anyOperands, unaryOperands } from "../../graph/operand.ts";
import { real, type Stored } from "../../graph/stored.ts";
import { dropoutKeeps } from "../../kernels/reference/f32-elementwise.ts";
import { free, sameAxes, sameType } from "../elementwise.ts";

export interface Dropout {
  /** The share of elements that become zero. */
  rate: number;
}

export interface TrainDropout extends Dropout {
  /** Tells the layers of one network apart. */
  salt: number;
}

export const dropout: Op<Dropout> = { name: "dropout", takes: unaryOperands, infer: sameType };

/**
 * `image`: the number of each image in its data set (u32 per image); `seed`: one u32 that changes from step to step.
 */
export const trainDropout: Op<TrainDropout> = {
  name: "trainDropout",
  takes: anyOperands,
  infer([x, image, seed]) {
    if (image!.shape.length || image!.dtype !== "u32" || !image!.batched)
      throw new RangeError(`expects one number (u32) per image, got ${showShape(image!.shape)} ${image!.dtype}`);
    if (size(seed!.shape) !== 1 || seed!.dtype !== "u32")
      throw new RangeError(`expects one seed (u32), got ${showShape(seed!.shape)} ${seed!.dtype}`);
    return [x!];
  },
};

export const evaluate = {
  dropout: ([x]) => [x!],
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  trainDropout([x, image, seed], { rate, salt }: TrainDropout) {
    const k = x!.data.length / x!.shape[0]!;
    const kept = (at: number) =>
      dropoutKeeps({ seed: seed!.data[0]!, salt, image: image!.data[Math.floor(at / k)]! }, at % k, rate);
    return [
      tensor(
        x!.shape,
        x!.data.map((v, at) => (kept(at) ? v / (1 - rate) : 0)),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  dropout: (_, [dy]) => [dy],
  trainDropout: (node: Node<TrainDropout>, [dy], graph) => [
    graph.one(trainDropout, [dy!, ...node.inputs.slice(1)], node.attrs),
    undefined,
    undefined,
  ],
} satisfies Record<string, Gradient>;

export const lower = {
  dropout: (node: Node<Dropout>, c) => c.alias(node.outputs[0]!, node.inputs[0]!),
} satisfies Record<string, Lower>;

export const lowerBackward = {
  trainDropout(node: Node<TrainDropout>, c) {
    const [x, image, seed] = node.inputs;
    const y = node.outputs[0]!;
    c.each("f32_dropout", {
      x: c.in(x!),
      y: c.out(y),
      k: size(x!.type.shape),
      image: c.ref(image!),
      seed: c.ref(seed!),
      ...node.attrs,
    });
  },
} satisfies Record<string, Lower>;

export const cost = { dropout: free, trainDropout: free } satisfies Record<string, CostOf>;

export const axes = { dropout: sameAxes } satisfies Record<string, Axes | object>;

export const traits = {
  dropout: { int8: "keeps" },
} satisfies Record<string, Traits>;

export const gives = { dropout: "input" } satisfies Record<string, Gives>;

export const stored = {
  dropout: { op: dropout, number: 28, fields: { rate: { of: real, usual: 0.5 } } },
} satisfies Record<string, Stored>;
