/**
 * One step of gradient descent on one parameter, in Keras' order of operations: sgd(w, g, rate, decay), momentum(w, m,
 * g, rate, decay). `rate` (learning rate) and `decay` (learning rate * weight decay) are one number each, from streams,
 * so that a schedule is data.
 */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import { type CostOf, type Evaluate, type Gradient, type Lower, type Prefers, refuse } from "../../graph/meaning.ts";
import { realOperands } from "../../graph/operand.ts";
import { free } from "../elementwise.ts";

export interface Momentum {
  momentum: number;
  /** Look ahead: the step is taken from where the momentum leads. */
  nesterov: boolean;
}

export const sgd: Op = { name: "sgd", takes: realOperands, infer: ([w]) => [w!], updates: [0] };

export const momentum: Op<Momentum> = {
  name: "momentum",
  takes: realOperands,
  infer: ([w, m]) => [w!, m!],
  updates: [0, 1],
};

export const evaluateBackward = {
  sgd([w, g, rate, decay]) {
    return [
      tensor(
        w!.shape,
        w!.data.map((v, i) => v * (1 - decay!.data[0]!) - rate!.data[0]! * g!.data[i]!),
      ),
    ];
  },
  momentum([w, m, g, rate, decay], attrs: Momentum) {
    const m1 = m!.data.map((v, i) => attrs.momentum * v - rate!.data[0]! * g!.data[i]!);
    const w1 = w!.data.map((v, i) => {
      const move = attrs.nesterov ? attrs.momentum * m1[i]! - rate!.data[0]! * g!.data[i]! : m1[i]!;
      return v * (1 - decay!.data[0]!) + move;
    });
    return [tensor(w!.shape, w1), tensor(w!.shape, m1)];
  },
} satisfies Record<string, Evaluate>;

const noGradient = /* @__PURE__ */ refuse("an optimizer step is not differentiated");

export const gradient = { sgd: noGradient, momentum: noGradient } satisfies Record<string, Gradient | object>;

export const lowerBackward = {
  sgd(node: Node, c) {
    const [w, g, rate, decay] = node.inputs;
    const layout = c.layoutOf(w!);
    c.call("f32_sgd", {
      n: layout.bytes(w!.type.shape, "f32") / 4,
      w: c.ref(w!),
      g: c.in(g!, layout),
      rate: c.ref(rate!),
      decay: c.ref(decay!),
    });
    c.alias(node.outputs[0]!, w!, true);
  },
  momentum(node: Node<Momentum>, c) {
    const [w, m, g, rate, decay] = node.inputs;
    const layout = c.layoutOf(w!);
    c.call(node.attrs.nesterov ? "f32_nesterov" : "f32_momentum", {
      n: layout.bytes(w!.type.shape, "f32") / 4,
      w: c.ref(w!),
      m: c.in(m!, layout),
      g: c.in(g!, layout),
      rate: c.ref(rate!),
      decay: c.ref(decay!),
      momentum: node.attrs.momentum,
    });
    node.outputs.forEach((o, i) => {
      c.alias(o, node.inputs[i]!, true);
    });
  },
} satisfies Record<string, Lower>;

/** Momentum lies as its parameter does. */
export const prefersBackward = {
  momentum: (node, operand, c) => (operand === 1 ? c.prefer(node.inputs[0]!) : undefined),
} satisfies Record<string, Prefers>;

export const cost = { sgd: free, momentum: free } satisfies Record<string, CostOf>;
