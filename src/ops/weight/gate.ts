/**
 * gate(w, g) = w g[o], on a weight's edge: one learned factor for each index of the first axis, which is that of a
 * layer's channels. Training that drives a factor to zero (an L1 penalty) switches the channel off. Kernel, bias, gamma
 * and beta of a layer share their gates, and so do all layers whose channels belong together.
 */
import { showShape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import { indices } from "../../graph/axes.ts";
import type { Node, Op } from "../../graph/graph.ts";
import {
  type Axes,
  type Bake,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Refusal,
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import { PARAMETER, realOperands } from "../../graph/operand.ts";
import { free } from "../elementwise.ts";

export const gate: Op = {
  name: "gate",
  takes: { list: [PARAMETER, { ...PARAMETER, rank: 1, what: "gates" }] },
  infer([w, g]) {
    if (w!.shape[0] !== g!.shape[0])
      throw new RangeError(`${g!.shape[0]} gates do not fit weights of ${showShape(w!.shape)}`);
    return [w!];
  },
  // a factor for each channel makes more values than a codebook has, and leaves a quantized range
  weightEdge: { gives: [], keeps: ["zeros"] },
};

/** (dy, w) -> dg: the sum of dy w over each index of the first axis. */
export const gateGradient: Op = {
  name: "gateGradient",
  takes: realOperands,
  infer: ([dy]) => [{ ...dy!, shape: [dy!.shape[0]!] }],
};

/** Numbers behind one index of the first axis. */
const lengthOf = (shape: readonly number[]): number => size(shape.slice(1));

export const evaluate = {
  gate: ([w, g]) => {
    const length = lengthOf(w!.shape);
    return [
      tensor(
        w!.shape,
        w!.data.map((v, i) => Math.fround(Math.fround(v) * Math.fround(g!.data[Math.floor(i / length)]!))),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  gateGradient: ([dy, w]) => {
    const dg = tensor([w!.shape[0]!]);
    const length = lengthOf(w!.shape);
    dy!.data.forEach((d, i) => {
      dg.data[Math.floor(i / length)]! += d * w!.data[i]!;
    });
    return [dg];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  gate: (node: Node, [dy], graph) => [
    graph.one(gate, [dy!, node.inputs[1]!]),
    graph.one(gateGradient, [dy!, node.inputs[0]!]),
  ],
} satisfies Record<string, Gradient>;

/** The sign of a zero is dropped, as by a mask. */
export const bake = {
  gate: (node, [w, g]) => {
    const length = lengthOf(node.inputs[0]!.type.shape);
    return w!.map((v, i) => v * g![Math.floor(i / length)]! + 0);
  },
} satisfies Record<string, Bake>;

export const lower = {
  gate(node: Node, c) {
    const [w, g] = node.inputs;
    const [rows, length] = [g!.type.shape[0]!, lengthOf(w!.type.shape)];
    c.call("f32_gate", { rows, length, x: c.in(w!), g: c.in(g!), y: c.out(node.outputs[0]!) });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  gateGradient(node: Node, c) {
    const [dy, w] = node.inputs;
    const [rows, length] = [w!.type.shape[0]!, lengthOf(w!.type.shape)];
    c.call("f32_gate_gradient", { rows, length, dy: c.in(dy!), x: c.in(w!), dg: c.out(node.outputs[0]!) });
  },
} satisfies Record<string, Lower>;

export const cost = { gate: free } satisfies Record<string, CostOf>;

export const axes = {
  gate(node: Node) {
    const all = node.inputs[0]!.type.shape.map(indices);
    return { operands: [all, [all[0]!], all] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  gate: { int8: "float" },
} satisfies Record<string, Traits>;

export const unstored = {
  gate: /* @__PURE__ */ refuse("gates are baked into their weights before saving"),
} satisfies Record<string, Refusal>;
