/**
 * pact(x, alpha) = min(max(x, 0), max(alpha, 0)) with one learned alpha: parameterized clipping activation (Choi et
 * al., "PACT: Parameterized Clipping Activation for Quantized Neural Networks", 2018). Its gradient is the article's:
 * that of x passes where 0 < x < alpha, alpha gets what comes where x >= alpha.
 */
import { showShape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import { fixed, indices } from "../../graph/axes.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { PARAMETER, REAL, realOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { flat } from "../../kernels/layout.ts";
import { free } from "../elementwise.ts";

export const pact: Op = {
  name: "pact",
  takes: {
    list: [
      { ...REAL, batched: true },
      { ...PARAMETER, rank: 1, what: "the bound" },
    ],
  },
  infer([x, alpha]) {
    if (alpha!.shape[0] !== 1) throw new RangeError(`expects one bound, got ${showShape(alpha!.shape)}`);
    return [x!];
  },
};

/** (dy, x, alpha) -> dx. */
export const pactGradient: Op = { name: "pactGradient", takes: realOperands, infer: ([dy]) => [dy!] };

/** (dy, x, alpha) -> dalpha, a sum over the images. */
export const pactAlphaGradient: Op = {
  name: "pactAlphaGradient",
  takes: realOperands,
  infer: ([, , alpha]) => [alpha!],
};

export const evaluate = {
  pact: ([x, alpha]) => [
    tensor(
      x!.shape,
      x!.data.map(v => Math.min(Math.max(v, 0), Math.max(alpha!.data[0]!, 0))),
    ),
  ],
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  pactGradient: ([dy, x, alpha]) => [
    tensor(
      x!.shape,
      dy!.data.map((d, i) => (x!.data[i]! > 0 && x!.data[i]! < alpha!.data[0]! ? d : 0)),
    ),
  ],
  pactAlphaGradient: ([dy, x, alpha]) => [
    tensor([1], Float64Array.of(dy!.data.reduce((sum, d, i) => (x!.data[i]! >= alpha!.data[0]! ? sum + d : sum), 0))),
  ],
} satisfies Record<string, Evaluate>;

export const gradient = {
  pact(node: Node, [dy], graph) {
    const [x, alpha] = node.inputs;
    return [graph.one(pactGradient, [dy!, x!, alpha!]), graph.one(pactAlphaGradient, [dy!, x!, alpha!])];
  },
} satisfies Record<string, Gradient>;

export const lower = {
  pact(node: Node, c) {
    const [x, alpha] = node.inputs;
    const y = c.out(node.outputs[0]!, c.layoutOf(x!));
    c.map("f32_pact", x!, n => ({ n, x: c.ref(x!), alpha: c.in(alpha!), y }));
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  pactGradient(node: Node, c) {
    const [dy, x, alpha] = node.inputs;
    const layout = c.layoutOf(dy!);
    const dx = c.out(node.outputs[0]!, layout);
    const v = c.in(x!, layout);
    c.map("f32_pact_gradient", dy!, n => ({ n, dy: c.ref(dy!), x: v, alpha: c.in(alpha!), dx }));
  },
  pactAlphaGradient(node: Node, c) {
    const [dy, x, alpha] = node.inputs;
    const dalpha = c.out(node.outputs[0]!);
    c.call("zero", { y: dalpha, bytes: flat.bytes([1], "f32") });
    const length = size(x!.type.shape);
    c.each("f32_pact_alpha_gradient", { dy: c.in(dy!), x: c.in(x!), alpha: c.in(alpha!), dalpha, length });
  },
} satisfies Record<string, Lower>;

export const cost = { pact: free } satisfies Record<string, CostOf>;

export const axes = {
  pact(node: Node) {
    const all = node.inputs[0]!.type.shape.map(indices);
    return { operands: [all, [fixed(1)], all] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  // a network becomes integers after fixBounds has made a clip of it
  pact: { int8: "clamps" },
} satisfies Record<string, Traits>;

export const stored = {
  pact: {
    op: pact,
    number: 50,
    fields: {},
    parameters: [{ name: "bound", role: "weight", shape: () => [1] }],
  },
} satisfies Record<string, Stored>;
