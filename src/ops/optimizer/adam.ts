/**
 * One Adam step on one parameter (Kingma & Ba 2014, in Keras' order of operations), with decoupled weight decay
 * (AdamW). adam(w, m, v, g, rate, decay): `rate` and `decay` are one number each, from streams, so that a schedule is
 * data.
 */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import { type CostOf, type Evaluate, type Gradient, type Lower, type Prefers, refuse } from "../../graph/meaning.ts";
import { realOperands } from "../../graph/operand.ts";

export interface Adam {
  beta1: number;
  beta2: number;
  epsilon: number;
}

export const adam: Op<Adam> = {
  name: "adam",
  takes: realOperands,
  infer: ([w, m, v]) => [w!, m!, v!],
  updates: [0, 1, 2],
};

export const evaluateBackward = {
  adam([w, m, v, g, rate, decay], { beta1, beta2, epsilon }: Adam) {
    const m1 = m!.data.map((old, i) => old + (g!.data[i]! - old) * (1 - beta1));
    const v1 = v!.data.map((old, i) => old + (g!.data[i]! ** 2 - old) * (1 - beta2));
    const w1 = w!.data.map(
      (old, i) => old * (1 - decay!.data[0]!) - (rate!.data[0]! * m1[i]!) / (Math.sqrt(v1[i]!) + epsilon),
    );
    return [tensor(w!.shape, w1), tensor(w!.shape, m1), tensor(w!.shape, v1)];
  },
} satisfies Record<string, Evaluate>;

export const gradient = { adam: /* @__PURE__ */ refuse("an optimizer step is not differentiated") } satisfies Record<
  string,
  Gradient | object
>;

export const lowerBackward = {
  adam(node: Node<Adam>, c) {
    const [w, m, v, g, rate, decay] = node.inputs;
    const layout = c.layoutOf(w!);
    c.call("f32_adam", {
      n: layout.bytes(w!.type.shape, "f32") / 4,
      w: c.ref(w!),
      m: c.in(m!, layout),
      v: c.in(v!, layout),
      g: c.in(g!, layout),
      rate: c.ref(rate!),
      decay: c.ref(decay!),
      share1: 1 - node.attrs.beta1,
      share2: 1 - node.attrs.beta2,
      epsilon: node.attrs.epsilon,
    });
    node.outputs.forEach((o, i) => c.alias(o, node.inputs[i]!, true));
  },
} satisfies Record<string, Lower>;

/** Moments lie as their parameter does. */
export const prefersBackward = {
  adam: (node, operand, c) => (operand === 1 || operand === 2 ? c.prefer(node.inputs[0]!) : undefined),
} satisfies Record<string, Prefers>;

export const cost = { adam: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;
