/**
 * codebook(w, c) = the value of c nearest to w, on a weight's edge: weights that are shared (clustering). `c` is a
 * learned state of k values for the whole weight, or of [outputs][k], k for each index of the first axis. What is
 * nearest is found anew whenever it is computed, from w and c alone; of two values as near, the first. Each value gets
 * the gradients of its members, summed or averaged; the weight gets its own, as if there were no codebook
 * (straight-through), so that it can move from one value to another. S. Han et al., "Deep Compression" (2016), and
 * tfmot's clustering.
 *
 * sparseCodebook has one value more, 0, which does not learn: what is zero before it stays zero.
 */
import { showShape, size } from "../../base/shape.ts";
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
import { PARAMETER, realOperands } from "../../graph/operand.ts";
import { nearest } from "../../kernels/reference/f32-codebook.ts";
import { free } from "../elementwise.ts";

export interface CodebookAttrs {
  /** The gradient of a value is the mean of those of its members; else their sum. */
  mean: boolean;
}

interface GradientAttrs extends CodebookAttrs {
  /** 0 is a value too. */
  zero: boolean;
}

const weightCodebook = (name: string, keeps: readonly Promised[]): Op<CodebookAttrs> => ({
  name,
  takes: { list: [{ ...PARAMETER, rows: true }, PARAMETER] },
  infer([w, c]) {
    const [rows, k] = c!.shape.length === 1 ? [w!.shape[0], c!.shape[0]!] : c!.shape;
    if (c!.shape.length > 2 || rows !== w!.shape[0] || !k)
      throw new RangeError(`a codebook of ${showShape(c!.shape)} does not fit weights of ${showShape(w!.shape)}`);
    return [w!];
  },
  // its values need not lie on the grid of a quantized range
  weightEdge: { gives: ["distinct values"], keeps },
});

export const codebook: Op<CodebookAttrs> = /* @__PURE__ */ weightCodebook("codebook", ["distinct values"]);

export const sparseCodebook: Op<CodebookAttrs> = /* @__PURE__ */ weightCodebook("sparseCodebook", [
  "zeros",
  "distinct values",
]);

/** (upstream, w, c) -> d c. */
export const codebookGradient: Op<GradientAttrs> = {
  name: "codebookGradient",
  takes: realOperands,
  infer: ([, , c]) => [c!],
};

/** Weights of one shape with their codebooks: rows one behind another, each with k values of its own. */
function rowsOf(w: readonly number[], c: readonly number[]): { rows: number; length: number; k: number } {
  const rows = c.length === 1 ? 1 : c[0]!;
  return { rows, length: size(w) / rows, k: c.at(-1)! };
}

/** Calls `visit` with each weight and the place of its nearest value in all of `c`; -1: the zero. */
function eachMember(
  { shape, data: w }: { shape: readonly number[]; data: ArrayLike<number> },
  c: { shape: readonly number[]; data: Float32Array | Float64Array },
  zero: boolean,
  visit: (i: number, place: number) => void,
): void {
  const { rows, length, k } = rowsOf(shape, c.shape);
  for (let r = 0; r < rows; r++) {
    const values = c.data.subarray(r * k, (r + 1) * k);
    for (let i = r * length; i < (r + 1) * length; i++) {
      const index = nearest(w[i]!, values, zero);
      visit(i, index < 0 ? index : r * k + index);
    }
  }
}

const evaluated =
  (zero: boolean): Evaluate =>
  ([w, c]) => {
    const y = tensor(w!.shape);
    eachMember(w!, c!, zero, (i, place) => {
      y.data[i] = place < 0 ? 0 : Math.fround(c!.data[place]!);
    });
    return [y];
  };

export const evaluate = {
  codebook: /* @__PURE__ */ evaluated(false),
  sparseCodebook: /* @__PURE__ */ evaluated(true),
  codebookGradient([upstream, w, c]: Tensor[], { zero, mean }: GradientAttrs) {
    const sums = tensor(c!.shape);
    const counts = new Float64Array(c!.data.length);
    eachMember(w!, c!, zero, (i, place) => {
      if (place < 0) return;
      sums.data[place]! += upstream!.data[i]!;
      counts[place]!++;
    });
    return [
      mean
        ? tensor(
            c!.shape,
            sums.data.map((sum, i) => sum / Math.max(1, counts[i]!)),
          )
        : sums,
    ];
  },
} satisfies Record<string, Evaluate>;

const straightThrough =
  (zero: boolean): Gradient<CodebookAttrs> =>
  ({ inputs, attrs }, [upstream], graph) => [
    upstream!,
    graph.one(codebookGradient, [upstream!, inputs[0]!, inputs[1]!], { mean: attrs.mean, zero }),
  ];

export const gradient = {
  codebook: /* @__PURE__ */ straightThrough(false),
  sparseCodebook: /* @__PURE__ */ straightThrough(true),
} satisfies Record<string, Gradient>;

/** The sign of a zero is dropped, as by a mask. */
const looked =
  (zero: boolean): Bake =>
  ({ inputs }, [w, c]) => {
    const y = new Float32Array(w!.length);
    const [weight, table] = inputs.map(v => v.type.shape);
    eachMember({ shape: weight!, data: w! }, { shape: table!, data: c! }, zero, (i, place) => {
      y[i] = place < 0 ? 0 : c![place]! + 0;
    });
    return y;
  };

export const bake = {
  codebook: /* @__PURE__ */ looked(false),
  sparseCodebook: /* @__PURE__ */ looked(true),
} satisfies Record<string, Bake>;

const lowered =
  (zero: number): Lower =>
  (node: Node, c) => {
    const [w, values] = node.inputs;
    const sizes = rowsOf(w!.type.shape, values!.type.shape);
    c.call("f32_codebook", { ...sizes, zero, x: c.in(w!), c: c.in(values!), y: c.out(node.outputs[0]!) });
  };

export const lower = {
  codebook: /* @__PURE__ */ lowered(0),
  sparseCodebook: /* @__PURE__ */ lowered(1),
} satisfies Record<string, Lower>;

export const lowerBackward = {
  codebookGradient(node: Node<GradientAttrs>, c) {
    const [upstream, w, values] = node.inputs;
    const sizes = rowsOf(w!.type.shape, values!.type.shape);
    c.call("f32_codebook_gradient", {
      ...sizes,
      zero: Number(node.attrs.zero),
      mean: Number(node.attrs.mean),
      dy: c.in(upstream!),
      x: c.in(w!),
      c: c.in(values!),
      dc: c.out(node.outputs[0]!),
      scratch: c.scratch("members", 4 * sizes.k),
    });
  },
} satisfies Record<string, Lower>;

export const cost = { codebook: free, sparseCodebook: free } satisfies Record<string, CostOf>;

const memberAxes: Axes = ({ inputs: [w, c] }) => {
  const all = w!.type.shape.map(indices);
  const values = fixed(c!.type.shape.at(-1)!);
  return { operands: [all, c!.type.shape.length === 1 ? [values] : [all[0]!, values], all] };
};

export const axes = { codebook: memberAxes, sparseCodebook: memberAxes } satisfies Record<string, Axes>;

export const traits = {
  codebook: { int8: "float" },
  sparseCodebook: { int8: "float" },
} satisfies Record<string, Traits>;

const baked = /* @__PURE__ */ refuse("codebooks are baked into their weights before saving");

export const unstored = { codebook: baked, sparseCodebook: baked } satisfies Record<string, Refusal>;
