/**
 * fakeQuantizeActivation(x, range): what the int8 numbers of a range hold of x, as floats. The range is a state
 * [low, high, weight, rate]: an average of the ranges of batches with exponential weights, of which `weight` is the
 * sum.
 * As long as it is 0, nothing has been seen and x passes unchanged. observeRange(range, x) moves it on by the share
 * `rate`; a range whose rate is 0 stays as it is.
 *
 * Gradients are straight-through: all where x is not beyond the range, none where it is.
 */
import { showShape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import { fixed, indices } from "../../graph/axes.ts";
import type { Node, Op } from "../../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gives,
  type Gradient,
  type Lower,
  type Refusal,
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import { PARAMETER, REAL, realOperands } from "../../graph/operand.ts";
import * as twin from "../../kernels/reference/f32-fake-quantize.ts";
import { free } from "../elementwise.ts";

/** [low, high, weight, rate]. */
export const RANGE_STATE = { shape: [4], dtype: "f32", batched: false } as const;

function checkRange(shape: readonly number[]): void {
  if (shape[0] !== 4) throw new RangeError(`expects a range of low, high, weight and rate, got ${showShape(shape)}`);
}

export const fakeQuantizeActivation: Op = {
  name: "fakeQuantizeActivation",
  takes: {
    list: [
      { ...REAL, batched: true },
      { ...PARAMETER, rank: 1, what: "a range" },
    ],
  },
  infer([x, range]) {
    checkRange(range!.shape);
    return [x!];
  },
};

/** (upstream, x, range) -> d x. */
export const fakeQuantizeActivationGradient: Op = {
  name: "fakeQuantizeActivationGradient",
  takes: realOperands,
  infer: ([upstream]) => [upstream!],
};

/** (range, x) -> the range after this batch, in place; and [smallest, largest] of x. */
export const observeRange: Op = {
  name: "observeRange",
  takes: realOperands,
  infer([range]) {
    checkRange(range!.shape);
    return [range!, { ...range!, shape: [2] }];
  },
  updates: [0, -1],
};

const floats = ({ data }: Tensor): Float32Array => Float32Array.from(data);

export const evaluate = {
  fakeQuantizeActivation([x, range]) {
    const at = floats(range!);
    return [
      tensor(
        x!.shape,
        x!.data.map(v => twin.f32_fake_quantize_activation(Math.fround(v), at)),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  fakeQuantizeActivationGradient([upstream, x, range]) {
    const at = floats(range!);
    return [
      tensor(
        x!.shape,
        upstream!.data.map((d, i) => twin.f32_fake_quantize_activation_gradient(d, Math.fround(x!.data[i]!), at)),
      ),
    ];
  },
  observeRange([range, x]) {
    let [low, high] = [Infinity, -Infinity];
    for (const v of x!.data) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
    const seen = Float64Array.of(low, high);
    return [tensor([4], Float64Array.from(twin.f32_move_range([...range!.data], seen))), tensor([2], seen)];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  fakeQuantizeActivation: ({ inputs: [x, range] }: Node, [upstream], graph) => [
    graph.one(fakeQuantizeActivationGradient, [upstream!, x!, range!]),
    undefined,
  ],
} satisfies Record<string, Gradient>;

export const lower = {
  fakeQuantizeActivation(node: Node, c) {
    const [x, range] = node.inputs;
    const y = c.out(node.outputs[0]!, c.layoutOf(x!));
    c.map("f32_fake_quantize_activation", x!, n => ({ n, x: c.ref(x!), range: c.in(range!), y }));
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  fakeQuantizeActivationGradient(node: Node, c) {
    const [upstream, x, range] = node.inputs;
    const layout = c.layoutOf(upstream!);
    const dx = c.out(node.outputs[0]!, layout);
    const from = { dy: c.ref(upstream!), x: c.in(x!, layout), range: c.in(range!) };
    c.map("f32_fake_quantize_activation_gradient", upstream!, n => ({ n, ...from, dx }));
  },
  observeRange(node: Node, c) {
    const [range, x] = node.inputs;
    const [moved, ends] = node.outputs;
    const y = c.out(ends!);
    c.call("f32_no_range", { y });
    c.each("f32_observe_range", { x: c.in(x!), length: size(x!.type.shape), range: c.ref(range!), y });
    c.call("f32_move_range", { x: y, range: c.ref(range!) });
    c.alias(moved!, range!, true);
  },
} satisfies Record<string, Lower>;

export const cost = { fakeQuantizeActivation: free } satisfies Record<string, CostOf>;

export const axes = {
  fakeQuantizeActivation(node: Node) {
    const all = node.inputs[0]!.type.shape.map(indices);
    return { operands: [all, [fixed(4)], all] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  fakeQuantizeActivation: { int8: "float" },
} satisfies Record<string, Traits>;

export const gives = { fakeQuantizeActivation: "input" } satisfies Record<string, Gives>;

export const unstored = {
  fakeQuantizeActivation: /* @__PURE__ */ refuse(
    "a model that is trained for quantization is saved as what quantizeStatic makes of it",
  ),
} satisfies Record<string, Refusal>;
