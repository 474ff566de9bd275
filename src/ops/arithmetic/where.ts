/** where(x, a, b) = x where a > b (`equal`: a >= b), else 0; equal shapes, any layout. Only backward graphs hold it. */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { CostOf, Evaluate, Gradient, Lower } from "../../graph/meaning.ts";
import { realOperands } from "../../graph/operand.ts";
import { free, noSecondDerivative, sameType } from "../elementwise.ts";

export interface Where {
  equal: boolean;
}

export const where: Op<Where> = { name: "where", takes: realOperands, infer: sameType };

export const evaluateBackward = {
  where([x, a, b], { equal }: Where) {
    const holds = (i: number) => (equal ? a!.data[i]! >= b!.data[i]! : a!.data[i]! > b!.data[i]!);
    return [
      tensor(
        x!.shape,
        x!.data.map((v, i) => (holds(i) ? v : 0)),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

export const gradient = { where: noSecondDerivative } satisfies Record<string, Gradient | object>;

export const lowerBackward = {
  where(node: Node<Where>, c) {
    const [x, a, b] = node.inputs;
    const layout = c.layoutOf(x!);
    const y = c.out(node.outputs[0]!, layout);
    const kernel = node.attrs.equal ? "f32_where_greater_equal" : "f32_where_greater";
    c.map(kernel, x!, n => ({ n, x: c.ref(x!), a: c.in(a!, layout), b: c.in(b!, layout), y }));
  },
} satisfies Record<string, Lower>;

export const cost = { where: free } satisfies Record<string, CostOf>;
