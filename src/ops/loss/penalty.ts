/**
 * The term that a regularizer adds to the loss: penalty(w; l1, l2) = l1 sum |w| + l2 sum w^2, one number.
 * `one` is the gradient that flows into it: a penalty counts whole, not by the share of an image.
 */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { CostOf, Evaluate, Gradient, Lower } from "../../graph/meaning.ts";
import { realOperands } from "../../graph/operand.ts";
import { flat } from "../../kernels/layout.ts";
import { free, sameType } from "../elementwise.ts";

export interface Penalty {
  l1: number;
  l2: number;
}

const number: Type = { shape: [1], dtype: "f32", batched: false };

export const penalty: Op<Penalty> = { name: "penalty", takes: realOperands, infer: () => [number] };

/** (w, dy) -> dw. */
export const penaltyGradient: Op<Penalty> = { name: "penaltyGradient", takes: realOperands, infer: sameType };

export const one: Op = { name: "one", takes: realOperands, infer: () => [number] };

const f = Math.fround;

export const evaluateBackward = {
  penalty([w], { l1, l2 }: Penalty) {
    const sum = (of: (v: number) => number) => w!.data.reduce((total, v) => total + of(v), 0);
    return [tensor([1], Float64Array.of(f(l1) * sum(Math.abs) + f(l2) * sum(v => v * v)))];
  },
  penaltyGradient([w, dy], { l1, l2 }: Penalty) {
    const up = dy!.data[0]!;
    return [
      tensor(
        w!.shape,
        w!.data.map(v => (f(l1) * Math.sign(v) + 2 * f(l2) * v) * up),
      ),
    ];
  },
  one: () => [tensor([1], Float64Array.of(1))],
} satisfies Record<string, Evaluate>;

export const gradient = {
  penalty: (node: Node<Penalty>, [dy], graph) => [graph.one(penaltyGradient, [node.inputs[0]!, dy!], node.attrs)],
  one: () => [],
} satisfies Record<string, Gradient | object>;

export const lowerBackward = {
  penalty(node: Node<Penalty>, c) {
    const w = node.inputs[0]!;
    const y = c.out(node.outputs[0]!);
    c.call("zero", { y, bytes: flat.bytes(number.shape, "f32") });
    c.map("f32_penalty", w, n => ({ n, x: c.ref(w), y, ...node.attrs }));
  },
  penaltyGradient(node: Node<Penalty>, c) {
    const [w, dy] = node.inputs;
    const dx = c.out(node.outputs[0]!, c.layoutOf(w!));
    c.map("f32_penalty_gradient", w!, n => ({ n, x: c.ref(w!), dy: c.ref(dy!), dx, ...node.attrs }));
  },
  one(node: Node, c) {
    c.call("f32_fill", { n: 1, y: c.out(node.outputs[0]!), value: 1 });
  },
} satisfies Record<string, Lower>;

export const cost = { penalty: free, penaltyGradient: free, one: free } satisfies Record<string, CostOf>;
