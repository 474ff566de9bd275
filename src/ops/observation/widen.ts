/**
 * widen([low, high], x) -> [min(low, x), max(high, x)] in place, over all elements of x and all images of a batch,
 * NaN left out. A range that has seen nothing is [Infinity, -Infinity].
 */
import { size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Evaluate, Lower } from "../../graph/meaning.ts";
import { REAL } from "../../graph/operand.ts";

export const RANGE: Type = { shape: [2], dtype: "f32", batched: false };

export const widen: Op = {
  name: "widen",
  takes: { list: [{ ...REAL, batched: false, rank: 1, what: "[low, high]" }, REAL] },
  infer([range]) {
    if (range!.shape[0] !== 2) throw new RangeError(`expects [low, high], got ${range!.shape[0]} numbers`);
    return [range!];
  },
  updates: [0],
};

export const evaluateBackward = {
  widen([range, x]) {
    let low = range!.data[0]!;
    let high = range!.data[1]!;
    for (const v of x!.data) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
    return [tensor([2], Float64Array.of(low, high))];
  },
} satisfies Record<string, Evaluate>;

export const lowerBackward = {
  widen(node: Node, c) {
    const [range, x] = node.inputs;
    const args = { x: c.in(x!), length: size(x!.type.shape), y: c.ref(range!) };
    if (x!.type.batched) c.each("f32_range", args);
    else c.call("f32_range", { ...args, n: 1 });
    c.alias(node.outputs[0]!, range!, true);
  },
} satisfies Record<string, Lower>;
