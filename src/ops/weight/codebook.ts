/**
 * codebook(w, c) = the value of c nearest to w, on a weight's edge: weights that are shared (clustering). `c` is a
 * learned state of k values for the whole weight, or of [outputs][k], k for each index of the first axis. What is
 * nearest is found anew whenever it is computed, from w and c alone; of two values as near, the smaller. A second
 * output has the index of each weight's value, for the gradient. Each value gets
 * the gradients of its members, summed or averaged; the weight gets its own, as if there were no codebook
 * (straight-through), so that it can move from one value to another. S. Han et al., "Deep Compression" (2016), and
 * tfmot's clustering.
 *
 * sparseCodebook has one value more, 0, which does not learn: what is zero before it stays zero. Its index is -1.
 */
import { type Shape, showShape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import { fixed, indices } from "../../graph/axes.ts";
import type { Node, Op, Promised } from "../../graph/graph.ts";
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
import { anyOperands, PARAMETER } from "../../graph/operand.ts";
import { f32_codebook } from "../../kernels/reference/f32-codebook.ts";
import { free } from "../elementwise.ts";

export interface CodebookAttrs {
  /** The gradient of a value is the mean of those of its members; else their sum. */
  mean: boolean;
}

interface GradientAttrs extends CodebookAttrs {
  /** The shape of the values. */
  shape: Shape;
}

const weightCodebook = (name: string, keeps: readonly Promised[]): Op<CodebookAttrs> => ({
  name,
  takes: { list: [{ ...PARAMETER, rows: true }, PARAMETER] },
  infer([w, c]) {
    const [rows, k] = c!.shape.length === 1 ? [w!.shape[0], c!.shape[0]!] : c!.shape;
    if (c!.shape.length > 2 || rows !== w!.shape[0] || !k)
      throw new RangeError(`a codebook of ${showShape(c!.shape)} does not fit weights of ${showShape(w!.shape)}`);
    return [w!, { ...w!, dtype: "i32" }];
  },
  // its values need not lie on the grid of a quantized range
  weightEdge: { gives: ["distinct values"], keeps },
});

export const codebook: Op<CodebookAttrs> = /* @__PURE__ */ weightCodebook("codebook", ["distinct values"]);

export const sparseCodebook: Op<CodebookAttrs> = /* @__PURE__ */ weightCodebook("sparseCodebook", [
  "zeros",
  "distinct values",
]);

/** (upstream, indices) -> d c. */
export const codebookGradient: Op<GradientAttrs> = {
  name: "codebookGradient",
  takes: anyOperands,
  infer: ([upstream], { shape }) => [{ ...upstream!, shape }],
};

/** Weights of one shape with their codebooks: rows one behind another, each with k values of its own. */
function rowsOf(w: readonly number[], c: readonly number[]): { rows: number; length: number; k: number } {
  const rows = c.length === 1 ? 1 : c[0]!;
  return { rows, length: size(w) / rows, k: c.at(-1)! };
}

/** The values nearest to weights, and their indices, row by row. */
function shared(w: Tensor, c: Tensor, zero: boolean): { y: Float32Array; index: Int32Array } {
  const { rows, length, k } = rowsOf(w.shape, c.shape);
  const y = new Float32Array(w.data.length);
  const index = new Int32Array(w.data.length);
  for (let r = 0; r < rows; r++) {
    const from = r * length;
    const row = f32_codebook(w.data.subarray(from, from + length), c.data.subarray(r * k, (r + 1) * k), zero);
    y.set(row.y, from);
    index.set(row.index, from);
  }
  return { y, index };
}

const evaluated =
  (zero: boolean): Evaluate =>
  ([w, c]) => {
    const { y, index } = shared(w!, c!, zero);
    return [tensor(w!.shape, Float64Array.from(y)), tensor(w!.shape, Float64Array.from(index))];
  };

export const evaluate = {
  codebook: /* @__PURE__ */ evaluated(false),
  sparseCodebook: /* @__PURE__ */ evaluated(true),
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  codebookGradient([upstream, index]: Tensor[], { shape, mean }: GradientAttrs) {
    const sums = tensor(shape);
    const counts = new Float64Array(sums.data.length);
    const { length, k } = rowsOf(upstream!.shape, shape);
    index!.data.forEach((at, i) => {
      if (at < 0) return;
      const place = Math.floor(i / length) * k + at;
      sums.data[place]! += upstream!.data[i]!;
      counts[place]!++;
    });
    return [
      mean
        ? tensor(
            shape,
            sums.data.map((sum, i) => sum / Math.max(1, counts[i]!)),
          )
        : sums,
    ];
  },
} satisfies Record<string, Evaluate>;

const straightThrough: Gradient<CodebookAttrs> = ({ inputs, outputs, attrs }, [upstream], graph) => [
  upstream!,
  graph.one(codebookGradient, [upstream!, outputs[1]!], { mean: attrs.mean, shape: inputs[1]!.type.shape }),
];

export const gradient = {
  codebook: straightThrough,
  sparseCodebook: straightThrough,
} satisfies Record<string, Gradient>;

/** The sign of a zero is dropped, as by a mask. */
const looked =
  (zero: boolean): Bake =>
  ({ inputs }, data) => {
    const [w, c] = inputs.map((v, i) => tensor(v.type.shape, Float64Array.from(data[i]!)));
    return shared(w!, c!, zero).y.map(v => v + 0);
  };

export const bake = {
  codebook: /* @__PURE__ */ looked(false),
  sparseCodebook: /* @__PURE__ */ looked(true),
} satisfies Record<string, Bake>;

const lowered =
  (zero: number): Lower =>
  (node: Node, c) => {
    const [w, values] = node.inputs;
    const [y, index] = node.outputs;
    const sizes = rowsOf(w!.type.shape, values!.type.shape);
    c.call("f32_codebook", {
      ...sizes,
      zero,
      x: c.in(w!),
      c: c.in(values!),
      y: c.out(y!),
      index: c.out(index!),
      scratch: c.scratch("values in order", 12 * (sizes.k + zero)),
    });
  };

export const lower = {
  codebook: /* @__PURE__ */ lowered(0),
  sparseCodebook: /* @__PURE__ */ lowered(1),
} satisfies Record<string, Lower>;

export const lowerBackward = {
  codebookGradient(node: Node<GradientAttrs>, c) {
    const [upstream, index] = node.inputs;
    const { shape, mean } = node.attrs;
    const sizes = rowsOf(upstream!.type.shape, shape);
    c.call("f32_codebook_gradient", {
      ...sizes,
      mean: Number(mean),
      dy: c.in(upstream!),
      index: c.in(index!),
      dc: c.out(node.outputs[0]!),
      scratch: c.scratch("members", 4 * sizes.k),
    });
  },
} satisfies Record<string, Lower>;

export const cost = { codebook: free, sparseCodebook: free } satisfies Record<string, CostOf>;

const memberAxes: Axes = ({ inputs: [w, c] }) => {
  const all = w!.type.shape.map(indices);
  const values = fixed(c!.type.shape.at(-1)!);
  return { operands: [all, c!.type.shape.length === 1 ? [values] : [all[0]!, values], all, all] };
};

export const axes = { codebook: memberAxes, sparseCodebook: memberAxes } satisfies Record<string, Axes>;

export const traits = {
  codebook: { int8: "float" },
  sparseCodebook: { int8: "float" },
} satisfies Record<string, Traits>;

const baked = /* @__PURE__ */ refuse("codebooks are baked into their weights before saving");

export const unstored = { codebook: baked, sparseCodebook: baked } satisfies Record<string, Refusal>;
