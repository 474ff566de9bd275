/** accumulate(sum, x) -> sum + x in place. It gathers what training steps give, such as scores of weights. */
import { sameShape, showShape } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Evaluate, Lower } from "../../graph/meaning.ts";
import { PARAMETER } from "../../graph/operand.ts";

export const accumulate: Op = {
  name: "accumulate",
  takes: { list: [PARAMETER, PARAMETER] },
  infer([sum, x]) {
    if (!sameShape(sum!.shape, x!.shape))
      throw new RangeError(`cannot add ${showShape(x!.shape)} to a sum of ${showShape(sum!.shape)}`);
    return [sum!];
  },
  updates: [0],
};

export const evaluateBackward = {
  accumulate: ([sum, x]) => [
    tensor(
      sum!.shape,
      sum!.data.map((v, i) => v + x!.data[i]!),
    ),
  ],
} satisfies Record<string, Evaluate>;

export const lowerBackward = {
  accumulate(node: Node, c) {
    const [sum, x] = node.inputs;
    const [a, b] = [c.ref(sum!), c.in(x!, c.layoutOf(sum!))];
    c.map("f32_add", sum!, n => ({ n, a, b, y: a }));
    c.alias(node.outputs[0]!, sum!, true);
  },
} satisfies Record<string, Lower>;
