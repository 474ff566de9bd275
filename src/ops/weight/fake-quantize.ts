/**
 * fakeQuantize(w) on a weight's edge: scale clamp(round(w / scale), -levels, levels), the weights that few bits hold,
 * as floats. 127 levels are 8 bits, 7 are 4 bits, 1 is {-1, 0, 1}. Symmetric and without the least number, as int8
 * weights are in TensorFlow Lite. One scale for each index of the first axis, or one for all:
 *
 * - "max": max |w| / levels, of the weights as they are at this step;
 * - "ternary": mean of those |w| that are greater than 0.7 mean |w| (Li et al., "Ternary Weight Networks", 2016);
 * - "learned": max(step, 2^-10) unit, with a learned `step` that begins at 1 and a constant `unit` (Esser et al.,
 *   "Learned Step Size Quantization", 2020). The article's gradient of the scale, with its factor
 *   1 / sqrt(count levels), is divided by the unit: plain SGD moves the scale as in the article, and optimizers that
 *   look at signs, such as Adam, move it by a share of itself.
 *
 * Gradients are straight-through: all of it with the first two, as nothing is clipped by more than ternary weights
 * must; with a learned scale where |w / scale| < levels.
 */
import { sameShape, showShape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import { fixed, indices } from "../../graph/axes.ts";
import type { Node, Op, Value } from "../../graph/graph.ts";
import {
  type Axes,
  type Bake,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Lowering,
  type Prefers,
  type Refusal,
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import { PARAMETER, realOperands } from "../../graph/operand.ts";
import { panels } from "../../kernels/layout.ts";
import * as twin from "../../kernels/reference/f32-fake-quantize.ts";
import { free } from "../elementwise.ts";

export interface FakeQuantize {
  /** The greatest number, 2^(bits - 1) - 1. */
  levels: number;
  scale: "max" | "ternary" | "learned";
  per: "channel" | "tensor";
}

export const fakeQuantize: Op<FakeQuantize> = {
  name: "fakeQuantize",
  takes: {
    list: [PARAMETER, { ...PARAMETER, rank: 1, what: "steps" }, { ...PARAMETER, rank: 1, what: "units of steps" }],
    least: 1,
  },
  infer([w, ...learned], { levels, scale, per }) {
    if (!(Number.isInteger(levels) && levels >= 1 && levels <= 127))
      throw new RangeError(`expects 1 to 127 levels, got ${levels}`);
    if (learned.length !== (scale === "learned" ? 2 : 0))
      throw new RangeError(`expects ${scale === "learned" ? "steps and their units" : "a weight alone"}`);
    const outputs = w!.shape[0]!;
    for (const { shape } of learned)
      if (!sameShape(shape, [per === "channel" ? outputs : 1]))
        throw new RangeError(`steps of ${showShape(shape)} do not fit weights of ${showShape(w!.shape)}`);
    return [w!, { ...w!, shape: [outputs] }];
  },
  // with one scale for all, equal weights stay equal
  weightEdge: { gives: ["range"], keeps: ["zeros", "distinct values"] },
};

/** (upstream, w, scale) -> d w. */
export const fakeQuantizeGradient: Op<FakeQuantize> = {
  name: "fakeQuantizeGradient",
  takes: realOperands,
  infer: ([upstream]) => [upstream!],
};

/** (upstream, w, scale, unit) -> d step. */
export const fakeQuantizeStepGradient: Op<FakeQuantize> = {
  name: "fakeQuantizeStepGradient",
  takes: realOperands,
  infer: ([, , , unit]) => [unit!],
};

/** The weights of each output. */
function rowsOf(data: Float32Array, outputs: number): Float32Array[] {
  const length = data.length / outputs;
  return Array.from({ length: outputs }, (_, o) => data.subarray(o * length, (o + 1) * length));
}

/** The scale of each of `outputs` outputs, of weights [outputs][...] or of learned steps and units. */
export function weightScales(
  { levels, scale, per }: FakeQuantize,
  outputs: number,
  [w, step, unit]: readonly Float32Array[],
): Float32Array {
  if (scale === "learned") {
    const at = (o: number): number => (per === "channel" ? o : 0);
    return Float32Array.from({ length: outputs }, (_, o) => twin.f32_learned_scales(step![at(o)]!, unit![at(o)]!));
  }
  const rows = rowsOf(w!, outputs);
  if (per === "channel") {
    const each = scale === "max" ? (row: Float32Array) => twin.f32_weight_scales(row, levels) : twin.f32_ternary_scales;
    return Float32Array.from(rows, row => each(row));
  }
  return new Float32Array(outputs).fill(
    scale === "max" ? twin.f32_weight_scales(w!, levels) : twin.f32_ternary_scale(rows),
  );
}

/** The article's factor of a scale's gradient. */
const gainOf = (shape: readonly number[], { levels, per }: FakeQuantize): number =>
  Math.fround(1 / Math.sqrt((size(shape) / (per === "channel" ? shape[0]! : 1)) * levels));

/** Calls f for every weight, with its scale. */
const withScales = (w: Tensor, scale: ArrayLike<number>, of: (v: number, s: number, at: number) => number): Tensor => {
  const length = w.data.length / scale.length;
  return tensor(
    w.shape,
    w.data.map((v, at) => of(Math.fround(v), scale[Math.floor(at / length)]!, at)),
  );
};

export const evaluate = {
  fakeQuantize(inputs, attrs: FakeQuantize) {
    const [w] = inputs;
    const scale = weightScales(
      attrs,
      w!.shape[0]!,
      inputs.map(({ data }) => Float32Array.from(data)),
    );
    const y = withScales(w!, scale, (v, s) => twin.f32_fake_quantize(v, s, attrs.levels));
    return [y, tensor([scale.length], Float64Array.from(scale))];
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  fakeQuantizeGradient: ([upstream, w, scale], { levels }: FakeQuantize) => [
    withScales(w!, scale!.data, (v, s, at) => twin.f32_fake_quantize_gradient(upstream!.data[at]!, v, s, levels)),
  ],
  fakeQuantizeStepGradient([upstream, w, scale, unit], attrs: FakeQuantize) {
    const outputs = w!.shape[0]!;
    const [dy, x] = [upstream!, w!].map(({ data }) => rowsOf(Float32Array.from(data), outputs));
    const each = dy!.map((row, o) => twin.f32_fake_quantize_step_gradient(row, x![o]!, scale!.data[o]!, attrs.levels));
    const sums = attrs.per === "channel" ? each : [twin.overOutputs(each)];
    const gain = gainOf(w!.shape, attrs);
    return [
      tensor(
        unit!.shape,
        Float64Array.from(sums, (sum, i) => (sum * gain) / unit!.data[i]!),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  fakeQuantize(node: Node<FakeQuantize>, [upstream], graph) {
    const [w, , unit] = node.inputs;
    if (node.attrs.scale !== "learned") return [upstream];
    const scale = node.outputs[1]!;
    return [
      graph.one(fakeQuantizeGradient, [upstream!, w!, scale], node.attrs),
      graph.one(fakeQuantizeStepGradient, [upstream!, w!, scale, unit!], node.attrs),
    ];
  },
} satisfies Record<string, Gradient>;

export const bake = {
  fakeQuantize(node: Node<FakeQuantize>, data) {
    const [w] = data;
    const scale = weightScales(node.attrs, node.inputs[0]!.type.shape[0]!, data);
    const length = w!.length / scale.length;
    return w!.map((v, i) => twin.f32_fake_quantize(v, scale[Math.floor(i / length)]!, node.attrs.levels));
  },
} satisfies Record<string, Bake>;

const panelsOf = ({ type: { shape } }: Value): { outputs: number; length: number } => ({
  outputs: shape[0]!,
  length: size(shape.slice(1)),
});

function lowerScales({ inputs, outputs, attrs }: Node<FakeQuantize>, c: Lowering): void {
  const [w, step, unit] = inputs;
  const [y, single] = [c.out(outputs[1]!), attrs.per === "tensor" ? 1 : 0];
  if (attrs.scale === "learned") {
    const from = { step: c.in(step!), unit: c.in(unit!) };
    c.call("f32_learned_scales", { outputs: w!.type.shape[0]!, ...from, y, single });
    return;
  }
  const from = { ...panelsOf(w!), x: c.in(w!, panels), y, single };
  if (attrs.scale === "max") c.call("f32_weight_scales", { ...from, levels: attrs.levels });
  else c.call("f32_ternary_scales", from);
}

export const lower = {
  fakeQuantize(node: Node<FakeQuantize>, c) {
    const w = node.inputs[0]!;
    lowerScales(node, c);
    const { levels } = node.attrs;
    const scale = c.in(node.outputs[1]!);
    const y = c.out(node.outputs[0]!, panels);
    c.call("f32_fake_quantize", { ...panelsOf(w), x: c.in(w, panels), scale, y, levels });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  fakeQuantizeGradient(node: Node<FakeQuantize>, c) {
    const [upstream, w, scale] = node.inputs;
    const from = { dy: c.in(upstream!, panels), x: c.in(w!, panels), scale: c.in(scale!) };
    const dx = c.out(node.outputs[0]!, panels);
    c.call("f32_fake_quantize_gradient", { ...panelsOf(w!), ...from, dx, levels: node.attrs.levels });
  },
  fakeQuantizeStepGradient(node: Node<FakeQuantize>, c) {
    const [upstream, w, scale, unit] = node.inputs;
    const { levels, per } = node.attrs;
    const from = { dy: c.in(upstream!, panels), x: c.in(w!, panels), scale: c.in(scale!), unit: c.in(unit!) };
    const how = { levels, gain: gainOf(w!.type.shape, node.attrs), single: per === "tensor" ? 1 : 0 };
    c.call("f32_fake_quantize_step_gradient", { ...panelsOf(w!), ...from, y: c.out(node.outputs[0]!), ...how });
  },
} satisfies Record<string, Lower>;

export const prefers = {
  fakeQuantize: (_, operand) => (operand === 0 ? panels : undefined),
} satisfies Record<string, Prefers>;

export const cost = { fakeQuantize: free } satisfies Record<string, CostOf>;

export const axes = {
  fakeQuantize({ inputs: [w, ...learned], attrs: { per } }: Node<FakeQuantize>) {
    const all = w!.type.shape.map(indices);
    const scales = [all[0]!];
    return { operands: [all, ...learned.map(() => (per === "channel" ? scales : [fixed(1)])), all, scales] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  fakeQuantize: { int8: "float" },
} satisfies Record<string, Traits>;

export const unstored = {
  fakeQuantize: /* @__PURE__ */ refuse("fake-quantized weights are baked before saving"),
} satisfies Record<string, Refusal>;
