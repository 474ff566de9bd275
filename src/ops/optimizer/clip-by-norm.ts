/**
 * clipByNorm(g, ...; limit) -> the same gradients, all scaled by limit / max(norm, limit), where norm is the square
 * root of the sum of their squares (Pascanu et al. 2013). One tensor: Keras' clipnorm; all of them: its
 * global_clipnorm.
 */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import { type CostOf, type Evaluate, type Gradient, type Lower, type Ref, refuse } from "../../graph/meaning.ts";
import { realOperands } from "../../graph/operand.ts";
import { free } from "../elementwise.ts";

export interface ClipByNorm {
  limit: number;
}

export const clipByNorm: Op<ClipByNorm> = { name: "clipByNorm", takes: realOperands, infer: gradients => gradients };

export const evaluateBackward = {
  clipByNorm(gradients, { limit }: ClipByNorm) {
    const squares = gradients.reduce((sum, g) => g.data.reduce((sum, v) => sum + v * v, sum), 0);
    const factor = limit / Math.max(Math.sqrt(squares), limit);
    return gradients.map(g =>
      tensor(
        g.shape,
        g.data.map(v => v * factor),
      ),
    );
  },
} satisfies Record<string, Evaluate>;

export const gradient = { clipByNorm: /* @__PURE__ */ refuse("gradients are not differentiated") } satisfies Record<
  string,
  Gradient | object
>;

/** Bytes of one sum of squares, an f64. */
const SUM = 8;

export const lowerBackward = {
  clipByNorm(node: Node<ClipByNorm>, c) {
    const sums = c.scratch("sums of squares", SUM * node.inputs.length);
    const factor = c.scratch("factor", 16);
    node.inputs.forEach((g, i) => {
      const y: Ref = { ...sums, offset: sums.offset + SUM * i };
      c.map("f32_sum_of_squares", g, n => ({ n, x: c.ref(g), y }));
    });
    c.call("f32_clip_factor", { parts: node.inputs.length, x: sums, y: factor, limit: node.attrs.limit });
    node.inputs.forEach((g, i) => {
      const y = c.out(node.outputs[i]!, c.layoutOf(g));
      c.map("f32_mul_scalar", g, n => ({ n, x: c.ref(g), s: factor, y }));
    });
  },
} satisfies Record<string, Lower>;

export const cost = { clipByNorm: free } satisfies Record<string, CostOf>;
